import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { landlockRules, landlockScript, landlockText } from './landlock.ts'
import { systemCalls } from './system-calls.ts'
import { openBench, temporaryFolder } from './sandbox.fixture.ts'

/** Runs a shell script that is bound by the rules and by nothing else: no namespace, no mount. */
function bound(t: TestContext, rules: string, script: string): string | undefined {
  const noNewPrivileges = 38
  const program = `
    use strict;
    my ($prctl, $landlock, @command) = @ARGV;
    my $fail = sub { print "failed: $_[0]: $!"; exit };
    if (syscall(444, 0, 0, 1) < 2) { print 'none'; exit }
    syscall($prctl + 0, ${noNewPrivileges}, 1, 0, 0, 0) == 0 or $fail->('prctl');
    ${landlockScript}
    exec @command;`
  const { prctl } = systemCalls()
  const ran = spawnSync('/usr/bin/perl', ['-e', program, String(prctl), rules, '/bin/sh', '-c', script], {
    encoding: 'utf8',
    timeout: 10_000,
  })
  if (ran.stdout !== 'none') return ran.stdout
  t.skip('this kernel has no Landlock')
  return undefined
}

test('without any mount, what is not the step’s own cannot be written to', (t) => {
  const [mine, other] = [temporaryFolder(t), temporaryFolder(t)]
  writeFileSync(join(other, 'file'), 'theirs')
  mkdirSync(join(mine, 'a b,c:d'))
  const rules = landlockText([
    ...landlockRules([]).filter(({ path }) => ['/', '/dev', '/proc'].includes(path)),
    ...landlockRules([join(mine, 'a b,c:d')]).slice(-1),
  ])
  const said = bound(
    t,
    rules,
    `cd '${mine}/a b,c:d' || exit; mkdir x y; echo text > x/f && mv x/f y/f && ln y/f x/g && rm y/f && cat x/g
     echo x > ${mine}/outside; echo x > ${other}/file; rm ${other}/file; mkdir ${other}/new; cat ${other}/file
     echo x > /dev/null && echo null; kill -0 ${process.pid} && echo signals; true 2>/dev/null`,
  )
  if (said === undefined) return
  assert.equal(said, 'text\ntheirsnull\n')
  assert.deepEqual(readdirSync(other), ['file'])
  assert.deepEqual(readdirSync(mine), ['a b,c:d'])
})

test('a rule for a folder that is not there starts nothing', (t) => {
  const said = bound(t, landlockText(landlockRules(['/no/such/folder'])), 'echo ran')
  if (said !== undefined)
    assert.match(said, /^failed: landlock: \/(?:no\/such\/folder|home\/step): No such file/)
})

test('in a sandbox the first process hears no signal of the step, and nothing is made beside its own folders', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  if (bound(t, '', 'echo scoped') === undefined) return
  const { stdout } = await bench.sh(
    'kill -0 1 && echo signals; mkdir /made && echo made; touch /etc/made && echo etc; for d in /tmp /run /var/tmp /home/step /dev/shm .; do mkdir $d/d && mv $d/d $d/e && rmdir $d/e || echo $d; done; sleep 60 & kill $! && echo own',
  )
  assert.equal(stdout, 'own\n')
})
