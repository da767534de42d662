import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleo, openServer } from './server.fixture.ts'

test('a revocation that names nothing known says so, with what was meant; one of what has ended does not', async (t) => {
  const it = await openServer(t)
  const session = (await it.exchange(await it.signer(), it.identityToken(), 'build')).body
  const [run, id] = [String(session['run_id']), String(session['session_id'])]
  const revoke = async (match: object) => await it.asAdmin('POST', '/v1/revoke', match)
  const typo = (text: string) => `${text.slice(0, -1)}${text.endsWith('a') ? 'b' : 'a'}`
  for (const [match, what, meant] of [
    [{ run: typo(run) }, `run ${typo(run)}`, run],
    [{ session: typo(id) }, `session ${typo(id)}`, id],
    [{ role: 'biuld' }, 'role biuld', 'build'],
    [{ issuer: 'githbu' }, 'issuer githbu', 'github'],
    [{ repository: 'octo-org/ap' }, 'repository octo-org/ap', undefined],
    [{ repository: '1296268' }, 'repository 1296268', '1296269'],
    [{ commit: 'nothing-like-it' }, 'commit nothing-like-it', undefined],
  ] as const) {
    const { status, body } = await revoke(match)
    const detail = String(body['detail'])
    assert.deepEqual([status, detail.startsWith(`there is no ${what}`)], [404, true], detail)
    if (meant !== undefined) assert.equal(detail, `there is no ${what}: did you mean ${meant}?`)
  }
  assert.deepEqual((await revoke({ run })).body, { sessions: 1, approvals: 0 })
  for (const match of [{ run }, { session: id }, { role: 'build' }, { repository: '1296269' }, { all: true }])
    assert.deepEqual((await revoke(match)).body, { sessions: 0, approvals: 0 }, JSON.stringify(match))
})

test('what only waits for approval is known, too', async (t) => {
  const it = await openServer(t)
  const asked = await it.exchange(await it.signer(), it.identityToken(), 'release')
  assert.equal(asked.body['error'], 'authorization_pending')
  const waiting = (await it.asAdmin('GET', '/v1/approvals')).body['approvals'] as { run: string }[]
  const run = waiting[0]?.run
  assert.deepEqual((await it.asAdmin('POST', '/v1/revoke', { run })).body, { sessions: 0, approvals: 1 })
})

test('ids of approvals and of API tokens: none, and which was meant', async (t) => {
  const it = await openServer(t)
  const asked = await it.exchange(await it.signer(), it.identityToken(), 'release')
  const id = String(asked.body['approval_id'])
  const near = `${id.slice(0, -1)}_`
  for (const answer of [
    await it.asAdmin('GET', `/v1/approvals/${near}`),
    await it.asPerson(cleo, 'POST', `/v1/approvals/${near}/approve`),
  ]) {
    assert.equal(answer.status, 404)
    assert.match(String(answer.body['detail']), new RegExp(`did you mean ${id}\\?`))
  }
  const token = (await it.apiTokens.list())[0]?.id ?? ''
  const wrong = await it.asAdmin('DELETE', `/v1/tokens/${token}x`)
  assert.match(String(wrong.body['detail']), new RegExp(`no API token .*did you mean ${token}\\?`))
})

test('whom an erasure would reach is told before it does', async (t) => {
  const it = await openServer(t)
  await it.store.write((tx) =>
    tx
      .insertInto('people')
      .values({
        who: 'github:12',
        alias: 'github:mona',
        person: 'per_x',
        sealed: new Uint8Array(),
        created_ms: 0,
      })
      .execute(),
  )
  const [one] = await it.store.read.selectFrom('people').selectAll().execute()
  const dry = await it.asAdmin('POST', '/v1/audit/erase', { subject: one?.alias, dry_run: true })
  assert.deepEqual(dry.body, { persons: [one?.person], who: [one?.who] })
  assert.deepEqual(it.audit.ofType('person.erased'), [])
})
