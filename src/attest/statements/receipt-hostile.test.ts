import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EntryEvent } from '../../audit/verify/index.ts'
import { checkReceipt, readStatement, type Statement } from '../verify/index.ts'
import { aFullLog, aFullStep, provenIn } from './receipt.fixture.ts'
import { encodeStatement, receiptOf, type StepFacts } from './index.ts'

const { key: logKey } = provenIn()

function receiptFrom(facts: StepFacts, change: (events: EntryEvent[]) => EntryEvent[] = aFullLog): Statement {
  const statement = receiptOf(facts, provenIn(facts, change))
  assert.ok(statement !== undefined)
  return readStatement(encodeStatement(statement))
}

const nested = (depth: number) => {
  let value: unknown = 1
  for (let at = 0; at < depth; at++) value = [value]
  return value
}

/** What JSON can hold where a text, a number or a list is looked for. */
const odd: readonly unknown[] = [
  ...[null, true, -1, 0.5, 1e300, '', '\ud800', '\u001b[2J', 'x'.repeat(70_000), [], {}],
  ...[
    { toString: 1, valueOf: 1, toJSON: 1, length: 9 },
    { __proto__: null, constructor: 1 },
  ],
  ...[nested(5_000), Array.from({ length: 100_000 }, () => 1)],
]

test('whatever stands in the place of a part of a receipt, there is an answer, and it is not that it is right', async () => {
  const receipt = receiptFrom(aFullStep)
  const places: { parent: Record<string, unknown>; name: string }[] = []
  const walk = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, one] of Object.entries(value)) {
      // The first of a list stands for all.
      if (Array.isArray(value) && name !== '0') continue
      places.push({ parent: value as Record<string, unknown>, name })
      walk(one)
    }
  }
  walk(receipt)
  for (const { parent, name } of places) {
    const was = parent[name]
    for (const value of odd) {
      parent[name] = value
      const checked = await checkReceipt(receipt, { logKey })
      // Some of it may be what the server may say as it likes: an empty text for its version.
      if (checked.ok)
        assert.ok(value === '' || Array.isArray(value), `${name}: ${JSON.stringify(value).slice(0, 80)}`)
    }
    parent[name] = was
  }
  assert.ok((await checkReceipt(receipt, { logKey })).ok)
  for (const statement of [null, undefined, 'x', {}, [], { predicateType: receipt.predicateType }])
    assert.equal((await checkReceipt(statement as never, { logKey })).ok, false)
})

/** Without these it is another's entry, and nothing else in it is looked at. */
const whose = ['session', 'step', 'role', 'job']

/** Of these a receipt says nothing, but for the approvals that they name. */
const leftAlone = new Set(['run.started', 'access.granted'])

test('whatever stands in an entry of a log, it is compared, and there is an answer', async () => {
  const hostile = { toString: 1, valueOf: 1, toJSON: 1, length: 9 }
  for (const type of new Set(typesOf()))
    for (const value of [hostile, [hostile], nested(1_500), 1e300]) {
      const receipt = receiptFrom(aFullStep, (events) =>
        aFullLog(events).map((one) => {
          if (one.type !== type) return one
          const data = Object.fromEntries(
            Object.entries(one.data).map(([name, was]) => [name, whose.includes(name) ? was : value]),
          )
          const packages = [
            { purl: value, sha256: value, integrity: value, by: value, tag: value, bytes: value },
          ]
          return { ...one, data: { ...data, ...(Array.isArray(one.data['packages']) ? { packages } : {}) } }
        }),
      )
      const checked = await checkReceipt(receipt, { logKey })
      assert.equal(
        checked.ok ? 'right' : checked.reason,
        leftAlone.has(type) ? 'right' : 'contradicted',
        type,
      )
    }
})

function typesOf(): string[] {
  const types: string[] = []
  provenIn(aFullStep, (events) => {
    const own = aFullLog(events)
    types.push(...own.map(({ type }) => type))
    return own
  })
  return types
}

test('a receipt and a log as large as they may be, each of whose texts may be the beginning of each, are compared in time', async () => {
  const long = (at: number) => `${String(at).padStart(6, '0')}${'x'.repeat(1_016)}…`
  const many = Array.from({ length: 1_000 }, (_, at) => long(at))
  const facts: StepFacts = { ...aFullStep, grants: many, egress: many }
  const receipt = receiptFrom(facts, (events) =>
    aFullLog(events).flatMap((one) => {
      if (one.type === 'step.started')
        return [
          {
            ...one,
            data: {
              ...one.data,
              grants: many.slice(0, 28).map((text) => `${text.slice(0, 499)}…`),
              grantsCount: 1_000,
              egress: Array.from({ length: 7_000 }, (_, at) => `${at}`),
              egressCount: 1_000,
            },
          },
        ]
      if (one.type !== 'packages.published') return [one]
      const packages = Array.from({ length: 400 }, (_, at) => ({
        purl: `pkg:npm/a@${at}`,
        sha256: 'a'.repeat(64),
      }))
      return Array.from({ length: 60 }, () => ({ ...one, data: { ...one.data, packages } }))
    }),
  )
  const checked = await checkReceipt(receipt, { logKey })
  assert.ok(!checked.ok)
  // Not sooner: for its form, or because one of its entries is too long.
  assert.equal(checked.reason, 'contradicted', checked.detail)
})
