import assert from 'node:assert/strict'
import { test } from 'node:test'
import { delivered } from '../broker/broker.fixture.ts'
import { anna, openServer, policyText, type TestServer } from '../server/server.fixture.ts'

/** Everything that reached the log, without what is sealed on its way there. */
async function inTheClear(it: TestServer): Promise<string> {
  await delivered({ broker: it.broker } as never)
  const types = new Set(it.audit.types())
  const entries = [...types].flatMap((type) => it.audit.ofType(type))
  return JSON.stringify(entries, (key, value: unknown) => (key === '$personal' ? 'sealed' : value))
}

const named = policyText({
  more: `
  named:
    trust: { issuer: github, repository_id: "1296269", actor_id: ["12", "583231"], claims: { actor: mona } }
    grants: [git:read git/octo-org/app]
tests:
  - { name: who else, issuer: github, role: named, expect: deny, claims: { actor: octocat } }
`,
})

test('who people are is in no entry of a policy, of a session that opened, or of one that was refused', async (t) => {
  const it = await openServer(t, { policy: named })
  const open = await it.exchange(await it.signer(), it.identityToken(), 'named')
  assert.equal(open.status, 200, JSON.stringify(open.body))
  const refused = await it.exchange(
    await it.signer(),
    it.identityToken({ actor: 'hubot', actor_id: '480938' }),
    'named',
  )
  assert.match(String(refused.body['error_description']), /actor: expected mona, got hubot/)
  const log = await inTheClear(it)
  for (const name of ['mona', 'hubot', '480938', '583231', 'octocat', 'anna', 'ben', 'cleo', 'github:101'])
    assert.ok(!log.includes(name), `${name} is in ${log}`)
  assert.match(log, /"\+ people: \(not recorded\)"/)
  assert.match(log, /"\+ groups\.managers\.people: \(not recorded\)"/)
  assert.match(log, /"\+ roles\.named\.trust\.actor_id: \(not recorded\)"/)
  assert.match(log, /"\+ roles\.named\.grants: git:read git\/octo-org\/app"/)
  assert.match(log, /"\+ tests\.name: who else"/)
})

test('a subject that says who triggered the run is sealed; another is as it is', async (t) => {
  const it = await openServer(t)
  const sub = 'repo:octo-org/app:actor:mona'
  await it.exchange(await it.signer(), it.identityToken({ sub }), 'build')
  await it.exchange(await it.signer(), it.identityToken(), 'build')
  const subjects = it.audit
    .ofType('session.issued')
    .map(({ data }) => (data['identity'] as Record<string, unknown>)['subject'])
  assert.deepEqual(subjects, [undefined, 'repo:octo-org/app:ref:refs/heads/main'])
  assert.ok(!(await inTheClear(it)).includes('mona'))
})

test('no name is in the entries of an approval, whatever is said', async (t) => {
  const it = await openServer(t)
  const { body } = await it.exchange(await it.signer(), it.identityToken())
  await it.asPerson(anna, 'POST', `/v1/approvals/${String(body['approval_id'])}/deny`, {
    reason: 'not today',
  })
  const log = await inTheClear(it)
  assert.match(log, /"reason":"not today"/)
  for (const name of ['anna', 'mona']) assert.ok(!log.includes(name), `${name} is in ${log}`)
})
