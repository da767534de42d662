import { keeperScript, unkeptScript } from './keeper.ts'
import { landlockScript } from './landlock.ts'
import { afterScript, beforeScript } from './last-word.ts'
import { nestingScript, setDumpable } from './nesting.ts'

/**
 * The first process of the sandbox: says that the sandbox stands, waits until the supervisor has taken its doors (listen.ts) and
 * watches, starts the command and waits for it. So a command that is over in a millisecond is not missed.
 *
 * It has the step's own user, and whoever could write its memory could make it outlive the end of the step, or say another
 * exit code. So it is not dumpable (prctl(2)): no process without a capability reads or writes it. bubblewrap's own first
 * process would be, and has no part in it (`--as-pid-1`). Once it ends, the kernel ends whatever the step left.
 *
 * Each step has a network namespace of its own, made before bubblewrap. Should that ever have failed in silence, the command
 * would have the machine's network: so the namespace is compared with the supervisor's here, behind everything.
 *
 * What comes back on the channel is Node's own word for each socket that it took (`NODE_HANDLE_ACK`), and then "go".
 * perl-base is Essential on Debian and Ubuntu, starts in milliseconds, and can make a system call by number.
 * The step's environment comes by a file descriptor and is set last: PERL5OPT or LD_PRELOAD in it must not reach
 * this program, which holds the channel.
 * Before all else it joins the step's control groups, and is the first that the machine ends when its memory is used up.
 * Once the command has ended it says what the step has used and left (last-word.ts): the last that the channel carries.
 * Arguments: file descriptors of the channel and of the environment, numbers of prctl(2), prlimit(2), getrusage(2) and statfs(2),
 * folders in memory, file descriptors of control groups, limits of each process (`resource=value`, both lists by commas), the supervisor's network namespace, rules of
 * Landlock, the number of unshare(2) for a step that may nest, else 0, whether it keeps the step together by
 * itself (keeper.ts), command, its arguments.
 */
export const initScript = String.raw`
use strict;
my ($channel, $variables, $prctl, $prlimit, $getrusage, $statfs, $memory, $joins, $limits, $machine, $landlock, $nest, $keeps, @command) = @ARGV;
my $fail = sub { syswrite(STDERR, "mayfly: the sandbox could not be started: $_[0]: $!\n"); exit 125 };
for (split /,/, $joins) {
  open(my $group, '>&=', $_ + 0) or $fail->('control group');
  syswrite($group, '0') or $fail->('control group');
  close($group);
}
if (open(my $first, '>', '/proc/self/oom_score_adj')) { syswrite($first, '1000') }
syscall($prctl + 0, ${setDumpable}, 0, 0, 0, 0) == 0 or $fail->('prctl');
${keeperScript}my $network = readlink('/proc/self/ns/net') // $fail->('its network');
$network eq $machine and $fail->('it would have the network of the machine');
open(my $control, '+<&=', $channel + 0) or $fail->('channel');
syswrite($control, qq("stands"\n)) or $fail->('channel');
my $answers = '';
until ($answers =~ /^"go"$/m) { sysread($control, $answers, 256, length $answers) or $fail->('no supervisor') }
open(my $environment, '<&=', $variables + 0) or $fail->('environment');
my %variables = map { split /=/, $_, 2 } split /\0/, do { local $/; <$environment> } // '';
close($environment);
for (split /,/, $limits) {
  my ($resource, $most) = map { $_ + 0 } split /=/;
  my $now = pack('Q2', 0, 0);
  syscall($prlimit + 0, $$ + 0, $resource, 0, $now) == 0 or $fail->('limits');
  my (undef, $hard) = unpack('Q2', $now);
  my $new = pack('Q2', (($most < $hard ? $most : $hard)) x 2);
  syscall($prlimit + 0, $$ + 0, $resource, $new, 0) == 0 or $fail->('limits');
}
${beforeScript}my $child = fork() // $fail->('fork');
if ($child == 0) {
  close($control);
${unkeptScript}${nestingScript}${landlockScript}  %ENV = %variables;
  exec { $command[0] } @command;
  my $status = $!{ENOENT} ? 127 : 126;
  syswrite(STDERR, "mayfly: cannot run $command[0]: $!\n");
  exit $status;
}
close($_) for *STDIN, *STDOUT, *STDERR;
1 until waitpid(-1, 0) == $child;
my $status = ($? & 127) ? 128 + ($? & 127) : $? >> 8;
$endAll->() if $keeps;
${afterScript}exit($status);
`
