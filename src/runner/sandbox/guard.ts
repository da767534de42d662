/** CLONE_NEWNS, and with CLONE_NEWUSER (sched.h). */
const newMounts = 0x2_0000
const newUserAndMounts = 0x1002_0000
/** MS_REC | MS_PRIVATE; MS_BIND; MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC (mount(2)). */
const allPrivate = 0x4_4000
const bind = 0x1000
const readOnly = 0x102b

/**
 * What runs before bubblewrap where the supervisor is root: in a mount namespace of its own it makes the device nodes
 * read-only, and bubblewrap keeps that when it binds them. They belong to root, and so to the step: a chmod in there
 * would change the machine's own. What they are for goes on working; only the node cannot be changed.
 *
 * An empty standard input is opened again from there, because the step reaches the first one as /proc/1/fd/0.
 * Root without CAP_SYS_ADMIN (in a container) makes a user namespace for this.
 * Arguments: numbers of unshare(2) and mount(2), command, its arguments.
 */
const guardScript = String.raw`
use strict;
my ($unshare, $mount, @command) = @ARGV;
my $fail = sub { syswrite(STDERR, "mayfly: the machine's devices cannot be kept from the step: $_[0]: $!\n"); exit 125 };
if (syscall($unshare + 0, ${newMounts}) != 0) {
  syscall($unshare + 0, ${newUserAndMounts}) == 0 or $fail->('unshare');
  for ([setgroups => 'deny'], [uid_map => '0 0 1'], [gid_map => '0 0 1']) {
    open(my $file, '>', "/proc/self/$_->[0]") or $fail->($_->[0]);
    syswrite($file, $_->[1]) or $fail->($_->[0]);
  }
}
my ($none, $root) = ('none', '/');
syscall($mount + 0, $none, $root, 0, ${allPrivate}, 0) == 0 or $fail->('mount');
for my $name (qw(null zero full random urandom tty)) {
  my $node = "/dev/$name";
  next unless -c $node;
  syscall($mount + 0, $node, $node, 0, ${bind}, 0) == 0 or $fail->($node);
  syscall($mount + 0, $none, $node, 0, ${readOnly}, 0) == 0 or $fail->($node);
}
if (-c STDIN) { open(STDIN, '<', '/dev/null') or $fail->('/dev/null') }
exec { $command[0] } @command;
$fail->($command[0]);
`

/** The command line that starts bubblewrap: behind the guard if the supervisor is root. */
export function guarded(bwrap: string, args: readonly string[]): [program: string, args: string[]] {
  if (process.getuid?.() !== 0) return [bwrap, [...args]]
  const [unshare, mount] = process.arch === 'arm64' ? [97, 40] : [272, 165]
  return ['/usr/bin/perl', ['-e', guardScript, String(unshare), String(mount), bwrap, ...args]]
}
