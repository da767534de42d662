import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { delivered, openSession, stepRequest } from '../../broker/broker.fixture.ts'
import type { StepOutcome } from '../../broker/index.ts'
import { sha256Hex } from '../../lib/index.ts'
import { receiptOf } from '../statements/index.ts'
import { checkReceipt, readStatement } from '../verify/index.ts'
import { attestWorld, filesSummary, type AttestWorld } from './attestor.fixture.ts'
import { logKey } from './over.fixture.ts'

const nothing = { files: [], count: 0, bytes: 0, sha256: sha256Hex('') }
const activity = { granted: [], denied: [] }
const summary = { duration_ms: 10, script: { text: 'npm pack', of: 'run' } }

const outcomes: Readonly<Record<string, StepOutcome>> = {
  'finished, with artifacts': {
    ...{ reason: 'finished', exitCode: 0, activity },
    summary: { ...summary, ...filesSummary(2) },
  },
  'finished, and none of its artifacts was there': {
    ...{ reason: 'finished', exitCode: 0, activity },
    summary: { ...summary, artifacts: nothing },
  },
  'finished, and neither artifacts nor inputs were there': {
    ...{ reason: 'finished', exitCode: 0, activity },
    summary: { ...summary, artifacts: nothing, inputs: nothing },
  },
  'failed, none of its artifacts there': {
    ...{ reason: 'finished', exitCode: 2, activity },
    summary: { ...summary, artifacts: nothing },
  },
  'failed, with artifacts': {
    ...{ reason: 'finished', exitCode: 1, activity },
    summary: { ...summary, ...filesSummary(1) },
  },
  'was killed by a signal': {
    ...{ reason: 'finished', exitCode: 137, activity },
    summary: { ...summary, signal: 'SIGKILL', limit: 'memory', limits_held_by: 'cgroup', artifacts: nothing },
  },
  'was cancelled': {
    ...{ reason: 'cancelled', exitCode: 143, activity },
    summary: { ...summary, signal: 'SIGTERM', artifacts: nothing },
  },
  'timed out': { reason: 'timed_out', exitCode: 143, activity, summary: { ...summary, artifacts: nothing } },
  'could not start': { reason: 'failed_to_start', activity, summary: { artifacts: nothing } },
  'could not start, and says nothing': { reason: 'failed_to_start' },
}

for (const [how, outcome] of Object.entries(outcomes))
  test(`a step that ${how}: its receipt is right by the entry of its end`, async (t) => {
    const world = await attestWorld(t)
    const step = await world.endedStep(outcome)
    const { predicate } = await rightReceipt(t, world, step.id)
    assert.equal(predicate.step.reason, outcome.reason)
  })

const byOthers: Readonly<Record<string, (world: AttestWorld) => Promise<unknown>>> = {
  'revoked_by:root': ({ it }) => it.broker.revoke({ all: true }, 'revoked_by:root'),
  heartbeat_lost: ({ it }) => {
    it.clock.ms += 120_000
    return it.broker.sweep()
  },
}

for (const [reason, end] of Object.entries(byOthers))
  test(`a step that others end (${reason}): its receipt is right by the entry of its end`, async (t) => {
    const world = await attestWorld(t)
    const step = await world.it.broker.openStep(
      await openSession(world.it.broker),
      stepRequest({ policyVersion: 7 }),
    )
    await end(world)
    const { predicate } = await rightReceipt(t, world, step.id)
    assert.equal(predicate.step.reason, reason)
  })

test('an end that was decided, and written two hours later: its receipt is right, and does not prove when', async (t) => {
  const world = await attestWorld(t)
  const { broker, clock } = world.it
  const step = await broker.openStep(await openSession(broker), stepRequest({ policyVersion: 7 }))
  const outcome: StepOutcome = { reason: 'finished', exitCode: 0, activity, summary }
  assert.equal(await broker.decideEnd(step, outcome), true)
  const decided = new Date(clock.ms).toISOString()
  clock.ms += 7_200_000
  await broker.endStep(step, outcome)
  const { predicate, unproved } = await rightReceipt(t, world, step.id)
  assert.equal(predicate.step.finished, decided)
  assert.ok(unproved.includes('step.finished'), unproved.join())
})

test('an entry that names an empty list by the digest of another contradicts its receipt', async (t) => {
  const world = await attestWorld(t)
  const step = await world.endedStep({ summary: { artifacts: { ...nothing, sha256: sha256Hex('x') } } })
  assert.match((await receiptFor(t, world, step.id)).failure ?? '', /artifacts|list/)
})

async function rightReceipt(t: TestContext, world: AttestWorld, step: string) {
  const { statement, failure } = await receiptFor(t, world, step)
  assert.equal(failure, undefined)
  const checked = await checkReceipt(readStatement(Buffer.from(JSON.stringify(statement))), {
    logKey: logKey.verifierKey,
  })
  assert.ok(checked.ok, JSON.stringify(checked))
  const { predicate } = statement as { predicate: { step: { reason: string; finished: string } } }
  return { predicate, unproved: checked.unproved }
}

async function receiptFor(t: TestContext, world: AttestWorld, step: string) {
  await delivered(world.it)
  const attestor = world.another({
    statements: { provenanceOf: () => undefined, sbomOf: () => undefined, receiptOf, checkReceipt },
  })
  t.after(() => attestor.close())
  const receipt = await attestor.receipt(step, 3_000)
  if (typeof receipt === 'object' && 'bundle' in receipt)
    return { statement: (JSON.parse(receipt.bundle) as { statement: unknown }).statement }
  const rows = await world.it.store.read.selectFrom('attestations').selectAll().execute()
  return { failure: `${JSON.stringify(receipt)} ${rows.map((row) => row.failure).join()}` }
}
