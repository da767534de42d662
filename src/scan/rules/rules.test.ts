import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hit, Rule } from '../engine/index.ts'
import { canPassBy } from '../engine/pass-by.ts'
import { chooseHits } from '../findings/choose.ts'
import { builtInRules } from './index.ts'
import { searchFor } from './find.fixture.ts'
import { fillPieces, seededRandom } from './templates.ts'

const fills = 4

function filled(template: string, random: () => number) {
  const pieces = fillPieces(template, random)
  return { pieces, text: pieces.map(({ text }) => text).join('') }
}

/** A piece that was made at random is inside of the secret, or outside: a hit that cuts one is a hit of the wrong length. */
function assertWhole({ start, end }: Hit, pieces: ReturnType<typeof fillPieces>): void {
  let [at, inside] = [0, 0]
  for (const { text, isFilled } of pieces) {
    const [from, to] = [at, at + text.length]
    at = to
    if (!isFilled || to <= start || from >= end) continue
    const isWithin = from >= start && to <= end
    // A whole PEM file is one piece: its secret is all of it.
    assert.ok(isWithin || (text.startsWith('-----BEGIN') && from === start), `cuts ${text}`)
    inside += 1
  }
  assert.ok(inside > 0, 'is of what stands around')
}

test('there are at least 200 kinds, each with a name of its own', () => {
  assert.ok(builtInRules.length >= 200, String(builtInRules.length))
  assert.equal(new Set(builtInRules.map(({ id }) => id)).size, builtInRules.length)
  assert.equal(new Set(builtInRules.map(({ title }) => title)).size, builtInRules.length)
})

test('each kind says where its format stands, and how it is woken', () => {
  for (const { id, source, keywords, pattern } of builtInRules) {
    assert.match(id, /^[a-z0-9]+(?:-[a-z0-9]+)*$/)
    assert.match(source, /^https:\/\/[a-z0-9.-]+\.[a-z]{2,}(?:[/?#]|$)/, id)
    assert.doesNotMatch(pattern, /\(\?[=!<]|\\[1-9]/, `${id}: RE2 has neither lookaround nor backreferences`)
    assert.ok(keywords.length > 0, id)
    for (const keyword of keywords) assert.match(keyword, /^[\x20-\x7e]{3,}$/, id)
  }
})

test('no kind has a secret that none of its keywords wakes it for', () => {
  const passing = builtInRules.filter((rule) => rule.finder === undefined && canPassBy(rule))
  assert.deepEqual(
    passing.map(({ id }) => id),
    [],
  )
})

/** One engine for all, because what it makes of a rule is made once. */
const { find, stepsFor } = searchFor(builtInRules)

test('each kind finds its own examples, exactly the secret, and nobody else finds it under another name', () => {
  for (const rule of builtInRules) {
    assert.ok(rule.examples.positive.length >= 2, rule.id)
    for (const template of rule.examples.positive) findsItself(rule, template)
  }
})

function findsItself(rule: Rule, template: string): void {
  const random = seededRandom(rule.id.length)
  for (let time = 0; time < fills; time++) {
    const { pieces, text } = filled(template, random)
    const hits = find(text)
    const [hit, ...more] = hits.filter((one) => one.rule.id === rule.id)
    assert.ok(hit && more.length === 0, `${rule.id}: ${more.length + 1} in ${text}`)
    assertWhole(hit, pieces)
    const proves = rule.check !== undefined && rule.check !== 'password'
    assert.equal(hit.checked, proves, `${rule.id}: the check of ${text}`)
    // A rule for files of some name looks at others never.
    const there = hits.filter(
      (one) => one.rule.path === rule.path && one.start < hit.end && one.end > hit.start,
    )
    const [chosen, ...others] = chooseHits(there)
    assert.ok(chosen?.rule.id === rule.id && others.length === 0, `${rule.id}: ${chosen?.rule.id} in ${text}`)
  }
}

test('no kind finds what it says is none', () => {
  for (const { id, examples } of builtInRules) {
    const random = seededRandom(id.length)
    assert.ok(examples.negative.length >= 2, id)
    for (const template of examples.negative)
      for (let time = 0; time < fills; time++) {
        const { text } = filled(template, random)
        assert.ok(!find(text).some(({ rule }) => rule.id === id), `${id} finds ${text}`)
      }
  }
})

test('a finding without its checksum is none, and a test that forgot it would not pass', () => {
  const random = seededRandom(3)
  const ids = (template: string) => find(filled(template, random).text).map(({ rule }) => rule.id)
  assert.deepEqual(ids('ghp_{alnum:30}{github-crc}'), ['github-personal-access-token'])
  assert.deepEqual(ids('ghp_{alnum:36}'), [])
  assert.deepEqual(ids('npm_{alnum:36}'), [])
})

/** Nearly a secret, again and again: its keyword alone, and an example that ends in its middle. */
function nearlies({ keywords, examples }: Rule): readonly string[] {
  const [template = ''] = examples.positive
  const { text } = filled(template, seededRandom(9))
  return [...keywords.slice(0, 1), text.slice(0, text.length / 2)]
}

test('what is made to be nearly a secret of some kind costs steps in proportion to its length', () => {
  for (const rule of builtInRules)
    for (const text of nearlies(rule)) {
      // Longer than its reach, within which a bad one would go over the same bytes for each keyword.
      const bytes = Math.max(1200, Math.min(9000, (rule.reach ?? 256) * 3))
      const steps = stepsFor(text.repeat(Math.ceil(bytes / text.length)))
      assert.ok(steps < bytes * 80, `${rule.id}: ${steps} steps for ${text.slice(0, 60)}`)
    }
})
