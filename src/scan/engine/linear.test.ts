import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Kind } from './around.ts'
import { Automaton } from './automaton.ts'
import { Backtracker } from './backtrack.ts'
import { compileExpression, compileRules, worstTexts } from './index.ts'
import { graphOf } from './graph.ts'
import { parsePattern } from './parse.ts'
import { canPassBy } from './pass-by.ts'
import { compileProgram, type Program } from './program.ts'
import { ruleOf } from './rules.fixture.ts'

function programOf(pattern: string): Program {
  const { root, groups } = parsePattern(pattern)
  const program = compileProgram(root, groups)
  assert.ok(program)
  return program
}

/** JavaScript's own matcher does not end on these. */
const explosive = [
  '(a+)+$',
  '(a|a)*b',
  '(?:a*)*(?:a*)*b',
  '(a|aa)+b',
  '(.*)(.*)(.*)(.*)(.*)x',
  '([a-z]+)*[0-9]',
]

for (const pattern of explosive)
  test(`${pattern} takes steps in proportion to the text`, () => {
    const steps = [1000, 4000].map((length) => {
      const bytes = Buffer.alloc(length, 'a').fill('!', length - 1)
      const backtracker = new Backtracker()
      assert.equal(backtracker.match(programOf(pattern), bytes, [0], length), undefined)
      return backtracker.steps
    })
    assert.ok((steps[1] ?? 0) <= 4.1 * (steps[0] ?? 0), String(steps))
    assert.equal(compileExpression(`^${pattern}`).test(`${'a'.repeat(100_000)}!`), false)
  })

test('a hostile text costs a rule at most its reach for each keyword', () => {
  const rules = explosive.map((pattern, i) =>
    ruleOf({ id: `rule-${i}`, keywords: ['aaa'], pattern: `aaa${pattern}`, reach: 64 }),
  )
  const engine = compileRules(rules)
  const bytes = Buffer.alloc(4000, 'a')
  engine.find(bytes, () => undefined)
  assert.ok(engine.steps < bytes.length * rules.length * 2 * 64 * 2, String(engine.steps))
})

test('what a rule has matched is not searched for its keywords again', () => {
  const engine = compileRules([ruleOf({ keywords: ['key'], pattern: '(?:key)+;', reach: 4096 })])
  const found: number[] = []
  const bytes = Buffer.from(`${'key'.repeat(1000)};`.repeat(10))
  engine.find(bytes, ({ start }) => found.push(start))
  assert.equal(found.length, 10)
  assert.ok(engine.steps < bytes.length * 12, String(engine.steps))
})

test('an automaton that is full forgets, and finds the same', () => {
  const program = programOf('(?:[ab]*a[ab]{4}|b+a{2,3}\\b)c')
  const run = (cells: number, text: Buffer) => {
    const automaton = new Automaton(graphOf(program, 1), [[program.start]], { cells })
    let state = automaton.begin(0, Kind.none)
    return Array.from(text, (byte) => {
      const next = automaton.step(state, byte)
      state = next >> 1
      return next & 1
    })
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'a', 'c'), maxLength: 60 }), (text) => {
      assert.deepEqual(run(0, Buffer.from(text)), run(1_000_000, Buffer.from(text)))
    }),
    { numRuns: 200 },
  )
})

test('a pattern that matches without its keywords is told from one that cannot', () => {
  const passes = (pattern: string, ...keywords: string[]) => canPassBy({ pattern, keywords })
  assert.equal(passes('(?:^|[^a])(tok_[0-9]{3})', 'tok_'), false)
  assert.equal(passes('(?:abc|xyz)=[0-9]', 'abc', 'XYZ'), false)
  assert.equal(passes('(?:abc|xyz)=[0-9]', 'abc'), true)
  assert.equal(passes('[78]Q~[a-z]', '7q~', '8q~'), false)
  assert.equal(passes('[789]Q~[a-z]', '7q~', '8q~'), true)
  assert.equal(passes('(?:ab)+c', 'abc'), false)
  assert.equal(passes('a(?:bc)*', 'abc'), true)
  assert.equal(passes('a(?:bc){2,900}', 'abc'), false)
  assert.equal(passes('[a-z]{3}', 'abc'), true)
})

test('the texts that are made to be slow are', () => {
  const stepsOf = (pattern: string, reach: number) => {
    const rule = ruleOf({ keywords: ['key'], pattern, reach })
    const engine = compileRules([rule])
    const steps = worstTexts(rule, { checks: {}, finders: {} }, () => 0.5).map((text) => {
      const before = engine.steps
      engine.find(text, () => undefined)
      return (engine.steps - before) / text.length
    })
    return Math.max(...steps)
  }
  // Each keyword is followed by all the others that are within its reach.
  assert.ok(stepsOf('key[^;]*;', 600) > 100)
  assert.ok(stepsOf('(?:^|[^a-z])key=[a-z]{20,}', 600) < 4)
})
