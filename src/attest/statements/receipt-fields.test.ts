import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkReceipt, readStatement, type Statement } from '../verify/index.ts'
import { receiptShape, subjectsShape } from '../verify/receipt-schema.ts'
import { record, type Shape } from '../verify/receipt-shape.ts'
import { aFullLog, aFullStep, provenIn } from './receipt.fixture.ts'
import { encodeStatement, receiptOf, type LogProofs, type StepFacts } from './index.ts'

type Path = readonly (string | number)[]

function receiptFrom(facts: StepFacts, proofs: LogProofs): Statement {
  const statement = receiptOf(facts, proofs)
  assert.ok(statement !== undefined)
  return readStatement(encodeStatement(statement))
}

const many = (name: string) =>
  Array.from({ length: 1_001 }, (_, at) => `${name} ${String(at).padStart(4, '0')}`)
const [lease] = aFullStep.leases

/** More of each than a receipt names. */
const manyOfAll: StepFacts = {
  ...aFullStep,
  grants: many('npm:install'),
  egress: many('host'),
  leases: many('lea').map((id) => ({ ...lease!, id })),
  materialsOmitted: 3,
  materialsIncomplete: true,
}

const firstLease = (events: Parameters<typeof aFullLog>[0]) =>
  aFullLog(events).filter(({ type, subject }) => !type.startsWith('lease.') || subject === 'lea 0000')

const receipts = [
  receiptFrom(aFullStep, provenIn(aFullStep, aFullLog)),
  receiptFrom(manyOfAll, { ...provenIn(manyOfAll, firstLease), omitted: 2 }),
]
const { key: logKey } = provenIn()
const whole = record({ subject: subjectsShape, predicate: receiptShape })

/** Every member of the format: `credentials[].lease`. */
function* leavesOf(shape: Shape, at: string): Generator<string> {
  if (shape.is === 'list') yield* leavesOf(shape.of, `${at}[]`)
  else if (shape.is !== 'record') yield at
  else
    for (const [name, one] of Object.entries(shape.members))
      yield* leavesOf(one, at === '' ? name : `${at}.${name}`)
}

/** Where these stand in a receipt, with their form. */
function* placesIn(value: unknown, shape: Shape, path: Path): Generator<{ path: Path; shape: Shape }> {
  if (shape.is === 'list')
    for (const [at, one] of (value as unknown[]).entries()) yield* placesIn(one, shape.of, [...path, at])
  else if (shape.is !== 'record') yield { path, shape }
  else
    for (const [name, one] of Object.entries(shape.members)) {
      const member = (value as Record<string, unknown>)[name]
      if (member !== undefined) yield* placesIn(member, one, [...path, name])
    }
}

function shown(path: Path): string {
  return path
    .map((one) => (typeof one === 'number' ? `[${one}]` : `.${one}`))
    .join('')
    .slice(1)
    .replace(/^predicate\./, '')
}

function at(value: unknown, path: Path): unknown {
  return path.reduce((one, name) => (one as Record<string, unknown>)[name], value)
}

/** Other values of the same form: that a receipt is refused must not be for its form alone. */
function othersThan(value: unknown, shape: Shape): unknown[] {
  if (shape.is === 'flag') return [undefined]
  if (shape.is !== 'time') return [otherThan(value, shape)]
  // The last: a step that began a day before or after is older than its session, or began after its end.
  return [86_400_000, -86_400_000, -601_000].map((ms) =>
    new Date(Date.parse(String(value)) + ms).toISOString(),
  )
}

function otherThan(value: unknown, shape: Shape): unknown {
  if (shape.is === 'count') return Number(value) + (shape.most === Number(value) ? -1 : 1)
  const text = String(value)
  if (text === 'B') return 'C'
  if (text === 'run') return 'argv'
  if (/^[0-9a-f]{40,}$/.test(text)) return `${text.startsWith('0') ? '1' : '0'}${text.slice(1)}`
  return /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.alloc(32, 7).toString('base64') : `${text}x`
}

/** The place itself, or one that it is below. */
function isBelow(place: string, unproved: readonly string[]): boolean {
  const parts = place.split(/(?=[.[])/)
  const above = new Set(parts.map((_, end) => parts.slice(0, end + 1).join('')))
  return unproved.some((one) => above.has(one))
}

/** One of these alone cannot be changed: another field has to say the same. Of the counts wrong-receipts.fixture.ts changes both. */
const boundByForm = [
  ...['audit.key', 'audit.origin', 'operations.deniedTotal', 'operations.denied[].count'],
  ...['operations.grantedTotal', 'operations.granted[].count'],
].map((name) => `predicate.${name}`)

/** The receipt with another value there: what is said of the first that is of the form. */
async function checkedWithOther(statement: Statement, path: Path, shape: Shape) {
  const parent = at(statement, path.slice(0, -1)) as Record<string, unknown>
  const name = String(path.at(-1))
  const was = parent[name]
  try {
    for (const other of othersThan(was, shape)) {
      if (other === undefined) delete parent[name]
      else parent[name] = other
      const checked = await checkReceipt(statement, { logKey })
      if (checked.ok || checked.reason !== 'malformed') return checked
    }
    return undefined
  } finally {
    parent[name] = was
  }
}

test('each field of a receipt is held against an entry, or named as what no entry bears out: never both, never neither', async () => {
  const left = new Set(leavesOf(whole, ''))
  const [seen, bound] = [new Set<string>(), new Set<string>()]
  for (const statement of receipts) {
    const right = await checkReceipt(statement, { logKey })
    assert.ok(right.ok, JSON.stringify(right))
    for (const { path, shape } of placesIn(statement, whole, [])) {
      const general = path
        .map((one) => (typeof one === 'number' ? '[]' : `.${one}`))
        .join('')
        .slice(1)
      left.delete(general)
      const kind: string = isBelow(shown(path), right.unproved) ? 'unproved' : 'proved'
      if (seen.has(`${general} ${kind}`)) continue
      seen.add(`${general} ${kind}`)
      const checked = await checkedWithOther(statement, path, shape)
      const place = shown(path)
      if (checked === undefined) bound.add(general)
      else if (checked.ok)
        assert.ok(isBelow(place, checked.unproved), `${place} is changed, and nobody sees it`)
      else assert.equal(kind, 'proved', `${place} is said to be unproved, and ${checked.detail}`)
    }
  }
  assert.deepEqual([...bound].toSorted(), boundByForm)
  assert.deepEqual([...left], [], 'the receipts of this test have every field')
})

test('nor can a field, or a member of a list, be left out', async () => {
  const seen = new Set<string>()
  for (const statement of receipts) {
    const right = await checkReceipt(statement, { logKey })
    assert.ok(right.ok)
    for (const path of containersIn(statement, whole, [])) {
      const general = path.map((one) => (typeof one === 'number' ? '' : one)).join()
      const kind = `${general} ${isBelow(shown(path), right.unproved)}`
      if (seen.has(kind)) continue
      seen.add(kind)
      const parent = at(statement, path.slice(0, -1)) as Record<string, unknown> | unknown[]
      const name = path.at(-1) ?? ''
      const was = at(statement, path)
      if (Array.isArray(parent)) parent.splice(Number(name), 1)
      else delete parent[name]
      const checked = await checkReceipt(statement, { logKey })
      if (Array.isArray(parent)) parent.splice(Number(name), 0, was)
      else parent[name] = was
      const place = shown(path)
      if (checked.ok && !place.startsWith('audit.entries['))
        assert.ok(
          isBelow(place, [...right.unproved, ...checked.unproved]),
          `${place} is left out, and nobody sees it`,
        )
    }
  }
})

/** Every member and every item. */
function* containersIn(value: unknown, shape: Shape, path: Path): Generator<Path> {
  if (path.length > 1) yield path
  if (shape.is === 'list')
    for (const [index, one] of (value as unknown[]).entries())
      yield* containersIn(one, shape.of, [...path, index])
  if (shape.is === 'record')
    for (const [name, one] of Object.entries(shape.members)) {
      const member = (value as Record<string, unknown>)[name]
      if (member !== undefined) yield* containersIn(member, one, [...path, name])
    }
}
