import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules, type Hit } from '../engine/index.ts'
import { builtInRules, checks, fillTemplate, finders, seededRandom } from './index.ts'

const engine = compileRules(builtInRules, { checks, finders, proven: new Set(builtInRules) })

function hitsOf(id: string, text: string): Hit[] {
  const hits: Hit[] = []
  engine.find(Buffer.from(text), (hit) => {
    if (hit.rule.id === id) hits.push(hit)
  })
  return hits
}

// Vendors' checks whose failing leaves a finding: of another installation, of an older form, cut off.
const doubted: readonly [id: string, spoil: (text: string) => string][] = [
  ['grafana-service-account-token', (text) => text.replace(/[0-9a-f](?=\b)/, (c) => (c === '0' ? '1' : '0'))],
  ['gitlab-routable-token', (text) => text.replace(/.(?=\W*$)/, (c) => (c === 'a' ? 'b' : 'a'))],
  ['crates-io-publishing-token', (text) => text.replace(/\w(?=\W*$)/, (c) => (c === 'a' ? 'b' : 'a'))],
  ['age-secret-key', (text) => text.replace(/\w(?=\W*$)/, (c) => (c === 'Q' ? 'P' : 'Q'))],
]

test('a rule that is certain is likely where its vendor’s check does not hold', () => {
  for (const [id, spoil] of doubted) {
    const rule = builtInRules.find((one) => one.id === id)
    assert.equal(rule?.confidence, 'certain', id)
    const text = fillTemplate(rule?.examples.positive[0] ?? '', seededRandom(7))
    assert.deepEqual(
      hitsOf(id, text).map(({ confidence, checked }) => [confidence, checked]),
      [['certain', true]],
      text,
    )
    assert.deepEqual(
      hitsOf(id, spoil(text)).map(({ confidence, checked }) => [confidence, checked]),
      [['likely', false]],
      spoil(text),
    )
  }
})

test('what no vendor checks stays as sure as its rule says', () => {
  const rule = builtInRules.find(({ id }) => id === 'netrc-password')
  const text = fillTemplate(rule?.examples.positive[0] ?? '', seededRandom(7))
  assert.deepEqual(
    hitsOf('netrc-password', text).map(({ confidence }) => confidence),
    ['certain'],
  )
})
