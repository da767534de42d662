import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attempt } from '../attempt.ts'

const eachOther = String.raw`for my $pid (grep { $_ != $$ } map { m{/(\d+)$} } glob '/proc/[0-9]*')`

/** Other processes: of the machine, the supervisor, the first of its own namespace; and /proc, which tells of them. */
export const processes: readonly Attempt[] = [
  {
    name: 'proc.environment',
    tries: 'reads the environment of every process that it sees',
    program: String.raw`${eachOther} { my $t = slurp("/proc/$pid/environ"); $t =~ /canary|MAYFLY_TOKEN|ACTIONS_ID_TOKEN/ and secret($t . 'canary-' . 'a' x 32) }`,
    control: 'machine',
  },
  {
    name: 'proc.memory',
    tries: 'searches the memory of every process that it sees for tokens, as the attack on tj-actions did',
    program: String.raw`
      ${eachOther} {
        (readlink("/proc/$pid/exe") // '') =~ /perl/ || $pid == 1 or next;
        open(my $mem, '<', "/proc/$pid/mem") or next;
        for (split /\n/, slurp("/proc/$pid/maps")) {
          /^([0-9a-f]+)-([0-9a-f]+) rw.*(?:heap|00:00 0)/ or next; my ($from, $to) = (hex $1, hex $2); next if $to - $from > 50_000_000;
          sysseek($mem, $from, 0); sysread($mem, my $t, $to - $from); secret($t) if ($t // '') =~ /in memory: canary-[0-9a-f]{32}/;
        }
      }`,
    control: 'machine',
  },
  {
    name: 'proc.memory-write',
    tries: 'opens the memory of another process for writing',
    program: String.raw`
      my $child = fork; if (!$child) { sleep 5; exit } ${eachOther} { next if $pid == $child || $pid == getppid; open(my $mem, '+<', "/proc/$pid/mem") and kill('KILL', $child), reached($pid) } kill 'KILL', $child; held($!);`,
    control: 'machine',
    alone: true,
  },
  {
    name: 'proc.root',
    tries: 'reads a file of the machine through the root or the working folder of another process',
    program: String.raw`
      ${eachOther} { for my $way ('root', 'cwd/../../../../../../..') { secret($_) for grep { /canary/ } slurp("/proc/$pid/$way$ground{secret_file}") } } held($!);`,
    control: 'machine',
    alone: true,
  },
  {
    name: 'proc.descriptors',
    tries: 'takes an open file from another process',
    program: String.raw`
      ${eachOther} { next if (slurp("/proc/$pid/stat") =~ /\(perl\)/) && $pid != 1; opendir(my $d, "/proc/$pid/fd") or next; my @n = grep { defined readlink "/proc/$pid/fd/$_" } grep { /\d/ } readdir $d; reached("$pid: @n") if @n } held($!);`,
    control: 'machine',
  },
  {
    name: 'proc.list',
    tries: 'sees the processes of the machine and their command lines',
    program: String.raw`${eachOther} { slurp("/proc/$pid/cmdline") =~ /escape-machine|mayfly\.js/ and reached($pid) } held('none of the machine');`,
    control: 'machine',
  },
  {
    name: 'proc.by-number',
    tries: 'asks for a process of the machine by its number',
    program: String.raw`for my $f (qw(environ cmdline maps mem status)) { -e "/proc/$ground{pid}/$f" and slurp("/proc/$ground{pid}/cmdline") =~ /escape-machine/ and reached($f) } held($!);`,
    control: 'machine',
  },
  {
    name: 'proc.first-memory',
    tries: 'writes the memory of its namespace’s first process, which says how the step ended',
    program: String.raw`for my $f (qw(mem maps environ auxv stack syscall)) { open(my $m, $f eq 'mem' ? '+<' : '<', "/proc/1/$f") and ($f eq 'mem' || sysread($m, my $x, 1)) and reached($f) } held($!);`,
    control: { none: 'the machine’s own first process is not to be tried' },
  },
  {
    name: 'signals.machine',
    tries: 'sends a signal to a process of the machine, by number and by file descriptor',
    program: String.raw`
      kill(0, $ground{pid}) and slurp("/proc/$ground{pid}/cmdline") =~ /escape-machine/ and reached('kill');
      my $fd = call('pidfd_open', $ground{pid} + 0, 0); $fd >= 0 and call('pidfd_send_signal', $fd, 0, 0, 0) == 0 and slurp("/proc/$ground{pid}/cmdline") =~ /escape-machine/ and reached('pidfd'); held($!);`,
    control: 'machine',
  },
  {
    name: 'signals.everybody',
    tries: 'kills every process that it may',
    program: String.raw`$SIG{TERM} = 'IGNORE'; kill('TERM', -1); kill('KILL', getppid) if getppid != 1; held('the machine’s is looked at afterwards');`,
    control: { none: 'it would end the suite' },
    alone: true,
    ends: true,
  },
  {
    name: 'signals.first-process',
    tries: 'kills or stops the first process of its namespace',
    program: String.raw`kill($_, 1) for qw(KILL STOP TERM INT SEGV ABRT USR1); select(undef, undef, undef, 0.1); slurp('/proc/1/stat') =~ /\) [TtZ]/ and reached('stopped'); held('it goes on');`,
    control: { none: 'the machine’s own first process is not to be tried' },
  },
  {
    name: 'signals.owner',
    tries:
      'has the kernel send a signal to a process of the machine when a pipe is written to (F_SETOWN, F_SETSIG)',
    program: String.raw`
      pipe(my $r, my $w); call('fcntl', fileno($r), 8, $ground{pid} + 0) == 0 or held($!); call('fcntl', fileno($r), 10, $ground{side} eq 'inside' ? 10 : 12);
      call('fcntl', fileno($r), 4, 0x2800); syswrite($w, 'x'); held('it is looked at afterwards');`,
    control: 'machine',
    afterwards: async ({ secretFile, side }) => {
      await sleep(200)
      return existsSync(join(dirname(secretFile), `signalled-${side}`)) ? 'it has got the signal' : undefined
    },
  },
  {
    name: 'ptrace.attach',
    tries: 'attaches to another process of its user (PTRACE_ATTACH, PTRACE_SEIZE)',
    program: String.raw`
      my $child = fork // die; if (!$child) { sleep 3; exit } my $seized = call('ptrace', 0x4206, $child, 0, 0); my $why = $!; kill 'KILL', $child; $seized == 0 and reached('seized'); held($why);`,
    control: 'machine',
  },
  {
    name: 'ptrace.traceme',
    tries: 'asks to be traced',
    program: String.raw`let_through('ptrace', 0, 0, 0, 0);`,
    control: 'machine',
  },
  {
    name: 'memory.read',
    tries: 'reads the memory of another process (process_vm_readv)',
    program: String.raw`
      my $child = fork // die; if (!$child) { sleep 3; exit } my $text = 'x' x 16; my $at = unpack('Q', pack('P', $text)); my $got = "\0" x 16;
      my ($here, $there) = (pack('P Q', $got, 16), pack('Q Q', $at, 16)); my $n = call('process_vm_readv', $child, $here, 1, $there, 1, 0); my $why = $!; kill 'KILL', $child; $n > 0 and reached($n); held($why);`,
    control: 'machine',
  },
  {
    name: 'memory.write',
    tries: 'writes the memory of another process (process_vm_writev)',
    program: String.raw`
      my $child = fork // die; if (!$child) { sleep 3; exit } my $text = 'x' x 16; my $at = unpack('Q', pack('P', $text));
      my ($here, $there) = (pack('P Q', $text, 16), pack('Q Q', $at, 16)); my $n = call('process_vm_writev', $child, $here, 1, $there, 1, 0); my $why = $!; kill 'KILL', $child; $n > 0 and reached($n); held($why);`,
    control: 'machine',
  },
  {
    name: 'memory.advise',
    tries: 'drops the memory of another process (process_madvise, process_mrelease)',
    program: String.raw`my $fd = call('pidfd_open', 1, 0); $fd >= 0 or held($!); my $vector = pack('Q Q', 4096, 4096); call('process_madvise', $fd, $vector, 1, 21, 0) >= 0 and reached('advised'); call('process_mrelease', $fd, 0) == 0 and reached('released'); held($!);`,
    control: { none: 'the machine’s first process is not to be tried' },
  },
  {
    name: 'memory.move',
    tries: 'moves the pages of another process (move_pages, migrate_pages)',
    program: String.raw`let_through('move_pages', 0, 0, 0, 0, 0, 0);`,
    control: 'machine',
  },
  {
    name: 'descriptors.of-others',
    tries: 'takes a descriptor of another process (pidfd_getfd)',
    program: String.raw`
      pipe(my $r, my $w); my $child = fork // die; if (!$child) { sleep 3; exit } my $fd = call('pidfd_open', $child, 0); my $got = call('pidfd_getfd', $fd, fileno($r), 0); my $why = $!; kill 'KILL', $child; $got >= 0 and reached($got); held($why);`,
    control: 'machine',
  },
  {
    name: 'processes.compare',
    tries: 'compares what two processes have open, a way to the kernel’s addresses (kcmp)',
    program: String.raw`let_through('kcmp', $$ + 0, $$ + 0, 0, 0, 0);`,
    control: 'machine',
  },
  {
    name: 'processes.limits',
    tries: 'raises its limits of open files, processes, memory, core dumps',
    program: String.raw`
      for my $r (1, 4, 6, 7) { my ($less, $more) = (pack('Q2', 50, 50), pack('Q2', 60, 60)); call('prlimit64', 0, $r, $less, 0); call('prlimit64', 0, $r, $more, 0); my $why = $!; my $now = pack('Q2', 0, 0); call('prlimit64', 0, $r, 0, $now); (unpack('Q2', $now))[1] == 60 and reached($r); $! = $why } held($!);`,
    control: { none: 'not every root has CAP_SYS_RESOURCE' },
  },
  {
    name: 'processes.real-time',
    tries: 'takes the processors with a real-time priority, a negative nice or real-time input and output',
    program: String.raw`
      my $one = pack('i', 1); call('sched_setscheduler', 0, 1, $one) == 0 and reached('real time'); call('setpriority', 0, 0, -5) == 0 and reached('nice');
      call('ioprio_set', 1, 0, 1 << 13) == 0 and reached('input and output'); held($!);`,
    control: 'root-machine',
  },
  {
    name: 'processes.oom',
    tries: 'makes others be killed first when memory runs out',
    program: String.raw`my $now = slurp('/proc/self/oom_score_adj') + 0; open(my $f, '>', '/proc/self/oom_score_adj') or held($!); syswrite($f, -900) and reached('lowered'); held($!);`,
    control: { none: 'not every root has CAP_SYS_RESOURCE' },
  },
  {
    name: 'users.other',
    tries: 'becomes another user or takes further groups',
    program: String.raw`
      my $other = $> == 1 ? 2 : 1; my $groups = pack('L', 4); call('setgroups', 1, $groups) == 0 and reached('groups'); call('setuid', $other) == 0 and reached('user'); held($!);`,
    control: 'root-machine',
  },
  {
    name: 'users.set-id-programs',
    tries: 'becomes root by a set-uid program: sudo, su, pkexec, newuidmap, mount',
    language: 'sh',
    program:
      'for f in /usr/bin/sudo /usr/bin/su /bin/su /usr/bin/pkexec /usr/bin/newuidmap /usr/bin/mount; do [ -u $f ] && found=1; done\ngrep -q "NoNewPrivs:.0" /proc/self/status && [ -n "$found" ] && reached "a set-uid program would be obeyed"',
    control: 'machine',
  },
  {
    name: 'users.map',
    tries: 'maps other users into its namespace',
    program: String.raw`for my $f (qw(uid_map gid_map)) { for my $pid ('self', 1) { open(my $m, '>', "/proc/$pid/$f") and syswrite($m, "1 1 1\n") and reached($f) } } held($!);`,
    control: { none: 'a map can be written once; outside it has been' },
  },
  {
    name: 'users.capabilities',
    tries: 'holds a capability, or gets one by a program',
    program: String.raw`my @sets = slurp('/proc/self/status') =~ /^Cap(?:Inh|Prm|Eff|Bnd|Amb):\s*([0-9a-f]+)/mg; my @held = grep { !/^0+$/ } @sets; @sets == 5 && !@held and held('none'); reached("@held");`,
    control: 'machine',
  },
]
