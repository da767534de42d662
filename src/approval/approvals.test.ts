import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { delivered } from '../broker/broker.fixture.ts'
import { createProofSigner, type ProofSigner } from '../identity/index.ts'
import type { Login } from '../operators/operator.ts'
import { recordedLogin } from '../operators/recorded-operator.ts'
import {
  anna,
  ben,
  cleo,
  mona,
  openServer,
  policyText,
  provider,
  type TestServer,
} from '../server/server.fixture.ts'

const dora: Login = { issuer: provider, subject: 'dora-1', groups: [] }

/** A server whose policy asks for this approval, and a job that has asked. */
async function asked(t: TestContext, approval?: string, claims: Record<string, unknown> = {}) {
  const it = await openServer(t, { policy: policyText(approval === undefined ? {} : { approval }) })
  const signer = await it.signer()
  const first = await it.exchange(signer, it.identityToken(claims))
  assert.equal(first.body['error'], 'authorization_pending', JSON.stringify(first.body))
  const id = String(first.body['approval_id'])
  const code = first.body['device_code']
  const poll = () => {
    it.clock.aheadMs += 5_000
    return it.poll(signer, code)
  }
  const approve = (login: Login, reason?: string) =>
    it.asPerson(login, 'POST', `/v1/approvals/${id}/approve`, reason === undefined ? {} : { reason })
  const deny = (login: Login, reason?: string) =>
    it.asPerson(login, 'POST', `/v1/approvals/${id}/deny`, reason === undefined ? {} : { reason })
  return { it, signer, first, id, code, poll, approve, deny }
}

const errorOf = (answer: { body: Record<string, unknown> }) => answer.body['error'] ?? answer.body['code']

/** Types of entries about approvals; those of ends once they are delivered. */
async function entries(it: TestServer): Promise<string[]> {
  await delivered({ broker: it.broker } as never)
  return it.audit.types().filter((type) => /^(?:approval|session)\./.test(type))
}

test('a role that needs people: asked for, approved, opened with its own time, every step recorded', async (t) => {
  const { it, first, id, poll, approve } = await asked(t)
  assert.equal(first.status, 400)
  assert.equal(first.body['interval'], 5)
  assert.equal(first.body['verification_uri'], `${it.url}/approvals/${id}`)
  assert.match(String(first.body['approvers']), /1 of managers \(role release\)/)
  assert.equal(errorOf(await poll()), 'authorization_pending')
  const said = await approve(anna, 'planned release')
  assert.equal(said.status, 200, JSON.stringify(said.body))
  assert.equal(said.body['state'], 'approved')
  it.clock.aheadMs += 60_000
  const opened = await poll()
  assert.equal(opened.status, 200, JSON.stringify(opened.body))
  assert.equal(opened.body['scope'], 'release')
  assert.deepEqual(await entries(it), ['approval.requested', 'approval.granted', 'session.issued'])
  const [granted] = it.audit.ofType('approval.granted')
  assert.deepEqual(granted?.data['by'], recordedLogin(anna, 'anna'))
  assert.equal(granted?.data['reason'], 'planned release')
  const bound = granted?.data['bound'] as Record<string, unknown>
  assert.equal(bound['commit'], 'a'.repeat(40))
  assert.equal(bound['repository_id'], '1296269')
  assert.deepEqual(bound['roles'], ['release'])
  assert.match(String(bound['grantsDigest']), /^[0-9a-f]{64}$/)
  const [issued] = it.audit.ofType('session.issued')
  assert.equal(issued?.data['approval'], id)
  const session = await it.broker.session(String(opened.body['session_id']) as never)
  assert.ok(
    (session?.expiresMs ?? 0) > it.clock.nowMs() + 590_000,
    'the role’s ten minutes begin with the yes',
  )
})

test('roles that need nobody open at once; the others wait beside them, by the same token', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  const token = it.identityToken()
  const { status, body } = await it.exchange(signer, token, 'release build')
  assert.deepEqual([status, body['scope']], [200, 'build'])
  const pending = body['pending'] as Record<string, unknown>
  assert.equal(pending['scope'], 'release')
  const direct = await it.prove(signer, '/v1/steps', {
    token: String(body['access_token']),
    json: { name: 'x', role: 'release', tier: 'B', command: 'x' },
  })
  assert.match(String(direct.body['detail']), /has not assumed role "release"/)
  assert.match(String((await it.exchange(signer, token)).body['error_description']), /token_replayed/)
  await it.asPerson(anna, 'POST', `/v1/approvals/${String(pending['approval_id'])}/approve`)
  it.clock.aheadMs += 5_000
  const second = await it.poll(signer, pending['device_code'])
  assert.deepEqual(
    [second.status, second.body['scope'], second.body['run_id']],
    [200, 'release', body['run_id']],
  )
})

test('a session in a role that needs people ends when the role gives something else, and only then', async (t) => {
  const { it, poll, approve } = await asked(t)
  await approve(anna)
  const opened = await poll()
  const build = await it.exchange(await it.signer(), it.identityToken(), 'build')
  const stands = async ({ body }: { body: Record<string, unknown> }) =>
    (await it.broker.session(String(body['session_id']) as never)) !== undefined
  const unlike = policyText().replace('git:read git/octo-org/app', 'git:read git/octo-org/*')
  await it.apply(unlike)
  assert.deepEqual([await stands(opened), await stands(build)], [true, true])
  await it.apply(unlike.replace('refs/tags/v*', 'refs/tags/*'))
  assert.deepEqual([await stands(opened), await stands(build)], [false, true])
  await entries(it)
  assert.equal(it.audit.ofType('session.ended')[0]?.data['reason'], 'approval_outdated')
})

test('a session ends when its role needs people from now on', async (t) => {
  const it = await openServer(t)
  const { body } = await it.exchange(await it.signer(), it.identityToken(), 'build')
  await it.apply(policyText().replace('git:read git/octo-org/app]', '$&\n    approval: { group: managers }'))
  assert.equal(await it.broker.session(String(body['session_id']) as never), undefined)
})

test('a policy that is applied while a session opens ends it, too, if its role needs people now', async (t) => {
  const it = await openServer(t)
  const { append } = it.audit.client
  const stricter = policyText().replace('git:read git/octo-org/app]', '$&\n    approval: { group: managers }')
  for (const policy of [policyText({ more: '# another\n' }), stricter]) {
    it.audit.client.append = async (event) => {
      if (event.type === 'session.issued') await it.apply(policy)
      return await append(event)
    }
    const { status, body } = await it.exchange(await it.signer(), it.identityToken(), 'build')
    if (policy !== stricter) assert.equal(status, 200)
    else {
      assert.deepEqual([status, body['error']], [400, 'invalid_grant'])
      assert.match(String(body['error_description']), /policy changed while this was asked for/)
    }
  }
  it.audit.client.append = append
  await entries(it)
  assert.deepEqual(
    it.audit.ofType('session.ended').map(({ data }) => data['reason']),
    ['approval_outdated', 'approval_outdated'],
  )
})

test('a policy that is applied between the last look and the session leaves nothing opened', async (t) => {
  const { it, approve, code, signer } = await asked(t)
  await approve(anna)
  it.clock.aheadMs += 5_000
  const polled = await it.approvals.poll(String(code), signer.jkt)
  assert.equal(polled.state, 'ready')
  await it.apply(policyText({ more: '# another\n' }))
  if (polled.state === 'ready')
    await assert.rejects(it.store.write(polled.use), { code: 'denied', message: /policy has changed/ })
})

test('who approves is told of shadow mode', async (t) => {
  const policy = policyText({ approval: '{ group: managers }\n    mode: shadow' })
  const it = await openServer(t, { policy })
  const { body } = await it.exchange(await it.signer(), it.identityToken())
  const shown = await it.asPerson(anna, 'GET', `/v1/approvals/${String(body['approval_id'])}`)
  assert.deepEqual(shown.body['grants'], [
    'git:push git/octo-org/app@refs/tags/v*',
    'more on the same connections: role release is in shadow mode',
  ])
})

test('an identity token that is sent again, also at once, asks nobody and leaves no request in the log', async (t) => {
  const it = await openServer(t)
  const token = it.identityToken()
  const signer = await it.signer()
  const sent = await Promise.all([1, 2, 3].map(() => it.exchange(signer, token)))
  const codes = [...sent, await it.exchange(signer, token)].map(errorOf)
  assert.deepEqual(new Set(codes), new Set(['authorization_pending', 'invalid_grant']))
  assert.equal(it.audit.ofType('approval.requested').length, 1)
})

test('a session whose other roles could not be asked for is not left open', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  for (let i = 0; i < 20; i++) await it.exchange(signer, it.identityToken())
  assert.equal((await it.exchange(signer, it.identityToken(), 'build release')).status, 429)
  await entries(it)
  assert.equal(it.audit.ofType('session.issued').length, 1)
  assert.equal(it.audit.ofType('session.ended')[0]?.data['reason'], 'approval_not_asked')
})

test('a yes opens one session', async (t) => {
  const { it, signer, code, poll, approve } = await asked(t)
  await approve(anna)
  it.clock.aheadMs += 5_000
  const answers = await Promise.all([1, 2, 3].map(() => it.poll(signer, code)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.match(String((await poll()).body['error_description']), /used already/)
  assert.equal(it.audit.ofType('session.issued').length, 1)
})

test('the identity token is used up by asking', async (t) => {
  const { it, signer } = await asked(t)
  const token = it.identityToken()
  assert.equal(errorOf(await it.exchange(signer, token)), 'authorization_pending')
  const again = await it.exchange(signer, token)
  assert.match(String(again.body['error_description']), /token_replayed/)
  const build = await it.exchange(signer, token, 'build')
  assert.match(String(build.body['error_description']), /token_replayed/)
})

test('refused: the code with another key, an unknown code', async (t) => {
  const { it, code, approve } = await asked(t)
  await approve(anna)
  const thief: ProofSigner = await createProofSigner({ clock: it.clock })
  it.clock.aheadMs += 5_000
  const stolen = await it.poll(thief, code)
  const unknown = await it.poll(thief, 'nothing')
  assert.deepEqual([errorOf(stolen), errorOf(unknown)], ['invalid_grant', 'invalid_grant'])
  assert.equal(stolen.body['error_description'], unknown.body['error_description'])
})

test('slow_down: too fast a poll lengthens the interval', async (t) => {
  const { it, signer, code } = await asked(t)
  const fast = await it.poll(signer, code)
  assert.deepEqual([errorOf(fast), fast.body['interval']], ['slow_down', 10])
  it.clock.aheadMs += 5_000
  assert.deepEqual((await it.poll(signer, code)).body['interval'], 15)
  it.clock.aheadMs += 15_000
  const patient = await it.poll(signer, code)
  assert.deepEqual([errorOf(patient), patient.body['interval']], ['authorization_pending', 15])
})

test('refused: by who triggered the run, under whichever login', async (t) => {
  const { it, approve, poll } = await asked(t)
  const own = await approve(mona)
  assert.equal(own.status, 403)
  assert.match(String(own.body['detail']), /you triggered this run/)
  assert.equal(errorOf(await poll()), 'authorization_pending')
  const [entry] = it.audit.ofType('approval.refused')
  assert.equal(entry?.data['reason'], 'own_run')
})

test('refused: who is in none of the groups, and whose account on the CI nobody knows', async (t) => {
  const { approve } = await asked(t)
  assert.match(String((await approve(cleo)).body['detail']), /none of the groups asked for: managers/)
  assert.match(String((await approve(dora)).body['detail']), /not known who you are on "github"/)
})

test('allow_unlinked lets those approve whose account is not known, but never the one who is known to have triggered it', async (t) => {
  const { approve } = await asked(t, '{ group: loose }')
  assert.match(String((await approve(mona)).body['detail']), /you triggered/)
  assert.equal((await approve(dora)).body['state'], 'approved')
})

test('an identity that does not say who triggered it is approved by an allow_unlinked group only', async (t) => {
  const claims = { actor: undefined, actor_id: undefined }
  const strict = await asked(t, undefined, claims)
  assert.match(String((await strict.approve(anna)).body['detail']), /does not say who triggered/)
  const loose = await asked(t, '{ group: loose }', claims)
  assert.equal((await loose.approve(dora)).body['state'], 'approved')
})

test('two logins of one person are one person', async (t) => {
  const { approve, poll } = await asked(t, '{ group: managers, count: 2 }')
  const otherLogin: Login = { issuer: provider, subject: 'z', email: 'Anna@Example.com', groups: [] }
  assert.equal((await approve(anna)).body['state'], 'pending')
  const twice = await approve(otherLogin)
  assert.equal(twice.status, 409)
  assert.match(String(twice.body['detail']), /one person counts once/)
  assert.equal(errorOf(await poll()), 'authorization_pending')
  assert.equal((await approve(ben)).body['state'], 'approved')
  assert.equal((await poll()).status, 200)
})

test('refused: a login that the policy calls two people', async (t) => {
  const { approve } = await asked(t)
  const both: Login = { issuer: provider, subject: 'anna-1', email: 'ben@example.com', groups: [] }
  const answer = await approve(both)
  assert.equal(answer.status, 403)
})

test('two who approve at once are both counted', async (t) => {
  const { it, approve, poll } = await asked(t, '{ group: managers, count: 2 }')
  await Promise.all([approve(anna), approve(ben)])
  assert.deepEqual(
    it.audit.ofType('approval.granted').map(({ data }) => data['complete']),
    [false, true],
  )
  assert.equal((await poll()).status, 200)
})

test('all: a person counts in one group; any: one group is enough', async (t) => {
  const all = await asked(t, '{ all: [{ group: managers, count: 1 }, { group: everyone, count: 1 }] }')
  assert.equal((await all.approve(anna)).body['state'], 'pending')
  assert.equal((await all.approve(cleo)).body['state'], 'approved')
  const any = await asked(t, '{ any: [{ group: managers, count: 2 }, { group: everyone, count: 1 }] }')
  assert.equal((await any.approve(cleo)).body['state'], 'approved')
})

test('refused: no reason where one is required', async (t) => {
  const { approve } = await asked(t, '{ group: managers, reason: required }')
  const without = await approve(anna)
  assert.equal(without.status, 400)
  assert.match(String(without.body['detail']), /needs a reason/)
  for (const reason of ['   ', 'a\u001b[2J', 'a\nb', 'a\u202eb', 'x'.repeat(501)])
    assert.equal((await approve(anna, reason)).status, 400)
  assert.equal((await approve(anna, 'because')).body['state'], 'approved')
})

test('refused: an API token that stands for nobody; a person without the permission', async (t) => {
  const { it, id } = await asked(t)
  const bare = await it.asAdmin('POST', `/v1/approvals/${id}/approve`, {})
  assert.equal(bare.status, 403)
  assert.match(String(bare.body['detail']), /stands for no person/)
  const stranger: Login = { issuer: provider, subject: 'nobody', groups: [] }
  const without = await it.asPerson(stranger, 'POST', `/v1/approvals/${id}/approve`)
  assert.match(String(without.body['detail']), /lacks the scope approval:decide/)
  const elsewhere: Login = { ...anna, issuer: 'https://other.example.com' }
  assert.equal((await it.asPerson(elsewhere, 'POST', `/v1/approvals/${id}/approve`)).status, 403)
})

test('a no ends it, says who, and is in the log even while the log is down', async (t) => {
  const { it, approve, deny, poll } = await asked(t)
  it.audit.down = true
  assert.equal((await deny(ben, 'not today')).status, 200)
  const answer = await poll()
  assert.equal(errorOf(answer), 'access_denied')
  assert.match(String(answer.body['error_description']), /denied by ben: not today/)
  it.audit.down = false
  assert.equal((await approve(anna)).status, 409)
  it.broker.outbox.deliver()
  await entries(it)
  assert.deepEqual(it.audit.ofType('approval.denied')[0]?.data['by'], recordedLogin(ben, 'ben'))
})

test('a no counts also after enough have said yes, until the session is open', async (t) => {
  const { approve, deny, poll } = await asked(t)
  await approve(anna)
  assert.equal((await deny(ben)).body['state'], 'denied')
  assert.equal(errorOf(await poll()), 'access_denied')
  const late = await asked(t)
  await late.approve(anna)
  assert.equal((await late.poll()).status, 200)
  assert.equal((await late.deny(ben)).status, 409)
})

test('a yes is not counted while its entry is not durable', async (t) => {
  const { it, approve, poll } = await asked(t)
  it.audit.down = true
  assert.equal((await approve(anna)).status, 503)
  it.audit.down = false
  assert.equal(errorOf(await poll()), 'authorization_pending')
})

test('nothing is asked while the log is down, and the token is not used up', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  const token = it.identityToken()
  it.audit.down = true
  assert.equal((await it.exchange(signer, token)).status, 503)
  it.audit.down = false
  assert.equal(errorOf(await it.exchange(signer, token)), 'authorization_pending')
})

test('expired: nobody answered in time', async (t) => {
  const { it, approve, poll } = await asked(t, '{ group: managers, expires: 10m }')
  it.clock.aheadMs += 600_000
  assert.equal((await approve(anna)).status, 409)
  assert.equal(errorOf(await poll()), 'expired_token')
  assert.equal((await entries(it)).at(-1), 'approval.expired')
})

test('a yes that nobody fetches in time expires too, by the sweep', async (t) => {
  const { it, approve, poll } = await asked(t, '{ group: managers, expires: 10m }')
  await approve(anna)
  it.clock.aheadMs += 600_000
  await it.approvals.sweep()
  assert.equal(errorOf(await poll()), 'expired_token')
})

test('refused: another policy than the one that was asked about, before or after the yes', async (t) => {
  const before = await asked(t)
  await before.it.apply(`${policyText()}\n# changed\n`)
  assert.match(String((await before.approve(anna)).body['detail']), /policy has changed/)
  assert.equal(errorOf(await before.poll()), 'access_denied')
  const after = await asked(t)
  await after.approve(anna)
  await after.it.apply(policyText().replace('refs/tags/v*', 'refs/*'))
  const answer = await after.poll()
  assert.match(String(answer.body['error_description']), /version 1, now 2/)
  assert.deepEqual(await entries(after.it), ['approval.requested', 'approval.granted', 'approval.voided'])
})

for (const match of [
  { repository: '1296269' },
  { repository: 'octo-org/app' },
  { commit: 'a'.repeat(40) },
  { issuer: 'github' },
  { role: 'release' },
  { all: true },
]) {
  test(`refused: revoked meanwhile by ${JSON.stringify(match)}`, async (t) => {
    const { it, approve, poll } = await asked(t)
    await approve(anna)
    assert.equal((await it.asAdmin('POST', '/v1/revoke', match)).status, 200)
    const answer = await poll()
    assert.equal(errorOf(answer), 'access_denied')
    assert.match(String(answer.body['error_description']), /revoked by root/)
  })
}

test('what is revoked elsewhere leaves it alone', async (t) => {
  const { it, approve, poll } = await asked(t)
  await approve(anna)
  for (const match of [
    { repository: '7' },
    { commit: 'b' },
    { issuer: 'gitlab' },
    { run: 'run_x' },
    { session: 'ses_x' },
  ])
    await it.asAdmin('POST', '/v1/revoke', match)
  assert.equal((await poll()).status, 200)
})

test('the supervisor takes its request back; another key cannot', async (t) => {
  const { it, signer, code, approve } = await asked(t)
  const thief = await it.signer()
  await it.prove(thief, '/oauth/cancel', { form: { device_code: String(code) } })
  assert.equal(it.audit.ofType('approval.cancelled').length, 0)
  assert.equal((await it.prove(signer, '/oauth/cancel', { form: { device_code: String(code) } })).status, 200)
  assert.equal((await approve(anna)).status, 409)
  assert.equal((await entries(it)).at(-1), 'approval.cancelled')
})

test('a job cannot bury people in requests', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  for (let i = 0; i < 20; i++) await it.exchange(signer, it.identityToken())
  const answer = await it.exchange(signer, it.identityToken())
  assert.equal(answer.status, 429)
  assert.match(String(answer.body['error_description']), /20 requests of this repository/)
})

test('listed for those who may see it, without code or key', async (t) => {
  const { it, id, code } = await asked(t)
  const list = await it.asPerson(anna, 'GET', '/v1/approvals')
  const [one] = list.body['approvals'] as Record<string, unknown>[]
  assert.equal(one?.['id'], id)
  assert.deepEqual(one?.['grants'], ['git:push git/octo-org/app@refs/tags/v*'])
  assert.equal(JSON.stringify(list.body).includes(String(code)), false)
  assert.equal((await it.call('GET', '/v1/approvals')).status, 401)
  assert.equal((await it.asPerson(anna, 'GET', '/v1/approvals/apr_nothing')).status, 404)
})
