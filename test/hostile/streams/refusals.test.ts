import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { entriesOf, runIdIn, startJob } from './job.ts'

let stage: Stage
before(async () => {
  const policy = (text: string) => text.replace('  build:\n', '  build:\n    grace: 1s\n')
  stage = await setStage({ policy })
})
after(() => stage[Symbol.asyncDispose]())

let jobs = 0
const run = (args: readonly string[], env: Record<string, string> = {}) =>
  stage.runJob(['run', ...args], { ...stage.jobEnvironment({ run_id: `92000000${jobs++}` }), ...env })
const inStep = (script: string) => run(['--role', 'build', '--', 'bash', '-c', script])

test('a refusal inside TLS, of a tool that hides it, is a line while the step runs: reason, grant, request id', async (t) => {
  if (spawnSync('curl', ['--version']).status !== 0) return t.skip('no curl on this machine')
  const url = 'https://git.example.com/octo-org/other.git/info/refs?service=git-upload-pack'
  const job = startJob(stage, [
    ...['--role', 'build', '--', 'bash', '-c'],
    `for i in 1 2 3; do curl -s -o /dev/null "${url}"; done; until [ -e told ]; do sleep 0.1; done`,
  ])
  await job.says(/^mayfly: refused: .*octo-org\/other/m)
  writeFileSync(join(stage.workspace, 'told'), '')
  assert.equal(await job.ended, 0)
  const lines = job.said.err.split('\n').filter((line) => line.startsWith('mayfly: refused'))
  assert.equal(lines.length, 1, job.said.err)
  assert.match(lines[0] ?? '', /git:read git\/octo-org\/other.*\(req_\w+\)$/)
})

test('a step that is over at once tells its refusals, too, and which run it was', async () => {
  const ran = await inStep('git ls-remote https://git.example.com/octo-org/other 2>/dev/null; exit 3')
  assert.equal(ran.exitCode, 3)
  assert.match(ran.stderr, /^mayfly: refused: .*octo-org\/other.*\(req_\w+\)$/m)
  assert.match(ran.stderr, /^mayfly: run run_\w+: mayfly audit show --run run_\w+$/m)
})

test('connections past the proxy are counted, told and recorded; what uses the proxy or the loopback is not', async (t) => {
  const direct = await inStep(
    'for i in 1 2; do (exec 3<>/dev/tcp/192.0.2.1/443) 2>/dev/null; done; (exec 3<>/dev/udp/192.0.2.1/53) 2>/dev/null; true',
  )
  assert.equal(direct.exitCode, 0)
  assert.match(direct.stderr, /^mayfly: 3 direct network attempts went nowhere/m)
  assert.match(await entriesOf(stage, runIdIn(direct.stderr)), /"direct_attempts":3/)
  const quiet = await inStep(
    'git ls-remote https://git.example.com/octo-org/links >/dev/null; (exec 3<>/dev/tcp/127.0.0.1/9) 2>/dev/null; getent hosts localhost; true',
  )
  assert.doesNotMatch(quiet.stderr, /direct network/)
  if (spawnSync('curl', ['--version']).status !== 0) return t.skip('no curl on this machine')
  const curl = await inStep('curl -s https://git.example.com/; curl -s http://localhost:9/; true')
  assert.doesNotMatch(curl.stderr, /direct network/)
})

test('-e takes one name and swallows no command; what the job does not have is said', async () => {
  const ran = await run(
    ['--role', 'build', '-e', 'GIVEN', '-e', 'MISSING', '-e', 'MAYFLY_ID_TOKEN', 'sh', '-c', 'echo "$GIVEN"'],
    {
      GIVEN: 'handed on',
    },
  )
  assert.equal(ran.stdout, 'handed on\n')
  assert.match(ran.stderr, /^mayfly: MISSING is not handed on: the job has no such variable$/m)
  assert.match(
    ran.stderr,
    /^mayfly: MAYFLY_ID_TOKEN is not handed on: who has it can get tokens of the job$/m,
  )
  const pair = await run(['--role', 'build', '-e', 'A=some-value', '--', 'true'])
  assert.equal(pair.exitCode, 2)
  assert.match(pair.stderr, /^mayfly: -e A=\.\.\.: it takes the name of a variable/)
})

test('the role says how long a step may take to end', async () => {
  const job = startJob(stage, [
    '--role',
    'build',
    '--',
    'bash',
    '-c',
    "trap '' TERM; echo ready; while :; do sleep 0.1; done",
  ])
  await job.says('ready')
  job.child.kill('SIGTERM')
  assert.equal(await job.ended, 143)
  assert.match(job.said.err, /^mayfly: killed: it had not ended 1 s after SIGTERM$/m)
})

test('an identity token that was used says what to do where a CI gives one only', async () => {
  const job = stage.jobEnvironment({ run_id: '92100000' })
  const token = await stage.runJob(['token', '--print'], job)
  const env = { ...job, MAYFLY_ID_TOKEN: token.stdout.trim() }
  assert.equal((await stage.runJob(['run', '--role', 'build', '--', 'true'], env)).exitCode, 0)
  const again = await stage.runJob(['run', '--role', 'build', '--', 'true'], env)
  assert.match(again.stderr, /token_replayed: .*mayfly run -f FILE/)
})
