import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openServer, policyText } from '../server.fixture.ts'

const role = (name: string, more = '') => `
  ${name}:
    trust: { issuer: github, repository_id: "1296269", event: push }${more}
    grants: [git:read git/octo-org/app, git:push git/octo-org/app@refs/tags/v*]`

const policy = policyText({ more: role('publish') + role('deploy', '\n    allow: [shared-workspace]') })
const [here, there] = ['1'.repeat(64), '2'.repeat(64)]

async function job(t: TestContext) {
  const it = await openServer(t, { policy })
  const open = async (roles: string, claims: Record<string, unknown> = {}) => {
    const signer = await it.signer()
    const session = (await it.exchange(signer, it.identityToken(claims), roles)).body
    const token = String(session['access_token'])
    return async (name: string, workspace?: { kind: string; id: string }) => {
      const json = { name: 'x', role: name, tier: 'B', command: 'true', workspace }
      const { status, body } = await it.prove(signer, '/v1/steps', { token, json })
      return status === 201 ? 'opened' : `${String(body['code'])} ${String(body['detail'])}`
    }
  }
  return { it, open }
}

test('a role that writes is refused where another role of the run has been, also by another session and another server', async (t) => {
  const { it, open } = await job(t)
  const step = await open('build publish')
  assert.equal(await step('publish', { kind: 'job', id: here }), 'opened')
  assert.equal(await step('build', { kind: 'job', id: here }), 'opened')
  assert.equal(await step('build', { kind: 'fresh', id: there }), 'opened')
  const why =
    /^workspace_shared role "publish" writes, and steps of this run have been in this workspace in role "build"/
  assert.match(await step('publish', { kind: 'job', id: here }), why)
  assert.equal(
    await step('publish', { kind: 'job', id: there }),
    'opened',
    'what was fresh nobody else was in',
  )
  // Who says nothing of where it is may be anywhere.
  assert.match(await step('publish'), why)
  // It is the store that knows: whoever opened the first steps.
  const rows = await it.store.read
    .selectFrom('workspaces')
    .selectAll()
    .orderBy('workspace')
    .orderBy('role')
    .execute()
  assert.deepEqual(
    rows.map(({ workspace, role: name }) => [workspace, name]),
    [
      ...[
        [here, 'build'],
        [here, 'publish'],
        [there, 'publish'],
      ],
    ],
  )
  const other = await open('publish')
  assert.match(await other('publish', { kind: 'job', id: here }), why)
  const otherRun = await open('publish', { run_id: '778899' })
  assert.equal(await otherRun('publish', { kind: 'job', id: here }), 'opened')
})

test('a step that did not say where it ran may have been anywhere in the run', async (t) => {
  const { open } = await job(t)
  const step = await open('build publish')
  assert.equal(await step('build'), 'opened')
  assert.match(await step('publish', { kind: 'job', id: here }), /^workspace_shared/)
  assert.equal(await step('publish', { kind: 'fresh', id: here }), 'opened')
})

test('a shared workspace is for a role that allows it, and each refusal is recorded with its reason', async (t) => {
  const { it, open } = await job(t)
  const step = await open('build publish deploy')
  assert.equal(await step('build', { kind: 'job', id: here }), 'opened')
  assert.match(await step('publish', { kind: 'shared', id: here }), /^workspace_shared .*does not allow/)
  assert.match(await step('deploy', { kind: 'job', id: here }), /--shared-workspace/)
  assert.equal(await step('deploy', { kind: 'shared', id: here }), 'opened')
  assert.equal(await step('build', { kind: 'shared', id: here }), 'opened', 'it only reads')
  const refused = it.audit
    .ofType('step.refused')
    .map(({ data, run }) => [run, data['role'], data['reported']])
  const [first] = it.audit.ofType('step.started')
  assert.ok(first !== undefined)
  assert.deepEqual(refused, [
    [first.run, 'publish', { workspace: { kind: 'shared', id: here } }],
    [first.run, 'deploy', { workspace: { kind: 'job', id: here } }],
  ])
  assert.deepEqual((first.data['reported'] as { workspace: unknown }).workspace, { kind: 'job', id: here })
})

test('refused: a kind or an id of another form', async (t) => {
  const { open } = await job(t)
  const step = await open('build')
  for (const workspace of [
    { kind: 'mine', id: here },
    { kind: 'fresh', id: `${here}0` },
    { kind: 'fresh', id: '../../etc' },
  ])
    assert.match(await step('build', workspace), /^bad_input/)
})

test('the answer says where the job’s repository may be read: by a grant, by no forbid, never by another’s', async (t) => {
  const more = `${role('publish')}
  elsewhere:
    trust: { issuer: github, repository_id: "1296269", event: push }
    grants: [git:read git/octo-org/other, git:push git/octo-org/app@refs/tags/v*]
  both:
    trust: { issuer: github, repository_id: "1296269", event: push }
    grants: ["git:read git/octo-org/*", git:read mirror/octo-org/app]`
  const it = await openServer(t, {
    policy: policyText({ more }).replace(
      'connections:\n',
      'connections:\n  mirror: { kind: git, url: https://mirror.example.com/base/ }\n',
    ),
  })
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'publish elsewhere both')).body
  const checkout = async (name: string) => {
    const json = { name: 'x', role: name, tier: 'B', command: 'true', workspace: { kind: 'fresh', id: here } }
    const { body } = await it.prove(signer, '/v1/steps', { token: String(session['access_token']), json })
    return body['checkout']
  }
  const git = { connection: 'git', url: 'https://git.example.com/octo-org/app' }
  assert.deepEqual(await checkout('publish'), [git])
  assert.deepEqual(await checkout('elsewhere'), [])
  const mirror = { connection: 'mirror', url: 'https://mirror.example.com/base/octo-org/app' }
  assert.deepEqual(await checkout('both'), [mirror, git])
})
