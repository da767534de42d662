import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { roleOf } from '../role-facts.fixture.ts'
import { limitsOf } from './limits/index.ts'
import { openBench, temporaryFolder, type Bench } from './sandbox.fixture.ts'

/* Tier C, as a container has it that lets nobody mount a /proc: here it is asked for. */

const landlock = 'exit(syscall(444, 0, 0, 1) >= 6 ? 0 : 1)'

async function openKept(t: TestContext): Promise<Bench | undefined> {
  const bench = await openBench(t, undefined, {}, { ownProcesses: false })
  if (bench === undefined) return undefined
  const { status } = spawnSync('/usr/bin/perl', ['-e', landlock])
  if (status === 0) return bench
  t.skip('this kernel has no Landlock with signals')
  return undefined
}

/** The pids of this machine whose command line holds the text. */
function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text)
      } catch {
        return false
      }
    })
    .map(Number)
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 2_000)
    await sleep(5)
  }
}

let serial = 0
/** Forks twice and begins sessions of its own, so that no parent and no group leads to it; sleeps under a name. */
const daemons = (name: string, count: number) =>
  `use POSIX; for (1 .. ${count}) { next if fork(); setsid(); exit if fork(); close($_) for *STDIN, *STDOUT, *STDERR; exec '/bin/sh', '-c', 'trap "" TERM HUP INT; while :; do sleep 1; done', '${name}' } wait for 1 .. ${count};`

test('without a process namespace exit codes and signals come through, and streams', async (t) => {
  const bench = await openKept(t)
  if (bench === undefined) return
  for (const code of [0, 1, 200]) assert.equal((await bench.sh(`exit ${code}`)).code, code)
  for (const [name, code] of [
    ['TERM', 143],
    ['KILL', 137],
  ] as const)
    assert.equal((await bench.sh(`kill -${name} $$`)).code, code)
  const said = await bench.sh('echo out; echo err >&2; trap')
  assert.deepEqual([said.stdout, said.stderr], ['out\n', 'err\n'])
})

test('it has network, mounts, names and users of its own, and the machine’s processes alone are not hidden', async (t) => {
  const bench = await openKept(t)
  if (bench === undefined) return
  const names = ['net', 'mnt', 'ipc', 'uts', 'user', 'pid']
  const { stdout } = await bench.sh(`for n in ${names.join(' ')}; do readlink /proc/self/ns/$n; done`)
  const same = stdout
    .trim()
    .split('\n')
    .map((link, i) => link === readlinkSync(`/proc/self/ns/${names[i]}`))
  assert.deepEqual(same, [false, false, false, false, false, true])
})

test('when the command has ended, nothing of it runs on, however it hid', async (t) => {
  const bench = await openKept(t)
  if (bench === undefined) return
  const name = `kept-${process.pid}-${serial++}`
  const { code } = await bench.run(['/usr/bin/perl', '-e', `${daemons(name, 20)} exit 3`])
  assert.equal(code, 3)
  assert.deepEqual(processesWith(name), [])
})

test('when it is killed, all of it is dead before its end is told', async (t) => {
  const bench = await openKept(t)
  if (bench === undefined) return
  const name = `kept-${process.pid}-${serial++}`
  const sandbox = bench.start(['/usr/bin/perl', '-e', `${daemons(name, 20)} sleep 600`])
  await until(() => processesWith(name).length > 20)
  sandbox.kill()
  assert.equal(await sandbox.exit, 137)
  assert.deepEqual(processesWith(name), [])
})

test('a fork bomb is ended, too', async (t) => {
  const bench = await openBench(t, undefined, { processes: 60 }, { ownProcesses: false })
  if (bench === undefined || (await openKept(t)) === undefined) return
  const name = `kept-${process.pid}-${serial++}`
  const bomb = `$0 = '${name}'; $SIG{CHLD} = 'IGNORE'; for (;;) { my $pid = fork(); if (defined $pid and !$pid) { setpgrp; next } select(undef, undef, undef, 0.01) unless defined $pid }`
  const sandbox = bench.start(['/usr/bin/perl', '-e', bomb])
  for (let tries = 0; processesWith(name).length < 20 && tries < 2_000; tries++) await sleep(5)
  sandbox.kill()
  await sandbox.exit
  assert.deepEqual(processesWith(name), [])
})

test('it can signal nobody outside: not its keeper, not its supervisor, not whatever else this user runs', async (t) => {
  const bench = await openKept(t)
  if (bench === undefined) return
  const bystander = spawn('/bin/sleep', ['600'])
  t.after(() => bystander.kill('SIGKILL'))
  const { pid } = bystander
  const attack = `use POSIX; my @o = map { kill('KILL', $_) ? "$_ hit" : $!{EPERM} ? 'refused' : "$_ $!" } (getppid(), ${process.pid}, ${pid}); print join(',', @o)`
  const { stdout, code } = await bench.run(['/usr/bin/perl', '-e', attack])
  assert.equal(code, 0)
  assert.equal(stdout, 'refused,refused,refused')
  assert.equal(bystander.exitCode ?? bystander.signalCode, null)
})

test('of processes outside it reads neither memory, environment, files nor folders', async (t) => {
  const bench = await openKept(t)
  if (bench === undefined) return
  const secret = `secret-${process.pid}-${serial++}`
  const home = temporaryFolder(t)
  writeFileSync(join(home, 'key'), secret, { mode: 0o600 })
  const bystander = spawn('/bin/sleep', ['600'], { env: { TOKEN: secret }, cwd: home })
  t.after(() => bystander.kill('SIGKILL'))
  const at = `/proc/${bystander.pid}`
  const { stdout } = await bench.sh(
    `for f in ${at}/environ ${at}/cwd/key ${at}/root${home}/key ${at}/mem ${at}/maps ${at}/fd/0 /proc/${process.pid}/environ; do cat $f 2>/dev/null && echo; done; ls -l ${at}/fd 2>/dev/null | grep -- '->'; ls ${at}/cwd/ ${at}/root/ 2>/dev/null; test -d ${at} && echo seen`,
  )
  assert.equal(stdout.trim(), 'seen')
})

test('when the supervisor is killed, nothing of the step is left', async (t) => {
  const bench = await openKept(t)
  if (bench === undefined) return
  const name = `kept-${process.pid}-${serial++}`
  const { workspace } = bench
  const request = {
    ...{ workspace, tools: [], env: {}, caCertificate: '', covers: [], withStdin: false },
    ...{ command: ['/usr/bin/perl', '-e', `${daemons(name, 5)} sleep 600`] },
    limits: limitsOf(roleOf('build').limits),
    ...bench.probe,
    ownProcesses: false,
    doors: { places: [], hosts: '' },
  }
  const script = `import { startSandbox } from ${JSON.stringify(new URL('sandbox.ts', import.meta.url).href)}
    const sandbox = startSandbox(${JSON.stringify(request)})
    sandbox.stdout.resume()
    await sandbox.exit`
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
  t.after(() => supervisor.kill('SIGKILL'))
  await until(() => processesWith(name).length > 8)
  supervisor.kill('SIGKILL')
  await until(() => processesWith(name).length === 0)
})
