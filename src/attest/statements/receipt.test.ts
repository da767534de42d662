import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EntryEvent } from '../../audit/verify/index.ts'
import { checkReceipt, readStatement, type Statement } from '../verify/index.ts'
import { aFullLog, aFullStep, aStep, provenIn } from './receipt.fixture.ts'
import { endWritten } from './relogged-changes.fixture.ts'
import { patched, patchOf, wrongReceipts } from './wrong-receipts.fixture.ts'
import { encodeStatement, receiptOf, type LogProofs, type StepFacts } from './index.ts'

function receiptFrom(facts: StepFacts, proofs: LogProofs): Statement {
  const statement = receiptOf(facts, proofs)
  assert.ok(statement !== undefined)
  return readStatement(encodeStatement(statement))
}

/** Its reason, or what is unproved. */
async function verdictOn(statement: Statement, logKey = provenIn().key): Promise<unknown> {
  const checked = await checkReceipt(statement, { logKey })
  return checked.ok ? checked.unproved : checked.reason
}

/** The same receipt with another value at a path. */
function changed(path: string, value: unknown): Statement {
  const receipt = receiptFrom(aStep, provenIn())
  return patched(receipt, patchOf(receipt, path, value))
}

const usual = ['server', 'policy', 'audit.omitted', 'approvals[0]']

test('a receipt that says what its entries say is right, and says what no entry bears out', async () => {
  const statement = receiptFrom(aStep, provenIn())
  const checked = await checkReceipt(statement, { logKey: provenIn().key })
  assert.ok(checked.ok, JSON.stringify(checked))
  assert.deepEqual(
    [checked.step, checked.run, checked.entries.length, checked.checkpoint.size],
    [aStep.step.id, aStep.run.id, 9, 19],
  )
  assert.deepEqual(checked.unproved, usual)
})

test('the same facts give the same receipt, in whatever order they were read', () => {
  const proofs = provenIn()
  const turned = {
    ...aStep,
    materials: aStep.materials.toReversed(),
    grants: aStep.grants.toReversed(),
  }
  assert.deepEqual(
    encodeStatement(receiptFrom(turned, { ...proofs, entries: proofs.entries.toReversed() })),
    encodeStatement(receiptFrom(aStep, proofs)),
  )
})

test('a step that made nothing has a receipt, and before its end there is none', async () => {
  const facts: StepFacts = {
    ...aStep,
    published: [],
    reported: { ...aStep.reported, artifacts: [] },
  }
  delete (facts.reported as { artifactsSha256?: string }).artifactsSha256
  const statement = receiptFrom(facts, provenIn(facts))
  assert.equal(statement.subject.length, 1)
  assert.deepEqual(await verdictOn(statement), usual)
  const open = provenIn(aStep, (events) => events.filter(({ type }) => type !== 'step.finished'))
  assert.equal(receiptOf(aStep, open), undefined)
})

test('a receipt that says something else than its entries, or whose entries are not in the log, is wrong', async () => {
  const receipt = receiptFrom(aFullStep, provenIn(aFullStep, aFullLog))
  const { key } = provenIn()
  for (const { name, reason, patch } of wrongReceipts(receipt)) {
    const checked = await checkReceipt(patched(receipt, patch[0]), { logKey: key })
    assert.equal(
      checked.ok ? 'right' : checked.reason,
      reason,
      `${name}: ${JSON.stringify(checked).slice(0, 200)}`,
    )
  }
  assert.equal(await verdictOn(changed('predicate.audit', undefined)), 'malformed')
  assert.equal(await verdictOn(changed('predicateType', 'urn:mayfly:step-receipt:v2')), 'malformed')
  const otherKey = provenIn().key.replace('audit.example.test', 'audit.example.tost')
  assert.equal(await verdictOn(receiptFrom(aStep, provenIn()), otherKey), 'other_log')
})

test('how a credential ended, after its step, is known from its entry', async () => {
  const leases = aStep.leases.map(({ revokedMs: _ms, reason: _reason, ...lease }) => lease)
  const { predicate } = receiptFrom({ ...aStep, leases }, provenIn())
  const [credential] = (predicate as { credentials: Record<string, unknown>[] }).credentials
  assert.deepEqual([credential?.['reason'], typeof credential?.['revoked']], ['finished', 'string'])
})

test('of a step that its supervisor did not end, what it reached is the server’s word', async () => {
  const proofs = provenIn(aStep, (events) =>
    events.map((one) => {
      const { granted: _granted, denied: _denied, ...data } = one.data
      return one.type === 'step.finished' ? { ...one, data } : one
    }),
  )
  assert.deepEqual(await verdictOn(receiptFrom(aStep, proofs)), [
    ...['server', 'policy', 'audit.omitted', 'operations', 'approvals[0]'],
  ])
})

test('an end whose entry was written late is the server’s word', async () => {
  for (const [laterMs, more] of [
    [600_000, []],
    [600_001, ['step.finished']],
  ] as const)
    assert.deepEqual(await verdictOn(receiptFrom(aStep, provenIn(aStep, endWritten(laterMs)))), [
      ...['server', 'policy', 'audit.omitted', ...more, 'approvals[0]'],
    ])
})

test('a list of files that is not known is said by its number and digest', async () => {
  const facts = { ...aStep, reported: { ...aStep.reported, artifacts: [], artifactsCount: 1 } }
  assert.deepEqual(await verdictOn(receiptFrom(facts, provenIn())), [
    ...['server', 'policy', 'audit.omitted', 'reported.artifacts.files', 'approvals[0]'],
  ])
})

test('an entry of another step, run, session or writer is a foreign one', async () => {
  const changes: Record<string, (event: EntryEvent) => EntryEvent> = {
    step: (one) => ({ ...one, subject: 'lse_other', data: { ...one.data, step: 'stp_other' } }),
    run: (one) => ({ ...one, run: 'run_other' }),
    session: (one) => ({ ...one, type: 'session.issued', subject: 'ses_other', data: {} }),
    approval: (one) => ({ ...one, type: 'approval.granted', subject: 'apr_other', data: {} }),
    writer: (one) => ({ ...one, source: 'mayfly://other' }) as EntryEvent,
  }
  for (const [what, change] of Object.entries(changes)) {
    const proofs = provenIn(aStep, (events) =>
      events.map((one) => (one.type === 'lease.issued' ? change(one) : one)),
    )
    assert.equal(await verdictOn(receiptFrom(aStep, proofs)), 'foreign_entry', what)
  }
})

test('an entry of whose words there was no room proves no more than that it is there', async () => {
  const proofs = provenIn(aStep, (events) => [
    ...events,
    ...Array.from({ length: 80 }, (_, i) => ({
      ...{ type: 'access.granted', subject: aStep.step.id, run: aStep.run.id },
      data: { step: aStep.step.id, filler: `${i}`.padEnd(60_000, 'x') },
    })),
  ])
  const statement = receiptFrom(aStep, { ...proofs, omitted: 3 })
  const { audit } = statement.predicate as { audit: { entries: { entry?: string }[]; omitted: number } }
  const words = audit.entries.filter(({ entry }) => entry !== undefined)
  assert.ok(words.length > 60 && words.length < audit.entries.length, String(words.length))
  assert.equal(audit.omitted, 3)
  assert.deepEqual(await verdictOn(statement), usual)
})

test('whatever stands where the parts of a receipt should be, there is an answer', async () => {
  const odd: unknown[] = [null, [], 'x', 1, {}, { audit: null }, { audit: { entries: [null] } }]
  for (const predicate of odd) {
    const statement = { ...receiptFrom(aStep, provenIn()), predicate }
    assert.equal(await verdictOn(statement), 'malformed', JSON.stringify(predicate))
  }
  const members = Object.keys(receiptFrom(aStep, provenIn()).predicate as object)
  for (const name of members)
    for (const value of [null, [], {}, [null], 'x', -1]) {
      const statement = changed(`predicate.${name}`, value)
      const checked = await checkReceipt(statement, { logKey: provenIn().key })
      assert.equal(typeof checked.ok, 'boolean', name)
    }
})
