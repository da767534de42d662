/** Where tools in the sandbox find their proxy. Each sandbox has a network of its own, so the port is free. */
export const proxyPort = 3128

/** PR_SET_DUMPABLE, prctl(2). */
const setDumpable = 4

/**
 * The first process of the sandbox: listens on the proxy's port inside the step's own network namespace, hands the listening
 * socket to the supervisor outside, closes its copy, starts the command and waits for it. So no relay process runs where the
 * step's code could reach it, and the supervisor accepts what arrives there.
 *
 * It has the step's own user, and whoever could write its memory could make it outlive the end of the step, or say another
 * exit code. So it is not dumpable (prctl(2)): no process without a capability reads or writes it. bubblewrap's own first
 * process would be, and has no part in it (`--as-pid-1`). Once it ends, the kernel ends whatever the step left.
 *
 * The socket travels as SCM_RIGHTS over Node's IPC channel (`{cmd:"NODE_HANDLE"}`). Two lines come back: Node's own
 * acknowledgement, and the supervisor's word that it has taken the socket and watches; a command that is over in a
 * millisecond is not missed.
 * perl-base is Essential on Debian and Ubuntu, starts in milliseconds, and can make a system call by number.
 * The step's environment comes by a file descriptor and is set last: PERL5OPT or LD_PRELOAD in it must not reach
 * this program, which holds the channel.
 * Before all else it joins the step's control groups, and is the first that the machine ends when its memory is used up.
 * Arguments: file descriptors of the channel and of the environment, numbers of sendmsg(2), prctl(2) and prlimit(2), file
 * descriptors of control groups, limits of each process (`resource=value`, both lists by commas), command, its arguments.
 */
export const initScript = String.raw`
use strict; use Socket;
my ($channel, $variables, $sendmsg, $prctl, $prlimit, $joins, $limits, @command) = @ARGV;
my $fail = sub { syswrite(STDERR, "mayfly: the sandbox could not be started: $_[0]: $!\n"); exit 125 };
for (split /,/, $joins) {
  open(my $group, '>&=', $_ + 0) or $fail->('control group');
  syswrite($group, '0') or $fail->('control group');
  close($group);
}
if (open(my $first, '>', '/proc/self/oom_score_adj')) { syswrite($first, '1000') }
syscall($prctl + 0, ${setDumpable}, 0, 0, 0, 0) == 0 or $fail->('prctl');
socket(my $listener, PF_INET, SOCK_STREAM, 6) or $fail->('socket');
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, sockaddr_in(${proxyPort}, INADDR_LOOPBACK)) or $fail->('bind');
listen($listener, 511) or $fail->('listen');
my $message = qq({"cmd":"NODE_HANDLE","type":"net.Server","msg":"proxy"}\n);
my $rights = pack('Q i i i x4', 20, 1, 1, fileno($listener));
my $vector = pack('P Q', $message, length $message);
my $header = pack('Q L x4 P Q P Q i x4', 0, 0, $vector, 1, $rights, length $rights, 0);
syscall($sendmsg + 0, $channel + 0, $header, 0) == length $message or $fail->('sendmsg');
open(my $control, '+<&=', $channel + 0) or $fail->('channel');
my $answers = '';
while (($answers =~ tr/\n//) < 2) { sysread($control, $answers, 256, length $answers) or $fail->('no supervisor') }
close($control); close($listener);
open(my $environment, '<&=', $variables + 0) or $fail->('environment');
my %variables = map { split /=/, $_, 2 } split /\0/, do { local $/; <$environment> } // '';
close($environment);
my $child = fork() // $fail->('fork');
if ($child == 0) {
  for (split /,/, $limits) {
    my ($resource, $most) = map { $_ + 0 } split /=/;
    my $now = pack('Q2', 0, 0);
    syscall($prlimit + 0, 0, $resource, 0, $now) == 0 or $fail->('limits');
    my (undef, $hard) = unpack('Q2', $now);
    my $new = pack('Q2', (($most < $hard ? $most : $hard)) x 2);
    syscall($prlimit + 0, 0, $resource, $new, 0) == 0 or $fail->('limits');
  }
  %ENV = %variables;
  exec { $command[0] } @command;
  my $status = $!{ENOENT} ? 127 : 126;
  syswrite(STDERR, "mayfly: cannot run $command[0]: $!\n");
  exit $status;
}
close($_) for *STDIN, *STDOUT, *STDERR;
1 until waitpid(-1, 0) == $child;
exit(($? & 127) ? 128 + ($? & 127) : $? >> 8);
`

/** Numbers of sendmsg(2), prctl(2) and prlimit(2) on this machine. */
export function systemCalls(arch: string = process.arch): {
  sendmsg: number
  prctl: number
  prlimit: number
} {
  return arch === 'arm64'
    ? { sendmsg: 211, prctl: 167, prlimit: 261 }
    : { sendmsg: 46, prctl: 157, prlimit: 302 }
}
