import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openServer, policyText } from '../server.fixture.ts'

const withSecret = policyText().replace(
  'url: https://git.example.com }',
  'url: https://git.example.com, credential: { basic: secret:git } }',
)

test('a secret is deleted with every version; in the policy’s use only by force; both stand in the log', async (t) => {
  const it = await openServer(t, { policy: withSecret, secrets: { git: 'a:b', old: 'x' } })
  await it.asAdmin('PUT', '/v1/secrets/git', { value: 'a:c' })
  const sealed = () => it.store.read.selectFrom('secrets').select('name').execute()
  const refused = await it.asAdmin('DELETE', '/v1/secrets/git', {})
  assert.equal(refused.status, 409)
  assert.match(
    String(refused.body['detail']),
    /connections\.git of the policy in force needs secret "git".*--force/,
  )
  assert.equal((await sealed()).length, 3)
  const old = await it.asAdmin('DELETE', '/v1/secrets/old', {})
  assert.deepEqual([old.status, old.body], [200, { name: 'old', versions: 1 }])
  const forced = await it.asAdmin('DELETE', '/v1/secrets/git', { force: true })
  assert.deepEqual(forced.body, { name: 'git', versions: 2 })
  assert.deepEqual(await sealed(), [])
  // They are delivered once the store has them.
  for (let tries = 0; tries < 200 && it.audit.ofType('secret.deleted').length < 2; tries++)
    await new Promise((next) => setTimeout(next, 10))
  const entries = it.audit.ofType('secret.deleted').map(({ data }) => data)
  assert.deepEqual(
    entries.map(({ secret, versions, neededBy }) => [secret, versions, neededBy]),
    [
      ['old', 1, []],
      ['git', 2, ['connections.git']],
    ],
  )
})

test('a secret that is not there is said to be none, with the name that was meant', async (t) => {
  const it = await openServer(t, { secrets: { registry: 'x' } })
  const gone = await it.asAdmin('DELETE', '/v1/secrets/regsitry', {})
  assert.equal(gone.status, 404)
  assert.match(String(gone.body['detail']), /there is no secret regsitry: did you mean registry\?/)
  assert.deepEqual(it.audit.ofType('secret.deleted'), [])
})

test('a log that is down does not keep a secret alive', async (t) => {
  const it = await openServer(t, { secrets: { leaked: 'x' } })
  it.audit.down = true
  assert.equal((await it.asAdmin('DELETE', '/v1/secrets/leaked', {})).status, 200)
  assert.deepEqual(await it.store.read.selectFrom('secrets').select('name').execute(), [])
})

test('who applies a policy is warned of secrets that are not in the vault, also when only looking', async (t) => {
  const it = await openServer(t)
  const warnings = ['secret "git" of connections.git is not in the vault: mayfly secret set git']
  const dry = await it.asAdmin('PUT', '/v1/policy', { text: withSecret, dry_run: true })
  assert.deepEqual([dry.body['changed'], dry.body['warnings']], [true, warnings])
  assert.deepEqual((await it.asAdmin('PUT', '/v1/policy', { text: withSecret })).body['warnings'], warnings)
  await it.asAdmin('PUT', '/v1/secrets/git', { value: 'a:b' })
  const again = await it.asAdmin('PUT', '/v1/policy', { text: withSecret, dry_run: true })
  assert.deepEqual(again.body['warnings'], [])
  await it.asAdmin('POST', '/v1/policy/versions/1/rollback', {})
  const back = await it.asAdmin('POST', '/v1/policy/versions/2/rollback', {})
  assert.deepEqual(back.body['warnings'], [])
  assert.equal(back.body['document'], undefined)
})

test('secrets of sign-in and of notifications count, too', async (t) => {
  const it = await openServer(t)
  const text = `${policyText()}notify:\n  team: { kind: slack, url: secret:hook }\n`.replace(
    'client_id: mayfly',
    'client_id: mayfly\n  client_secret: secret:hook',
  )
  assert.deepEqual((await it.asAdmin('PUT', '/v1/policy', { text, dry_run: true })).body['warnings'], [
    'secret "hook" of notify.team, sign_in is not in the vault: mayfly secret set hook',
  ])
})
