import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseCondition, type ConditionFacts } from './index.ts'

const facts: ConditionFacts = {
  failed: false,
  env: (name) => (name === 'DEPLOY' ? 'yes' : undefined),
  job: { ref: 'refs/heads/main' },
  matrix: { node: '20' },
  output: (step, name) => (step === 'Unit tests' && name === 'version' ? '1.2' : undefined),
}
const afterFailure = { ...facts, failed: true }

function ask(text: string, about = facts): boolean {
  const parsed = parseCondition(text)
  assert.ok(parsed.ok, parsed.ok ? '' : `${text}: ${parsed.message}`)
  return parsed.condition.holds(about)
}

const answers: readonly (readonly [text: string, before: boolean, afterFailure: boolean])[] = [
  ['success()', true, false],
  ['failure()', false, true],
  ['always()', true, true],
  ['not failure()', true, false],
  ['not not failure()', false, true],
  ['env.DEPLOY == "yes"', true, false],
  ["env.DEPLOY == 'yes' and always()", true, true],
  ['env.DEPLOY != "yes"', false, false],
  ['env.NOT_THERE == ""', true, false],
  ['job.ref == "refs/heads/main"', true, false],
  ['job.commit == ""', true, false],
  ['matrix.node == "20"', true, false],
  ['matrix.constructor == ""', true, false],
  ['outputs."Unit tests".version == "1.2"', true, false],
  ['outputs.other.version == "1.2"', false, false],
  ['failure() or env.DEPLOY == "yes"', true, true],
  // `and` binds more than `or`, and `not` more than both.
  ['always() or always() and failure()', true, true],
  ['(always() or always()) and failure()', false, true],
  ['not failure() and failure()', false, false],
  ['not (failure() and failure())', true, false],
]
for (const [text, before, after] of answers) {
  test(`if: ${text}`, () => {
    assert.deepEqual([ask(text), ask(text, afterFailure)], [before, after])
  })
}

const mistakes: readonly (readonly [text: string, at: number, message: RegExp])[] = [
  ['', 0, /it ends where a value should follow/],
  ['env.A', 0, /a text is no yes or no/],
  ['"x"', 0, /a text is no yes or no/],
  ['success() == "x"', 0, /only texts are compared/],
  ['env.A == success()', 9, /only texts are compared/],
  ['success', 0, /is not understood/],
  ['succes()', 0, /known are success\(\), failure\(\) and always\(\)/],
  ['success("1")', 0, /takes nothing between its parentheses/],
  ['constructor()', 0, /there is no `constructor\(\)`/],
  ['toString()', 0, /there is no `toString\(\)`/],
  ['success() always()', 10, /`always` is not expected here/],
  ['success() && failure()', 10, /write `and`/],
  ['success() || failure()', 10, /write `or`/],
  ['!success()', 0, /write `not`/],
  ['env.A = "x"', 6, /write `==`/],
  ['env.A == "x', 9, /`"` is not understood/],
  ['(success()', 10, /it ends where `\)` should follow/],
  ['(success() env.A', 11, /`\)` is missing/],
  ['success() and', 13, /it ends where a value should follow/],
  ['and success()', 0, /a value is missing before `and`/],
  ['job.secret == "x"', 0, /there is no job\.secret: known are ref/],
  ['job.constructor == "x"', 0, /there is no job\.constructor/],
  ['process.env == "x"', 0, /is not understood/],
  ['env.A.B == "x"', 0, /is not understood/],
  ['outputs.a == "x"', 0, /is not understood/],
  [`${'('.repeat(21)}success()${')'.repeat(21)}`, 20, /more than 20 parentheses/],
  ['x'.repeat(1_001), 0, /at most 1000 characters/],
]
for (const [text, at, message] of mistakes) {
  test(`refused: if: ${text.slice(0, 40)}`, () => {
    const parsed = parseCondition(text)
    assert.ok(!parsed.ok)
    assert.match(parsed.message, message)
    assert.equal(parsed.at, at)
  })
}

test('any text is answered, and what is accepted has an answer', () => {
  const words = [
    'success()',
    'failure()',
    'not',
    'and',
    'or',
    '(',
    ')',
    '==',
    '"x"',
    'env.A',
    'job.ref',
    '&',
    ' ',
  ]
  const made = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((list) => list.join(' ')),
  )
  let accepted = 0
  fc.assert(
    fc.property(made, (text) => {
      const parsed = parseCondition(text)
      if (!parsed.ok) return parsed.at >= 0 && parsed.at <= text.length
      accepted++
      return typeof parsed.condition.holds(facts) === 'boolean'
    }),
    { numRuns: 2_000, examples: [['not success() or failure()']] },
  )
  assert.ok(accepted > 0)
})

/** An expression and what it is, made together: the oracle. */
const known = fc.letrec<{ q: { text: string; is: boolean } }>((tie) => ({
  q: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom({ text: 'always()', is: true }, { text: 'failure()', is: false }),
    fc.constantFrom({ text: 'env.DEPLOY == "yes"', is: true }, { text: 'env.DEPLOY != "yes"', is: false }),
    tie('q').map(({ text, is }) => ({ text: `not (${text})`, is: !is })),
    fc.tuple(tie('q'), tie('q')).map(([a, b]) => ({ text: `(${a.text}) and (${b.text})`, is: a.is && b.is })),
    fc.tuple(tie('q'), tie('q')).map(([a, b]) => ({ text: `(${a.text}) or (${b.text})`, is: a.is || b.is })),
  ),
})).q

test('an expression is what its parts make it', () => {
  fc.assert(
    fc.property(known, ({ text, is }) => {
      const parsed = parseCondition(text)
      if (!parsed.ok) return /at most|more than/.test(parsed.message)
      return parsed.condition.holds(facts) === is
    }),
  )
})
