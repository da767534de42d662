import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { eventually, isRunning, leasesOf, mayfly, startJob } from './job.ts'

let stage: Stage
before(async () => {
  stage = await setStage()
})
after(() => stage[Symbol.asyncDispose]())

const none = { active: 0, openSteps: 0 }
const inStep = (script: string) => ['--role', 'build', '--', 'bash', '-c', script]
const piped = (pipe: string, script: string) => [
  '/bin/bash',
  '-o',
  'pipefail',
  '-c',
  `"$0" run --role build -- bash -c ${JSON.stringify(script)} ${pipe}`,
  mayfly,
]
const lsRemote = 'git ls-remote https://git.example.com/octo-org/links >/dev/null'

test('a reader that leaves (`| head`) ends the step, as SIGPIPE would; its leases are revoked at once', async () => {
  for (const pipe of ['| head -3', '2>&1 | head -3']) {
    // Python and Node ignore SIGPIPE, as this does: it ends all the same.
    for (const script of [
      `${lsRemote}; while :; do echo line; done`,
      `trap '' PIPE; while :; do echo line 2>/dev/null; done`,
    ]) {
      const job = startJob(stage, [], {}, piped(pipe, script))
      assert.equal(await job.ended, 141, job.said.err)
      assert.equal(job.said.out, 'line\nline\nline\n')
      assert.doesNotMatch(job.said.err, /EPIPE|at /)
      assert.deepEqual(await leasesOf(stage), none)
    }
  }
})

test('a reader that leaves while Mayfly itself says something: no stack trace', async () => {
  const job = startJob(stage, [], {}, [
    '/bin/bash',
    '-c',
    '"$0" run --role build -- sh -c "exec 2>&1; sleep 0.3; exit 4" 2>&1 | true; echo "${PIPESTATUS[0]}"',
    mayfly,
  ])
  assert.equal(await job.ended, 0)
  assert.match(job.said.out, /^(?:4|141)\n$/)
  assert.equal(job.said.err, '')
  assert.deepEqual(await leasesOf(stage), none)
})

test('both outputs to one place: in order, and byte for byte what the program alone would show', async () => {
  const script = `for i in $(seq 300); do printf 'out %s, ' $i; printf 'err %s\n' $i >&2; echo whole $i; done; echo 'by name' > /dev/stderr; echo again > /dev/stdout`
  const alone = spawnSync('bash', ['-c', `(${script}) 2>&1 | cat`], { encoding: 'utf8' })
  const job = startJob(stage, [], {}, [
    '/bin/bash',
    '-c',
    '"$@" 2>&1',
    'bash',
    mayfly,
    'run',
    ...inStep(script),
  ])
  assert.equal(await job.ended, 0)
  assert.equal(job.said.out.replace(/^mayfly: .*\n/gm, ''), alone.stdout)
})

test('a prompt without a line’s end is shown while the step waits', async () => {
  const job = startJob(stage, inStep(`printf 'Password: '; sleep 600`))
  await job.says('Password: ')
  job.child.kill('SIGTERM')
  assert.equal(await job.ended, 143)
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal}: the step’s own trap runs, may still use what it was granted, and is shown; exit ${code}`, async () => {
    const trap = `trap 'echo cleaning up; ${lsRemote} && echo reached; exit 0' ${signal.slice(3)}`
    const job = startJob(stage, inStep(`${trap}; echo ready; while :; do sleep 0.1; done`))
    await job.says('ready')
    // To all of the terminal's process group, as ctrl-c is.
    process.kill(-(job.child.pid ?? assert.fail('no process')), signal)
    assert.equal(await job.ended, code, job.said.err)
    assert.equal(job.said.out, 'ready\ncleaning up\nreached\n')
    assert.deepEqual(await leasesOf(stage), none)
  })
}

test('a step that ignores the signal: a second ctrl-c kills it at once, with all that it started', async () => {
  const mark = `mayfly-stays-${process.pid}`
  const job = startJob(
    stage,
    inStep(
      `trap 'echo no' INT TERM; (setsid bash -c 'exec -a ${mark} sleep 600' &); echo ready; while :; do sleep 0.1; done`,
    ),
  )
  await job.says('ready')
  job.child.kill('SIGINT')
  await job.says('no\n')
  await new Promise((next) => setTimeout(next, 400))
  job.child.kill('SIGINT')
  assert.equal(await job.ended, 130)
  await eventually('nothing of it is left', async () => !isRunning(mark))
  assert.deepEqual(await leasesOf(stage), none)
})
