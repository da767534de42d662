import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from './findings/index.ts'
import { createLooker } from './looker.ts'
import type { ScanSettings } from './model.ts'
import { acmeRule, batchOf, ruleOf } from './scan.fixture.ts'
import type { Batch } from './sources/index.ts'

async function look(batch: Batch, settings: ScanSettings) {
  const findings: Finding[] = []
  const more: [string, number][] = []
  const looker = createLooker({ without: 'all', ...settings }, Date.UTC(2027, 0, 1), {
    findings: (list) => findings.push(...list),
    more: (...one) => more.push(one),
    unseen: (one) => assert.fail(one.why),
  })
  for (const part of batch.parts) await looker(batch, part)
  return { findings, more }
}

test('of a binary file only what is unmistakable counts', async () => {
  const rules = [
    acmeRule,
    ruleOf({ id: 'sure', keywords: ['sure_'], pattern: 'sure_[0-9]{8}', confidence: 'certain' }),
  ]
  const bytes = Buffer.concat([
    Buffer.alloc(64),
    Buffer.from(' acme_12345678 sure_12345678 '),
    Buffer.alloc(64),
  ])
  const { findings } = await look(batchOf({ a: bytes }), { rules })
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ['sure'],
  )
})

test('a rule of some paths finds nothing elsewhere', async () => {
  const rules = [{ ...acmeRule, path: '\\.env$' }]
  const { findings } = await look(batchOf({ 'a/.env': 'acme_12345678', 'a/.env.md': 'acme_12345678' }), {
    rules,
  })
  assert.deepEqual(
    findings.map(({ file }) => file),
    ['a/.env'],
  )
})

test('what an allow list names is told as accepted', async () => {
  const allow = [{ reason: 'test data', paths: ['test/*'] }]
  const { findings } = await look(batchOf({ 'test/a': 'acme_12345678', b: 'acme_12345678' }), {
    rules: [acmeRule],
    allow,
  })
  assert.deepEqual(
    findings.map(({ accepted }) => accepted?.reason),
    ['test data', undefined],
  )
})

test('a blob of Git is named by its findings', async () => {
  const { parts, buffer } = batchOf({ a: 'acme_12345678' })
  const blob = 'b'.repeat(40)
  const batch = {
    parts: parts.map((part) => ({ ...part, blob })),
    ...(buffer === undefined ? {} : { buffer }),
  }
  const { findings } = await look(batch, { rules: [acmeRule] })
  assert.equal(findings[0]?.blob, blob)
})

test('a file that is nothing but secrets says how many more there are', async () => {
  const text = Array.from({ length: 1200 }, (_, i) => `acme_${10_000_000 + i}`).join('\n')
  const { findings, more } = await look(batchOf({ a: text }), { rules: [acmeRule] })
  assert.equal(findings.length, 1000)
  assert.deepEqual(more, [['a', 200]])
})

test('a built-in rule is found by its pattern and its check', async () => {
  const text = 'AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE'
  const { findings } = await look(batchOf({ a: text }), { without: [] })
  assert.deepEqual(findings, [])
})
