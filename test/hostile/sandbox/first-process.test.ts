import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBench } from '../../../src/runner/sandbox/sandbox.fixture.ts'

// Whoever writes the memory of the namespace's first process decides what it does: it clears its PDEATHSIG, says an exit code
// of the step's choice, and lives on with everything below it after the end of the step.
test('a step reads or writes the first process of its namespace', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const ran = await bench.run([
    '/usr/bin/perl',
    '-e',
    String.raw`
      for my $name (qw(mem maps environ auxv stack syscall task/1/mem)) {
        for my $mode ('<', '+<') { open(my $f, $mode, "/proc/1/$name") and ($name =~ /mem/ or sysread($f, my $x, 1)) and print "$name $mode\n" }
      }
      opendir(my $d, '/proc/1/fd') and readlink("/proc/1/fd/$_") and print "fd $_\n" for 0 .. 63;
      readlink("/proc/1/$_") and print "$_\n" for qw(cwd root exe);
      # From within, a signal that it has no handler for does not reach it.
      kill($_, 1) for qw(KILL TERM STOP INT SEGV);
      print "done\n";
    `,
  ])
  assert.deepEqual(ran, { code: 0, stdout: 'done\n', stderr: '' })
})

test('the exit code is the command’s, also after a signal, and what the step left behind is gone', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  for (const [script, code] of [
    ['exit 7', 7],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
    // Children that the command left, and those that came to the first process, end with it.
    ['(setsid sh -c "while :; do date > alive; sleep 0.05; done" &) ; sleep 0.2; exit 3', 3],
  ] as const)
    assert.equal((await bench.sh(script)).code, code, script)
  const { stdout } = await bench.sh('rm -f alive; sleep 0.3; ls')
  assert.equal(stdout, '')
})
