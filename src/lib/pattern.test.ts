import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from './any-character.fixture.ts'
import { compilePattern, didYouMean } from './index.ts'

/** The documented semantics, as directly as they can be written: exponential, and right. */
function naive(source: string, text: string): boolean {
  if (source === '') return text === ''
  if (source.startsWith('*')) {
    return Array.from({ length: text.length + 1 }, (_, i) => text.slice(i)).some((rest) =>
      naive(source.slice(1), rest),
    )
  }
  return text !== '' && source[0] === text[0] && naive(source.slice(1), text.slice(1))
}

test('property: a pattern means what its documentation says', () => {
  const unit = fc.constantFrom('a', 'b', '/', '|', '.', '\n')
  const pattern = fc.string({ unit: fc.oneof(unit, fc.constant('*')), maxLength: 8 })
  fc.assert(
    fc.property(pattern, fc.string({ unit, maxLength: 10 }), (source, text) => {
      assert.equal(compilePattern(source).matches(text), naive(source, text), JSON.stringify([source, text]))
    }),
    { numRuns: 5000 },
  )
})

test('property: a text made by filling the stars matches', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: anyCharacter }), fc.string({ unit: anyCharacter }))),
      fc.string(),
      (pairs, tail) => {
        const bare = pairs.map(([literal, filling]) => [literal.replaceAll('*', ''), filling] as const)
        const source = `${bare.map(([literal]) => `${literal}*`).join('')}${tail.replaceAll('*', '')}`
        const text = `${bare.map(([literal, filling]) => literal + filling).join('')}${tail.replaceAll('*', '')}`
        assert.ok(compilePattern(source).matches(text))
      },
    ),
  )
})

test('property: a pattern without a star matches itself alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), fc.string({ unit: anyCharacter }), (a, text) => {
      const source = a.replaceAll('*', '')
      const pattern = compilePattern(source)
      assert.equal(pattern.literal, true)
      assert.equal(pattern.matches(text), text === source)
      assert.ok(pattern.matches(source))
      assert.equal(pattern.matches(`${source}x`) || pattern.matches(`x${source}`), false)
    }),
  )
})

test('patterns are anchored as a whole', () => {
  const pattern = compilePattern('refs/tags/v*')
  assert.equal(pattern.literal, false)
  assert.equal(pattern.source, 'refs/tags/v*')
  assert.ok(pattern.matches('refs/tags/v1.0'))
  for (const text of [
    'xrefs/tags/v1',
    'refs/tags/',
    'refs/heads/refs/tags/v1',
    '\nrefs/tags/v1',
    'refs/tags/w',
  ]) {
    assert.equal(pattern.matches(text), false, text)
  }
  assert.equal(compilePattern('*/main').matches('refs/heads/main\n'), false)
})

test('`a|b` is literal: no alternation to anchor by halves', () => {
  for (const source of ['octo/a|octo/b', 'octo/a|octo/b*']) {
    const pattern = compilePattern(source)
    for (const text of ['octo/a', 'octo/b', 'octo/a-evil', 'evil/octo/b'])
      assert.equal(pattern.matches(text), false, text)
    assert.ok(pattern.matches('octo/a|octo/b'))
  }
})

test('the characters of regular expressions stand for themselves', () => {
  for (const char of '.?+^$()[]{}\\|-/') {
    for (const source of [`a${char}b`, `a${char}b*`]) {
      assert.ok(compilePattern(source).matches(`a${char}b`), source)
      for (const text of ['ab', 'axb', 'a', 'b', ''])
        assert.equal(compilePattern(source).matches(text), false, `${source} ${text}`)
    }
  }
  assert.equal(compilePattern('.*').matches('x'), false)
})

test('head and tail may not overlap', () => {
  assert.equal(compilePattern('aba*aba').matches('aba'), false)
  assert.equal(compilePattern('aba*aba').matches('ababa'), false)
  assert.ok(compilePattern('aba*aba').matches('abaaba'))
  assert.equal(compilePattern('a*ab*b').matches('aab'), false)
})

// A backtracking matcher would take longer than the universe has; this one ends.
test('pathological patterns end', () => {
  const text = 'a'.repeat(20_000)
  assert.equal(compilePattern(`${'*a'.repeat(5_000)}*b`).matches(text), false)
  assert.equal(compilePattern(`${'a*'.repeat(5_000)}b*a`).matches(text), false)
  assert.ok(compilePattern('*'.repeat(20_000)).matches(text))
  assert.ok(compilePattern('*a'.repeat(20_000)).matches(text))
})

test('didYouMean: the nearest, if near', () => {
  const keys = ['issuer', 'repository', 'repository_id', 'ref', 'environment']
  assert.equal(didYouMean('isuer', keys), 'issuer')
  assert.equal(didYouMean('Repository_ID', keys), 'repository_id')
  assert.equal(didYouMean('repositoryid', keys), 'repository_id')
  assert.equal(didYouMean('ref', keys), 'ref')
  assert.equal(didYouMean('unrelatedword', keys), undefined)
  assert.equal(didYouMean('x', []), undefined)
})
