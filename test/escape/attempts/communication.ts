import type { Attempt } from '../attempt.ts'

/** Shared memory, queues and semaphores of the machine. */
export const communication: readonly Attempt[] = [
  {
    name: 'ipc.shared-memory',
    tries: 'reads a System V segment of the machine',
    program: String.raw`my $id = shmget($ground{ipc}, 0, 0); defined $id or held($!); shmread($id, my $t, 0, 100); secret($t);`,
    control: 'machine',
  },
  {
    name: 'ipc.message-queue',
    tries: 'opens a System V message queue of the machine',
    program: String.raw`my $id = msgget($ground{ipc}, 0); defined $id and reached($id); held($!);`,
    control: 'machine',
  },
  {
    name: 'ipc.semaphores',
    tries: 'opens System V semaphores of the machine',
    program: String.raw`my $id = semget($ground{ipc}, 0, 0); defined $id and reached($id); held($!);`,
    control: 'machine',
  },
  {
    name: 'ipc.posix-queue',
    tries: 'opens a POSIX message queue of the machine',
    program: String.raw`my $n = "escape-$ground{pid}\0"; my $q = call('mq_open', $n, 0, 0, 0); $q >= 0 and reached($q); held($!);`,
    control: 'machine',
  },
  {
    name: 'ipc.every-segment',
    tries: 'lists the segments, queues and semaphores of the machine',
    program: String.raw`for my $k (qw(shm msg sem)) { my @l = split /\n/, slurp("/proc/sysvipc/$k"); @l > 1 and reached("$k: $l[1]") } held('none');`,
    control: 'machine',
  },
]
