import { listenScript } from './listen.ts'
import { systemCalls } from './system-calls.ts'

/** CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET (sched.h). */
const [newMounts, newUser, newNetwork] = [0x2_0000, 0x1000_0000, 0x4000_0000]
/** MS_REC | MS_PRIVATE; MS_BIND; MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC (mount(2)). */
const allPrivate = 0x4_4000
const bind = 0x1000
const readOnly = 0x102b

/** How its own message begins when it could not do its part. */
export const guardFailed = 'mayfly: the network and the devices of the sandbox could not be made'

/**
 * What runs before bubblewrap. It makes the step's network namespace and its doors (listen.ts), because bubblewrap's own
 * namespace would let nobody inside bind a port below 1024. An ordinary user makes a user namespace for this, in which
 * they are still themselves.
 *
 * Where the supervisor is root it also makes a mount namespace, and in it the device nodes read-only; bubblewrap keeps that
 * when it binds them. They belong to root, and so to the step: a chmod in there would change the machine's own. What they are
 * for goes on working; only the node cannot be changed. Root without CAP_SYS_ADMIN (in a container) makes a user namespace, too.
 *
 * An empty standard input is opened again from there, because the step reaches the first one as /proc/1/fd/0.
 * Arguments: places to listen at; file descriptor of the channel; numbers of sendmsg(2), unshare(2) and mount(2); command,
 * its arguments.
 */
const guardScript = String.raw`
use strict;
my ($places, $channel, $sendmsg, $unshare, $mount, @command) = @ARGV;
my $fail = sub { syswrite(STDERR, "${guardFailed}: $_[0]: $!\n"); exit 125 };
my ($uid, $gid) = ($<, $( + 0);
my $wanted = ${newNetwork} | ($uid == 0 ? ${newMounts} : 0);
unless ($uid == 0 and syscall($unshare + 0, $wanted) == 0) {
  syscall($unshare + 0, $wanted | ${newUser}) == 0 or $fail->('unshare');
  for ([setgroups => 'deny'], [uid_map => "$uid $uid 1"], [gid_map => "$gid $gid 1"]) {
    open(my $file, '>', "/proc/self/$_->[0]") or $fail->($_->[0]);
    syswrite($file, $_->[1]) or $fail->($_->[0]);
  }
}
${listenScript}
if ($uid == 0) {
  my ($none, $root) = ('none', '/');
  syscall($mount + 0, $none, $root, 0, ${allPrivate}, 0) == 0 or $fail->('mount');
  for my $name (qw(null zero full random urandom tty)) {
    my $node = "/dev/$name";
    next unless -c $node;
    syscall($mount + 0, $node, $node, 0, ${bind}, 0) == 0 or $fail->($node);
    syscall($mount + 0, $none, $node, 0, ${readOnly}, 0) == 0 or $fail->($node);
  }
  if (-c STDIN) { open(STDIN, '<', '/dev/null') or $fail->('/dev/null') }
}
exec { $command[0] } @command;
$fail->($command[0]);
`

/** The command line that starts bubblewrap in a network namespace of its own, which listens at these places. */
export function guarded(
  bwrap: string,
  args: readonly string[],
  { places, channelFd }: { places: readonly string[]; channelFd: number },
): [program: string, args: string[]] {
  const { sendmsg, unshare, mount } = systemCalls()
  const own = [places.join(','), channelFd, sendmsg, unshare, mount].map(String)
  return ['/usr/bin/perl', ['-e', guardScript, ...own, bwrap, ...args]]
}
