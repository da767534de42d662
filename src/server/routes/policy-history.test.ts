import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anna, ben, cleo, openServer, policyText } from '../server.fixture.ts'

const put = (text: string, more: Record<string, unknown> = {}) => ({ text, ...more })

test('every version is kept, shown with where it came from, and can come back as a new one', async (t) => {
  const it = await openServer(t)
  const second = `${policyText()}\n# second\n`
  const source = { repository: 'https://git.example.com/policies', ref: 'main', commit: 'c'.repeat(40) }
  assert.equal((await it.asAdmin('PUT', '/v1/policy', put(second, { source }))).body['version'], 2)
  const rolled = await it.asAdmin('POST', '/v1/policy/versions/1/rollback', { expected_version: 2 })
  assert.deepEqual([rolled.status, rolled.body['version']], [200, 3])
  assert.equal((await it.asAdmin('GET', '/v1/policy')).body['text'], policyText())
  const history = (await it.asAdmin('GET', '/v1/policy/versions')).body['versions'] as Record<
    string,
    unknown
  >[]
  assert.deepEqual(
    history.map(({ version, by, source: from }) => [version, by, from]),
    [
      [3, 'root', { rollback: 1 }],
      [2, 'root', source],
      [1, 'test', null],
    ],
  )
  assert.equal((await it.asAdmin('GET', '/v1/policy/versions/2')).body['text'], second)
  assert.deepEqual(
    it.audit.ofType('policy.applied').map(({ data }) => data['source']),
    [undefined, source, { rollback: 1 }],
  )
})

test('refused: another version than was seen; of two at once one', async (t) => {
  const it = await openServer(t)
  const apply = (mark: string) =>
    it.asAdmin('PUT', '/v1/policy', put(`${policyText()}\n# ${mark}\n`, { expected_version: 1 }))
  const both = await Promise.all([apply('a'), apply('b')])
  assert.deepEqual(new Set(both.map(({ status }) => status)), new Set([200, 409]))
  assert.match(
    String(both.find(({ status }) => status === 409)?.body['detail']),
    /version 2 of the policy is in force, not 1/,
  )
  const back = await it.asAdmin('POST', '/v1/policy/versions/1/rollback', { expected_version: 1 })
  assert.equal(back.status, 409)
})

test('refused: another server was faster', async (t) => {
  const it = await openServer(t)
  await it.store.write((tx) =>
    tx.insertInto('policies').values({ version: 2, text: 'x', applied_by: 'other', applied_ms: 0 }).execute(),
  )
  const answer = await it.asAdmin('PUT', '/v1/policy', put(`${policyText()}\n# mine\n`))
  assert.equal(answer.status, 409)
  assert.match(String(answer.body['detail']), /another server/)
})

test('refused: a version that is not there, is no number, or is no longer valid; a person who may not', async (t) => {
  const it = await openServer(t)
  assert.equal((await it.asAdmin('GET', '/v1/policy/versions/9')).status, 404)
  for (const text of ['x', '0', '-1', '1e3', '99999999999']) {
    assert.equal((await it.asAdmin('GET', `/v1/policy/versions/${text}`)).status, 400, text)
  }
  assert.equal((await it.asPerson(anna, 'POST', '/v1/policy/versions/1/rollback')).status, 403)
  assert.equal((await it.asPerson(ben, 'GET', '/v1/policy/versions')).status, 200)
})

test('refused: an operator who would make themselves more by a policy of their own; an admin, or a token, may', async (t) => {
  const policy = policyText().replace('approver: [everyone],', 'approver: [everyone], operator: [managers],')
  const it = await openServer(t, { policy })
  const apply = (text: string, login = ben) => it.asPerson(login, 'PUT', '/v1/policy', put(text))
  for (const wider of [
    policy.replace('admin: [security]', 'admin: [security, managers]'),
    policy.replace('security: { claim: [security] }', 'security: { claim: [security], people: [ben] }'),
    policy.replace('ci: ["github:102"]', 'ci: []'),
  ]) {
    const answer = await apply(wider)
    assert.deepEqual([answer.status, answer.body['code']], [403, 'denied'])
    assert.match(String(answer.body['detail']), /only an admin applies it/)
  }
  assert.equal((await apply(policy.replace('ttl: 10m', 'ttl: 9m'))).body['version'], 2)
  const named = policy.replace('dora-1', 'dora-2')
  assert.equal((await apply(named, cleo)).body['version'], 3)
  assert.equal((await it.asAdmin('PUT', '/v1/policy', put(policy))).body['version'], 4)
  const back = await it.asPerson(ben, 'POST', '/v1/policy/versions/3/rollback')
  assert.equal(back.status, 403)
})

test('refused: a source that is none', async (t) => {
  const it = await openServer(t)
  for (const source of [
    { repository: 'x', ref: 'main', commit: 'main' },
    { rollback: 0 },
    { commit: 'c'.repeat(40) },
  ])
    assert.equal((await it.asAdmin('PUT', '/v1/policy', put(policyText(), { source }))).status, 400)
})
