import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TrustConditions } from '../../config/index.ts'
import { githubFacts } from '../policy.fixture.ts'
import { compileTrust, mismatches, type CompiledTrust } from '../trust.ts'
import { implies } from './escalation.ts'
import { nobody } from './nobody.ts'

// `c` stands in no pattern.
const letters = ['a', 'b', 'c'] as const
const values = [...letters, ...letters.flatMap((one) => letters.map((other) => `${one}${other}`))]
const pattern = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b')
const value = fc.oneof(pattern, fc.array(pattern, { minLength: 1, maxLength: 2 }))
const conditions = fc
  .record({ ref: value, event: value }, { requiredKeys: [] })
  .map((one) => one as TrustConditions)
const trust: fc.Arbitrary<CompiledTrust> = fc
  .tuple(conditions, fc.array(conditions, { maxLength: 3 }))
  .map(([must, any]) => compileTrust({ issuer: 'github', ...must, ...(any.length === 0 ? {} : { any }) }))

/** Every subject there is, as far as these patterns can tell them apart. */
const subjects = [undefined, ...values].flatMap((ref) =>
  [undefined, ...values].map((event) => ({ issuer: 'github', attributes: { ref, event }, claims: {} })),
)
const trusted = (rule: CompiledTrust) => subjects.filter((subject) => mismatches(rule, subject).length === 0)

test('property: a rule that is said to imply another trusts nobody whom the other does not', () => {
  let implied = 0
  fc.assert(
    fc.property(trust, trust, (narrow, wide) => {
      fc.pre(implies(narrow, wide))
      implied += 1
      const wider = new Set(trusted(wide))
      for (const subject of trusted(narrow))
        assert.ok(wider.has(subject), JSON.stringify([narrow, wide, subject]))
    }),
    { numRuns: 500 },
  )
  assert.ok(implied >= 500)
})

test('property: without alternatives, a rule implies another exactly if it trusts a subset', () => {
  fc.assert(
    fc.property(conditions, conditions, (low, high) => {
      const narrow = compileTrust({ issuer: 'github', ...low })
      const wide = compileTrust({ issuer: 'github', ...high })
      const wider = new Set(trusted(wide))
      const subset = trusted(narrow).every((subject) => wider.has(subject))
      assert.equal(implies(narrow, wide), subset, JSON.stringify([low, high]))
    }),
    { numRuns: 1000 },
  )
})

test('property: nobody can assume a role that is said to be nobody’s', () => {
  let found = 0
  fc.assert(
    fc.property(trust, (rule) => {
      const role = {
        name: 'x',
        trust: rule,
        grants: [],
        egress: [],
        shadow: false,
        approval: false,
        writes: false,
        allow: [],
      }
      const subject = {
        roles: [role],
        issuers: new Map([['github', { ...githubFacts, forms: {}, documented: {} }]]),
        connections: [],
        registries: [],
        egress: [],
      }
      const isNobodys = nobody.check(subject).some(({ path }) => path.length === 3)
      if (isNobodys) found += 1
      assert.equal(isNobodys, trusted(rule).length === 0, JSON.stringify(rule))
    }),
    { numRuns: 1000 },
  )
  assert.ok(found > 10)
})
