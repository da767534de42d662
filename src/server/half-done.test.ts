import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError, Secret, type SessionId } from '../lib/index.ts'
import { createNotifications } from '../approval/index.ts'
import { endLeftUnapproved, endUnapproved } from '../approval/outdated.ts'
import { latch, openSession, setup } from '../broker/broker.fixture.ts'
import { csrfTokenOf } from '../operators/sessions.ts'
import { createRules } from '../rules/index.ts'
import type { Store } from '../store/index.ts'
import { anna, cleo, openServer, policyText } from './server.fixture.ts'

const withoutApproval = policyText().replace('    approval: { group: managers }\n', '')
const diskFull = () => Promise.reject(new MayflyError('disk_full', 'the disk is full'))

test('a server that was killed between a policy and the ends that follow from it ends those sessions at its start', async (t) => {
  const it = await setup(t)
  const make = () =>
    createRules({
      store: it.store,
      audit: it.audit.client,
      clock: it.clock,
      fetch,
      audience: () => 'http://x',
    })
  const apply = async (rules: Awaited<ReturnType<typeof make>>, text: string) => {
    it.clock.ms += 1000
    await rules.apply({ text, file: 'm', by: 't', dryRun: false })
  }
  const rules = await make()
  await apply(rules, withoutApproval)
  const release = await openSession(it.broker, { roles: ['release'] })
  const build = await openSession(it.broker, { roles: ['build'] })
  rules.onChange(() => Promise.reject(new Error('killed')))
  await assert.rejects(apply(rules, policyText()), /killed/)
  it.clock.ms += 1000
  const later = await openSession(it.broker, { roles: ['release'] })
  await it.restart()
  await endLeftUnapproved({
    rules: await make(),
    broker: it.broker,
    store: it.store,
    log: { error: (_, message) => assert.fail(message) },
  })
  const stands = async (id: typeof release.id) => (await it.broker.session(id)) !== undefined
  assert.deepEqual(await Promise.all([release, build, later].map(({ id }) => stands(id))), [
    false,
    true,
    true,
  ])
})

test('a policy over one that is refused ends the sessions that nobody said yes to', async (t) => {
  const it = await setup(t)
  const deps = { store: it.store, audit: it.audit.client, clock: it.clock, fetch, audience: () => 'http://x' }
  await it.store.write((tx) =>
    tx
      .insertInto('policies')
      .values({ version: 1, text: 'roles: 5', applied_by: 't', applied_ms: 1, source: null })
      .execute(),
  )
  const session = await openSession(it.broker, { roles: ['release'] })
  const rules = await createRules(deps)
  const told: string[] = []
  endUnapproved({ rules, broker: it.broker, log: { error: (_, message) => void told.push(message) } })
  await rules.apply({ text: policyText(), file: 'm', by: 't', dryRun: false })
  assert.equal(await it.broker.session(session.id), undefined)
  assert.deepEqual(told, [])
})

test('an API token is revoked while the audit log is down, and its entry follows; an unknown one has none', async (t) => {
  const it = await openServer(t)
  const stolen = await it.apiTokens.create({ name: 'stolen', scopes: ['secret:write'], expiresMs: null })
  const use = () => it.call('GET', '/auth/session', { headers: { authorization: `Bearer ${stolen.token}` } })
  assert.equal((await use()).status, 200)
  it.audit.down = true
  assert.equal((await it.asAdmin('DELETE', `/v1/tokens/${stolen.id}`)).status, 200)
  assert.equal((await use()).status, 401)
  it.audit.down = false
  assert.equal((await it.asAdmin('DELETE', '/v1/tokens/tok_none')).status, 404)
  await it.broker.sweep()
  for (let i = 0; i < 1000 && (await it.broker.counts()).undelivered > 0; i++)
    await new Promise((next) => setTimeout(next, 5))
  assert.deepEqual(
    it.audit.ofType('token.revoked').map(({ data }) => data['id']),
    [stolen.id],
  )
})

test('requests of a repository that come at once find the room that there is, and no more', async (t) => {
  const it = await openServer(t)
  const { held, release } = latch()
  it.audit.holds.set('approval.requested', held)
  const asking = Array.from({ length: 30 }, async (_, i) =>
    it.exchange(await it.signer(), it.identityToken({ jti: `j${i}` })),
  )
  await new Promise((next) => setTimeout(next, 500))
  release()
  const answers = await Promise.all(asking)
  assert.equal(answers.filter(({ body }) => body['error'] === 'authorization_pending').length, 20)
  assert.equal(answers.filter(({ status }) => status === 429).length, 10)
})

test('a revocation that cannot write one end takes the rest all the same, and says that it failed', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  const asked = await it.exchange(signer, it.identityToken({ jti: 'q' }))
  await it.exchange(await it.signer(), it.identityToken({ jti: 'b' }), 'build')
  await it.asPerson(anna, 'POST', `/v1/approvals/${String(asked.body['approval_id'])}/approve`)
  const { write } = it.store
  it.store.write = () => {
    it.store.write = write
    return diskFull()
  }
  assert.equal((await it.asAdmin('POST', '/v1/revoke', { all: true })).status, 507)
  it.clock.aheadMs += 5000
  assert.equal((await it.poll(signer, asked.body['device_code'])).status, 400)
})

test('who is signed in by a cookie revokes on a full disk, too: the gates close', async (t) => {
  const it = await openServer(t)
  const { token } = await it.sessions.create(cleo)
  const build = await it.exchange(await it.signer(), it.identityToken(), 'build')
  const stands = async () =>
    (await it.broker.session(String(build.body['session_id']) as SessionId)) !== undefined
  assert.equal(await stands(), true)
  // Long enough ago that the sign-in is touched.
  it.clock.aheadMs += 120_000
  Object.assign(it.store, { write: diskFull, writeAll: diskFull })
  const headers = { cookie: `mayfly=${token}`, origin: it.url, 'x-mayfly-csrf': csrfTokenOf(token) }
  assert.equal((await it.call('POST', '/v1/revoke', { json: { all: true }, headers })).status, 507)
  assert.equal(await stands(), false)
})

test('a message that was sent and cannot be taken out of the store is not sent again', async (t) => {
  const hook = 'https://hooks.example.com/x'
  const it = await openServer(t, {
    secrets: { hook },
    policy: policyText({
      more: 'notify:\n  team: { kind: slack, url: "secret:hook", events: [approval.requested] }\n',
    }),
  })
  await it.exchange(await it.signer(), it.identityToken())
  const store: Store = { ...it.store, write: diskFull }
  let sent = 0
  const notifications = createNotifications({
    store,
    clock: it.clock,
    rules: it.rules,
    outbox: it.broker.outbox,
    openSecret: async () => new Secret(hook),
    send: async () => void sent++,
    url: () => it.url,
  })
  for (let i = 0; i < 5; i++) await assert.rejects(notifications.deliver(), { code: 'disk_full' })
  store.write = it.store.write
  await notifications.deliver()
  assert.equal(sent, 1)
  assert.deepEqual(await it.store.read.selectFrom('notifications').selectAll().execute(), [])
})

test('a no that comes when the session is open is a conflict, and no entry', async (t) => {
  const it = await openServer(t)
  const asked = await it.exchange(await it.signer(), it.identityToken())
  const id = String(asked.body['approval_id'])
  const by = { id: 'tok', name: 'anna', scopes: [], login: anna }
  const { write } = it.store
  // Between the look at the request and the write of the no: as if the session had been opened there.
  it.store.write = async (work) => {
    it.store.write = write
    await write((tx) =>
      tx.updateTable('approvals').set({ state: 'used', ended_ms: 1 }).where('id', '=', id).execute(),
    )
    return write(work)
  }
  await assert.rejects(it.approvals.deny(id, by, 'no'), { code: 'conflict' })
  assert.equal(it.audit.types().includes('approval.denied'), false)
})
