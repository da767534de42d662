import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import { code, connection, delivered, grant, openSession, setup, stepRequest } from './broker.fixture.ts'

test('what is leased from a secret is known by its version, and ended when the secret is compromised', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  const [one, two] = [
    await it.broker.openStep(session, stepRequest()),
    await it.broker.openStep(session, stepRequest()),
  ]
  const first = await it.broker.lease(one, connection(), grant)
  assert.equal((await it.broker.lease(one, connection(), grant)).id, first.id)
  await it.broker
    .lease(one, connection('other', { credential: { scheme: 'bearer', secret: 'other' } }), grant)
    .catch(() => undefined)
  await it.vault.set('deploy', new Secret('a-new-value'))
  const second = await it.broker.lease(two, connection(), grant)
  const rows = await it.store.read.selectFrom('lease_secrets').selectAll().orderBy('version').execute()
  assert.deepEqual(
    rows.map(({ lease_id, secret, version }) => [lease_id, secret, version]),
    [
      [first.id, 'deploy', 1],
      [second.id, 'deploy', 2],
    ],
  )
  const cut: string[] = []
  it.broker.onLeaseEnd((step, name) => cut.push(`${step.id} ${name}`))
  assert.deepEqual(await it.broker.revokeSecret('deploy', 1, 'secret_compromised'), [first.id])
  assert.deepEqual(await it.broker.revokeSecret('deploy', 1, 'secret_compromised'), [], 'twice is once')
  assert.deepEqual(new Set(cut), new Set([`${one.id} github`]))
  await delivered(it)
  assert.deepEqual(
    it.audit.ofType('lease.revoked').map(({ subject, data }) => [subject, data['reason']]),
    [[first.id, 'secret_compromised']],
  )
  // The step goes on, with the new value.
  const again = await it.broker.lease(one, connection(), grant)
  assert.notEqual(again.id, first.id)
  assert.equal(again.authorization?.reveal(), 'Bearer a-new-value')
  assert.equal(await it.broker.lease(two, connection(), grant), second)
})

test('nothing is leased from a version that is compromised, also if that is said while it is being leased', async (t) => {
  const it = await setup(t)
  const step = await it.broker.openStep(await openSession(it.broker), stepRequest())
  const compromise = () =>
    it.store.write((tx) =>
      tx.updateTable('secret_names').set({ compromised_version: 1 }).where('name', '=', 'deploy').execute(),
    )
  const { promise, resolve } = Promise.withResolvers<void>()
  it.audit.holds.set('lease.issued', promise)
  const leasing = it.broker.lease(step, connection(), grant)
  const refused = assert.rejects(leasing, code('denied', /"deploy" is compromised/))
  await compromise()
  resolve()
  await refused
  const [row] = await it.store.read.selectFrom('leases').selectAll().execute()
  assert.equal(row?.revoke_reason, 'secret_compromised')
  await assert.rejects(it.broker.lease(step, connection(), grant), code('denied'))
  await it.vault.set('deploy', new Secret('a-new-value'))
  assert.equal(
    (await it.broker.lease(step, connection(), grant)).authorization?.reveal(),
    'Bearer a-new-value',
  )
})

test('a value that has died is given to nobody again: not from memory, and not if it dies while it is leased', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  const [one, two] = [
    await it.broker.openStep(session, stepRequest()),
    await it.broker.openStep(session, stepRequest()),
  ]
  const first = await it.broker.lease(one, connection(), grant)
  const { promise, resolve } = Promise.withResolvers<void>()
  it.audit.holds.set('lease.issued', promise)
  const leasing = it.broker.lease(two, connection(), grant)
  // As another server rotates it in place: nobody tells this one.
  await it.vault.set('deploy', new Secret('a-new-value'))
  await it.store.write((tx) => it.vault.change(tx).died('deploy', 1))
  resolve()
  assert.equal((await leasing).authorization?.reveal(), 'Bearer a-new-value')
  const again = await Promise.all([1, 2].map(() => it.broker.lease(one, connection(), grant)))
  assert.deepEqual(
    new Set(again.map(({ authorization }) => authorization?.reveal())),
    new Set(['Bearer a-new-value']),
  )
  assert.equal(again[0], again[1], 'one for all who ask')
  assert.notEqual(again[0]?.id, first.id)
  const rows = await it.store.read.selectFrom('leases').select(['id', 'revoke_reason', 'state']).execute()
  assert.deepEqual(rows.map(({ state, revoke_reason }) => `${state} ${revoke_reason}`).toSorted(), [
    'issued null',
    'issued null',
    'revoked secret_replaced',
    'revoked secret_replaced',
  ])
  // What a person takes back from before is theirs to answer for: it is used, and nobody asks for ever.
  await it.store.write((tx) => it.vault.change(tx).use('deploy', 1, { back: true }))
  assert.equal(await it.broker.lease(one, connection(), grant), again[0])
})
