import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileExpression, outlineOf } from './index.ts'

const patterns: [pattern: string, words: readonly string[]][] = [
  ['ghp_[0-9A-Za-z]{36}', ['ghp_']],
  ['(?i)(?:acme|beta)[_-]key', ['acme', 'beta']],
  ['\\b((?:A3T[A-Z0-9]|AKIA|ASIA)[A-Z2-7]{16})\\b', ['a3t', 'akia', 'asia']],
  ['(?i)api(?:[0-9a-z\\-_\\t .]{0,20})=["\'](sk-live-[a-z]{4,})["\']', ['sk-live-']],
  ['[a-z]{3,8}', []],
  ['(?:token|[0-9]{20})', []],
  ['(?:secret=)?[a-f]{8}', []],
  ['-----BEGIN (?:RSA )?PRIVATE KEY-----[^-]{8,}-----END', ['private key-----']],
]

test('words stand in every match, and samples match', () => {
  let seed = 1
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
  for (const [pattern, words] of patterns) {
    const outline = outlineOf(pattern)
    assert.deepEqual(outline.words, words, pattern)
    const whole = compileExpression(`^(?:${pattern})$`)
    for (let time = 0; time < 20; time++) {
      const text = outline.sample(random)
      assert.ok(whole.test(text), `${pattern}: ${text.toString('latin1')}`)
      const lower = text.toString('latin1').toLowerCase()
      assert.ok(words.length === 0 || words.some((word) => lower.includes(word)), lower)
    }
  }
})

test('a sample of what repeats nothing, or without an end, has a bound', () => {
  const startedMs = performance.now()
  for (const pattern of [
    '(?:(?:(?:a?){8192}){8192}){8192}',
    '(?:(?:(?:a{0}){8192}){8192}){8192}',
    '(?:(?:a{8192}){8192}){8192}',
  ])
    assert.ok(outlineOf(pattern).sample(() => 0).length <= 4_096)
  assert.ok(performance.now() - startedMs < 1_000)
})
