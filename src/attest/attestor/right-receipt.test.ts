import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connection, delivered, grant, openSession, stepRequest } from '../../broker/broker.fixture.ts'
import { receiptOf } from '../statements/index.ts'
import { attestWorld, filesSummary } from './attestor.fixture.ts'
import { receiptsAlone, rightReceipt } from './right-receipt.fixture.ts'

test('the receipt of a step that a broker ran is right by the entries that the broker wrote', async (t) => {
  const world = await attestWorld(t)
  const { broker } = world.it
  const step = await broker.openStep(await openSession(broker), stepRequest({ policyVersion: 7 }))
  const lease = await broker.lease(step, connection(), grant)
  await broker.endStep(step, {
    ...{ reason: 'finished', exitCode: 0 },
    activity: {
      granted: [{ what: 'git:read git/octo/app', count: 2 }],
      denied: [{ what: 'host evil.test:443', count: 3, reason: 'egress' }],
    },
    summary: { duration_ms: 10, script: { text: 'true', of: 'run' }, ...filesSummary(2) },
  })
  const { predicate, checked } = await rightReceipt(t, world, step.id)
  assert.deepEqual(checked.unproved, ['server', 'policy', 'audit.omitted'])
  assert.deepEqual(
    predicate.credentials.map((one) => [one['lease'], one['grant'], one['reason'], typeof one['revoked']]),
    [[lease.id, grant, 'finished', 'string']],
  )
})

test('a receipt that says what its entries do not is not signed, and its row says why', async (t) => {
  const world = await attestWorld(t)
  const { broker } = world.it
  const step = await broker.openStep(await openSession(broker), stepRequest({ policyVersion: 7 }))
  await broker.endStep(step, { reason: 'finished', exitCode: 1 })
  await delivered(world.it)
  const signed: unknown[] = []
  const attestor = world.another({
    statements: {
      ...receiptsAlone,
      receiptOf: (facts, proofs) =>
        receiptOf({ ...facts, reported: { ...facts.reported, exitCode: 0 } }, proofs),
    },
    signer: async () => {
      signed.push(1)
      throw new Error('it asks to sign')
    },
  })
  t.after(() => attestor.close())
  assert.equal(await attestor.receipt(step.id, 2_000), 'pending')
  const [row] = await world.it.store.read.selectFrom('attestations').selectAll().execute()
  assert.match(row?.failure ?? '', /the audit log does not bear it out: .*exit/)
  assert.deepEqual(signed, [])
})
