import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isSatisfied, type Requirement } from './requirement.ts'

const groups = ['a', 'b', 'c'] as const
type Part = { group: string; count: number }

const role = (approval: { all?: Part[]; any?: Part[]; group?: string; count?: number }): Requirement => ({
  role: 'release',
  approval: { expires: '30m', reason: 'optional', ...approval },
})

/** By trying every way to seat every person in one group or none. */
function bySearch(parts: readonly Part[], voters: readonly ReadonlySet<string>[]): boolean {
  const [voter, ...rest] = voters
  if (parts.every(({ count }) => count <= 0)) return true
  if (voter === undefined) return false
  return (
    bySearch(parts, rest) ||
    parts.some(
      ({ group }, i) =>
        voter.has(group) &&
        bySearch(
          parts.map((part, j) => (i === j ? { ...part, count: part.count - 1 } : part)),
          rest,
        ),
    )
  )
}

const part = fc.record({ group: fc.constantFrom(...groups), count: fc.integer({ min: 1, max: 3 }) })
const voters = fc.array(
  fc.uniqueArray(fc.constantFrom(...groups)).map((some) => new Set<string>(some)),
  { maxLength: 6 },
)

test('property: `all` is satisfied exactly if people can be seated, one place each', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), voters, (parts, people) => {
      assert.equal(isSatisfied([role({ all: parts })], people), bySearch(parts, people))
    }),
    { numRuns: 500 },
  )
})

test('property: `any` is satisfied exactly if one of its parts is', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), voters, (parts, people) => {
      const expected = parts.some((one) => bySearch([one], people))
      assert.equal(isSatisfied([role({ any: parts })], people), expected)
    }),
  )
})

test('property: one more yes never takes an approval away, and the order of people does not matter', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), voters, (parts, people) => {
      const all = [role({ all: parts })]
      if (isSatisfied(all, people)) assert.ok(isSatisfied(all, [new Set<string>(), ...people]))
      assert.equal(isSatisfied(all, people), isSatisfied(all, people.toReversed()))
    }),
  )
})

test('every role of the request needs its people; nobody is enough for nothing', () => {
  const two = [role({ group: 'a' }), role({ group: 'b', count: 2 })]
  assert.equal(isSatisfied(two, [new Set(['a']), new Set(['b'])]), false)
  assert.equal(isSatisfied(two, [new Set(['a', 'b']), new Set(['b'])]), true)
  assert.equal(isSatisfied([role({ group: 'a' })], []), false)
})
