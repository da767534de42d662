/** PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER (prctl(2)). */
const [setDeathSignal, setSubreaper] = [1, 36]

/** What ends a step that has no process namespace. SIGPWR: of those that mean nothing to a program, one that perl has a name for. */
export const endSignal = 'SIGPWR'
const endNumber = 30

/** Of Landlock: the first that keeps signals inside (landlock(7), Linux 6.12). */
export const landlockWithSignals = 6

/**
 * Perl for the sandbox's first process where there is no process namespace (tier C), and so no kernel that ends everything with
 * it. It keeps the step together instead: whatever loses its parent becomes its child, however often it forks and begins new
 * sessions; it ends them all when the command has ended, when it is told to, and when bubblewrap or the supervisor dies. The
 * step can neither signal it nor write its memory: it is outside of the step's Landlock domain, without which it does not start.
 *
 * Of its surroundings it takes `$fail`, `$prctl` (the number of prctl(2)) and `$keeps` (1, or 0 where the kernel does all this);
 * `$endAll` ends what is left.
 */
export const keeperScript = String.raw`
my $below = sub {
  my ($top, @all) = ($$);
  my @next = ($top);
  while (defined(my $pid = shift @next)) {
    opendir(my $tasks, "/proc/$pid/task") or next;
    for my $task (grep { /^\d+$/ } readdir $tasks) {
      open(my $children, '<', "/proc/$pid/task/$task/children") or next;
      my @found = split ' ', <$children> // '';
      push @all, @found; push @next, @found;
    }
  }
  return @all;
};
my $endAll = sub {
  my %stopped;
  # What is stopped forks no more.
  for (1 .. 2_000) {
    my @new = grep { !$stopped{$_}++ } $below->() or last;
    kill('STOP', @new);
  }
  for (1 .. 5_000) {
    my @left = $below->() or last;
    kill('KILL', @left);
    1 while waitpid(-1, 1) > 0;
    select(undef, undef, undef, 0.001);
  }
};
if ($keeps) {
  syscall(444, 0, 0, 1) >= ${landlockWithSignals} or $fail->('Landlock with signals (Linux 6.12) is not there');
  syscall($prctl + 0, ${setSubreaper}, 1, 0, 0, 0) == 0 or $fail->('prctl');
  $SIG{PWR} = sub { $endAll->(); exit 137 };
  syscall($prctl + 0, ${setDeathSignal}, ${endNumber}, 0, 0, 0) == 0 or $fail->('prctl');
  # The supervisor signals the command's whole group, which this process is in.
  $SIG{$_} = 'IGNORE' for qw(INT TERM HUP QUIT PIPE USR1 USR2);
}
`

/** For the command, before it begins. */
export const unkeptScript = `  if ($keeps) { $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP QUIT PIPE USR1 USR2 PWR) }\n`
