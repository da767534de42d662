import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EntryEvent } from '../../audit/verify/index.ts'
import { checkReceipt, readStatement, type Statement } from '../verify/index.ts'
import { aStep, digestOf, provenIn } from './receipt.fixture.ts'
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

/** The same receipt with another value at a path (undefined: without it), as whoever has the server's key could sign it. */
function edited(path: string, value: unknown): Statement {
  const copy = structuredClone(receiptFrom(aStep, provenIn()))
  const names = path.split('.')
  const last = names.pop() ?? ''
  let at = copy as unknown as Record<string, unknown>
  for (const name of names) at = at[name] as Record<string, unknown>
  const next: unknown = typeof value === 'function' ? (value as (was: unknown) => unknown)(at[last]) : value
  if (next === undefined) delete at[last]
  else at[last] = next
  return copy
}

type List = readonly unknown[]
const without =
  (at: number, count = 1) =>
  (list: List) =>
    list.toSpliced(at, count)
const more = (one: unknown) => (list: List) => [...list, one]
const replaced = (from: string, to: string) => (text: string) => text.replace(from, to)

const usual = [...['server', 'policy', 'approval apr_0123456789abcdefghjkmnpq']]

test('a receipt that says what its entries say is right, and says what no entry bears out', async () => {
  const statement = receiptFrom(aStep, provenIn())
  const checked = await checkReceipt(statement, { logKey: provenIn().key })
  assert.ok(checked.ok, JSON.stringify(checked))
  assert.deepEqual(
    [checked.step, checked.run, checked.entries.length, checked.checkpoint.size],
    [aStep.step.id, aStep.run.id, 8, 17],
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

test('a receipt that says something else than its entries is wrong', async () => {
  const other = digestOf('1')
  const lies: readonly (readonly [path: string, value: unknown])[] = [
    ['reported.exitCode', 1],
    ['reported.exitCode', undefined],
    ['step.role', 'admin'],
    ['step.outcome', 'failure'],
    ['step.finished', '2026-11-30T06:00:00.000Z'],
    ['operations.denied.0.count', 1],
    ['operations.denied', []],
    ['operations.deniedTotal', 0],
    ['grants', more('git:push github/*@*')],
    ['grants.0', 'git:push github/*@*'],
    ['egress', []],
    ['services', [5432]],
    ['identity.issuer', 'gitlab'],
    ['identity.attributes.repository_id', '1'],
    ['identity.attributes.commit', 'c'],
    ['identity.attributes.environment', 'x'],
    ['identity.person', undefined],
    ['run.ci.attempt', '2'],
    ['session.roles', more('admin')],
    ['credentials', []],
    ['credentials.0.grant', 'npm:install npm'],
    ['credentials.0.reason', 'expired'],
    ['materials', without(0)],
    ['materials', more({ uri: 'pkg:npm/x@1', digest: { sha256: other } })],
    ['materials.0.digest.sha256', other],
    ['published', []],
    ['published.0.digest.sha256', other],
    ['reported.tier', 'C'],
    ['reported.script.digest.sha256', other],
    ['log.digest.sha256', other],
    ['reported.secretsSeen', [{ name: 'A', count: 1 }]],
    ['reported.artifacts.listDigest.sha256', other],
  ]
  for (const [path, value] of lies)
    assert.equal(await verdictOn(edited(`predicate.${path}`, value)), 'contradicted', path)
  for (const [path, value] of [
    ['subject', without(1, 2)],
    ['subject.0.digest.sha256', other],
  ] as const)
    assert.equal(await verdictOn(edited(path, value)), 'contradicted', path)
})

test('entries that are not in the log, or are missing, do not count', async () => {
  const cases: readonly (readonly [expected: string, path: string, value: unknown])[] = [
    ['not_in_log', 'entries.2.entry', replaced('publish', 'x')],
    ['not_in_log', 'entries.7.index', 16],
    ['not_in_log', 'entries.3.proof', without(0)],
    ['not_in_log', 'entries.3.leafHash', Buffer.alloc(32).toString('base64')],
    ['malformed', 'entries', (list: List) => list.toReversed()],
    ['malformed', 'entries', (list: List) => [...list, list.at(-1)]],
    ['missing_entry', 'entries', without(6)],
    ['missing_entry', 'entries.6.entry', undefined],
    ['bad_checkpoint', 'checkpoint', replaced('\n17\n', '\n18\n')],
    ['malformed', 'origin', 'x'],
    ['malformed', 'omitted', -1],
  ]
  for (const [expected, path, value] of cases)
    assert.equal(await verdictOn(edited(`predicate.audit.${path}`, value)), expected, path)
  assert.equal(await verdictOn(edited('predicate.audit', undefined)), 'malformed')
  assert.equal(await verdictOn(edited('predicateType', 'urn:mayfly:step-receipt:v2')), 'malformed')
  const otherKey = provenIn().key.replace('audit.example.test', 'audit.example.tost')
  assert.equal(await verdictOn(receiptFrom(aStep, provenIn()), otherKey), 'other_log')
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
  assert.deepEqual(await verdictOn(statement), [
    'server',
    'policy',
    'that nothing was left out',
    ...usual.slice(2),
  ])
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
      const statement = edited(`predicate.${name}`, value)
      const checked = await checkReceipt(statement, { logKey: provenIn().key })
      assert.equal(typeof checked.ok, 'boolean', name)
    }
})
