import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePattern } from '../lib/index.ts'
import { allIncluded, anyIntersect, includes, intersects } from './index.ts'

/** The documented semantics, read literally: `*` is any run of characters, all else is itself, the whole text matches. */
function matchesByReading(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern.startsWith('*')) {
    const rest = pattern.slice(1)
    return Array.from({ length: text.length + 1 }, (_, i) => text.slice(i)).some((left) =>
      matchesByReading(rest, left),
    )
  }
  return text !== '' && text[0] === pattern[0] && matchesByReading(pattern.slice(1), text.slice(1))
}

const textsUpTo = (length: number, letters: readonly string[]): string[] =>
  length === 0
    ? ['']
    : ['', ...letters.flatMap((letter) => textsUpTo(length - 1, letters).map((rest) => `${letter}${rest}`))]
// `c` stands in no pattern: it is the character that a pattern does not name.
const texts = textsUpTo(6, ['a', 'b', 'c'])
const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 4 })

test('property: a pattern matches what a plain reading matches, and nothing else', () => {
  const unit = fc.constantFrom('a', 'b', '*', '/', '.', '|', '^', '$', '\\', '(', '\n', 'é', '\u{1F600}')
  fc.assert(
    fc.property(
      fc.string({ unit, maxLength: 7 }),
      fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '|', '*', '\n', '\u{1F600}'), maxLength: 7 }),
      (source, text) => {
        assert.equal(
          compilePattern(source).matches(text),
          matchesByReading(source, text),
          JSON.stringify([source, text]),
        )
      },
    ),
    { numRuns: 5000 },
  )
})

test('property: includes is what trying every text says', () => {
  fc.assert(
    fc.property(pattern, pattern, (wide, narrow) => {
      const tried = texts.every((text) => !matchesByReading(narrow, text) || matchesByReading(wide, text))
      assert.equal(includes(wide, narrow), tried, JSON.stringify([wide, narrow]))
    }),
    { numRuns: 400 },
  )
})

test('property: intersects is what trying every text says', () => {
  // Two patterns of n and m letters that share a text share one of at most n + m.
  const short = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 3 })
  fc.assert(
    fc.property(short, short, (a, b) => {
      const tried = texts.some((text) => matchesByReading(a, text) && matchesByReading(b, text))
      assert.equal(intersects(a, b), tried, JSON.stringify([a, b]))
      assert.equal(intersects(b, a), tried)
    }),
    { numRuns: 400 },
  )
})

test('property: a list includes another if every text says so; no two patterns share what neither holds alone', () => {
  const list = fc.array(pattern, { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(list, list, (wide, narrow) => {
      const anyOf = (patterns: readonly string[], text: string) =>
        patterns.some((one) => matchesByReading(one, text))
      const tried = texts.every((text) => !anyOf(narrow, text) || anyOf(wide, text))
      assert.equal(allIncluded(wide, narrow), tried, JSON.stringify([wide, narrow]))
      const shared = texts.some((text) => anyOf(narrow, text) && anyOf(wide, text))
      if (shared) assert.ok(anyIntersect(wide, narrow))
    }),
    { numRuns: 300 },
  )
})

test('by example', () => {
  assert.ok(includes('refs/tags/*', 'refs/tags/v*'))
  assert.ok(!includes('refs/tags/v*', 'refs/tags/*'))
  assert.ok(includes('*', ''))
  assert.ok(!includes('a', '*'))
  assert.ok(intersects('refs/*/main', 'refs/heads/*'))
  assert.ok(!intersects('refs/heads/*', 'refs/tags/*'))
  assert.ok(!includes('\ue000*', '*'), 'the character that stands for any is none that the pattern names')
})
