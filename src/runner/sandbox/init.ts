/** Where tools in the sandbox find their proxy. Each sandbox has a network of its own, so the port is free. */
export const proxyPort = 3128

/**
 * The first program in the sandbox: listens on the proxy's port inside the step's own network namespace, hands
 * the listening socket to the supervisor outside, closes its copy, and becomes the command. So no relay
 * process runs where the step's code could reach it, and the supervisor accepts what arrives there.
 *
 * The socket travels as SCM_RIGHTS over Node's IPC channel (`{cmd:"NODE_HANDLE"}`). Two lines come back: Node's own
 * acknowledgement, and the supervisor's word that it has taken the socket and watches; a command that is over in a
 * millisecond is not missed.
 * perl-base is Essential on Debian and Ubuntu, starts in milliseconds, and can make a system call by number.
 * The step's environment comes by a file descriptor and is set last: PERL5OPT or LD_PRELOAD in it must not reach
 * this program, which holds the channel.
 * Arguments: file descriptors of the channel and of the environment, number of sendmsg(2), command, its arguments.
 */
export const initScript = String.raw`
use strict; use Socket;
my ($channel, $variables, $sendmsg, @command) = @ARGV;
my $fail = sub { syswrite(STDERR, "mayfly: the sandbox could not be started: $_[0]: $!\n"); exit 125 };
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
%ENV = map { split /=/, $_, 2 } split /\0/, do { local $/; <$environment> } // '';
close($environment);
exec { $command[0] } @command;
my $status = $!{ENOENT} ? 127 : 126;
syswrite(STDERR, "mayfly: cannot run $command[0]: $!\n");
exit $status;
`

/** Number of sendmsg(2) on this machine. */
export function sendmsgNumber(arch: string = process.arch): number {
  return arch === 'arm64' ? 211 : 46
}
