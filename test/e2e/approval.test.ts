import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { baseEnvironment, projectFolder } from '../../demo/stage.ts'
import { delivered } from '../../src/broker/broker.fixture.ts'
import { anna, openServer, policyText, type TestServer } from '../../src/server/server.fixture.ts'

/** `mayfly run` of a job in the role that needs approval; tells its approval once it waits. */
function startRun(
  t: TestContext,
  it: TestServer,
  pipeline?: string,
  workspace = mkdtempSync(join(tmpdir(), 'mayfly-approval-')),
) {
  t.after(() => rmSync(workspace, { recursive: true, force: true }))
  const file = join(workspace, 'pipeline.yaml')
  if (pipeline !== undefined) writeFileSync(file, pipeline)
  const one = ['--role', 'release', '--isolation', 'none', '--', 'sh', '-c', 'echo released']
  const child = spawn(
    join(projectFolder, 'bin', 'mayfly'),
    ['run', ...(pipeline === undefined ? one : ['-f', file])],
    {
      cwd: workspace,
      env: { ...baseEnvironment(), MAYFLY_SERVER: it.url, MAYFLY_ID_TOKEN: it.identityToken() },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const waiting = new Promise<string>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      const id = /mayfly approve (apr_\w+)/.exec(stderr)?.[1]
      if (id !== undefined) resolve(id)
    })
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, stdout, stderr })),
  )
  return { child, waiting, ended, workspace }
}

const policy = policyText()
  .replace('ttl: 10m', 'ttl: 10m\n    isolation: none')
  .replace('grants: [git:read', 'isolation: none\n    grants: [git:read')

test('a pipeline builds while people are asked, and waits where it needs their yes', async (t) => {
  const it = await openServer(t, { policy, ticking: true })
  const steps = ['build', 'release'].map(
    (role) => `  - { name: ${role}, role: ${role}, isolation: none, run: "echo ${role} done" }`,
  )
  const run = startRun(t, it, `steps:\n${steps.join('\n')}\n`)
  const id = await run.waiting
  assert.equal(it.audit.ofType('step.finished').length, 1)
  await it.asPerson(anna, 'POST', `/v1/approvals/${id}/approve`)
  const { code, stdout, stderr } = await run.ended
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'build done\nrelease done\n')
  await delivered({ broker: it.broker } as never)
  assert.equal(it.audit.ofType('session.ended').length, 2)
})

test('a job that waits for people holds no workspace: another one runs in there meanwhile', async (t) => {
  const it = await openServer(t, { policy, ticking: true })
  // It writes, and so has a workspace of its own; the last one comes back to the job’s.
  const steps = ['build', 'release', 'build'].map(
    (role, i) => `  - { name: s${i}, role: ${role}, isolation: none, run: "echo ${role} done" }`,
  )
  const run = startRun(t, it, `steps:\n${steps.join('\n')}\n`)
  const id = await run.waiting
  const other = startRun(
    t,
    it,
    'steps:\n  - { name: other, role: build, isolation: none, run: echo other }\n',
    run.workspace,
  )
  const { code, stdout, stderr } = await other.ended
  assert.deepEqual([code, stdout], [0, 'other\n'], stderr)
  assert.doesNotMatch(stderr, /another step runs/)
  await it.asPerson(anna, 'POST', `/v1/approvals/${id}/approve`)
  assert.deepEqual((await run.ended).code, 0)
})

test('a pipeline that fails before takes its request back', async (t) => {
  const it = await openServer(t, { policy, ticking: true })
  const steps = [
    '  - { name: build, role: build, isolation: none, run: "exit 3" }',
    '  - { name: release, role: release, isolation: none, run: "true" }',
  ]
  const { code } = await startRun(t, it, `steps:\n${steps.join('\n')}\n`).ended
  assert.equal(code, 3)
  await delivered({ broker: it.broker } as never)
  assert.deepEqual(
    ['approval.cancelled', 'session.ended'].map((type) => it.audit.ofType(type).length),
    [1, 1],
  )
})

test('a step waits, says who can approve and where, and runs once somebody has', async (t) => {
  const it = await openServer(t, { policy, ticking: true })
  const run = startRun(t, it)
  const id = await run.waiting
  assert.equal((await it.asPerson(anna, 'POST', `/v1/approvals/${id}/approve`)).status, 200)
  const { code, stdout, stderr } = await run.ended
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'released\n')
  assert.match(stderr, /waiting for approval apr_\w+, 30 min at most: 1 of managers \(role release\)/)
  assert.ok(stderr.includes(`${it.url}/approvals/${id}`))
  await delivered({ broker: it.broker } as never)
  assert.deepEqual(
    it.audit.types().filter((type) => type !== 'policy.applied'),
    [
      'approval.requested',
      'approval.granted',
      'run.started',
      'session.issued',
      'step.started',
      'step.finished',
      'session.ended',
      'run.finished',
    ],
  )
})

test('ctrl-c while it waits takes the request back', async (t) => {
  const it = await openServer(t, { policy, ticking: true })
  const run = startRun(t, it)
  const id = await run.waiting
  run.child.kill('SIGINT')
  const { code, stdout, stderr } = await run.ended
  assert.equal(code, 130)
  assert.equal(stdout, '')
  assert.match(stderr, /cancelled while it waited for approval/)
  assert.equal((await it.approvals.show(id)).request.state, 'cancelled')
})

test('a no ends the step with what was said', async (t) => {
  const it = await openServer(t, { policy, ticking: true })
  const run = startRun(t, it)
  const id = await run.waiting
  await it.asPerson(anna, 'POST', `/v1/approvals/${id}/deny`, { reason: 'freeze' })
  const { code, stderr } = await run.ended
  assert.equal(code, 125)
  assert.match(stderr, /denied by anna: freeze/)
})
