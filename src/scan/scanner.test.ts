import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createScanner, type Told } from './index.ts'
import { acmeRule, batchOf, ruleOf, scanAll } from './scan.fixture.ts'
import { folderSource, type Batch } from './sources/index.ts'
import { temporaryFolder } from './sources/sources.fixture.ts'

function tellTo(files: string[]): Told {
  return {
    findings: (list) => files.push(...list.map(({ file }) => file)),
    unseen: ({ why }) => assert.fail(why),
    more: (name) => assert.fail(name),
  }
}

test('tells each secret with its file, and how much was looked at', async (t) => {
  const folder = temporaryFolder(t)
  for (let i = 0; i < 200; i++)
    writeFileSync(join(folder, `file-${i}`), `line\nkey = acme_${10_000_000 + i};\n`)
  const { findings, unseen, parts, bytes } = await scanAll(
    folderSource(folder, { unseen: (one) => assert.fail(one.why) }),
    { threads: 2 },
  )
  assert.deepEqual(unseen, [])
  assert.equal(parts, 200)
  assert.equal(bytes, 200 * 26)
  assert.equal(new Set(findings.map(({ file }) => file)).size, 200)
  assert.ok(
    findings.every(({ rule, start }) => rule === 'acme-token' && start.line === 2 && start.column === 7),
  )
})

test('a text that holds a thread up is told as unseen, and the rest is looked at', async () => {
  // Each byte leads into a state that was not there before, with hundreds of places in it.
  const slow = ruleOf({ id: 'slow', keywords: ['aba'], pattern: 'aba(?:[ab]*a[ab]{900}c)', reach: 8000 })
  let bits = 1
  const next = () => (bits = (bits * 1_103_515_245 + 12_345) & 0x7f_ff_ff_ff) & 0x10_000
  const hostile = Buffer.from(Array.from({ length: 400_000 }, () => (next() === 0 ? 0x61 : 0x62)))
  const batch = batchOf({ first: 'acme_11111111', hostile, last: 'acme_22222222' })
  const { findings, unseen } = await scanAll([batch, batchOf({ other: 'acme_33333333' })], {
    settings: { rules: [acmeRule, slow] },
    threads: 1,
    maxHeldMs: 3000,
  })
  assert.deepEqual(findings.map(({ file }) => file).sort(), ['first', 'last', 'other'])
  assert.deepEqual(
    unseen.map(({ name, code, why }) => [name, code, why]),
    [['hostile', 'limit', 'it ended the thread that looked at it: it took more than 3 s']],
  )
})

test('a rule that no thread can use ends the scan, with its name', async () => {
  const bad = ruleOf({ id: 'bad-rule', keywords: ['abc'], pattern: 'abc(?=d)' })
  await assert.rejects(scanAll([batchOf({ a: '' })], { settings: { rules: [bad] } }), {
    code: 'thread_failed',
    message: /rule bad-rule: pattern: .*lookaround/,
  })
  await assert.rejects(scanAll([batchOf({ a: '' })], { settings: { rules: [acmeRule, acmeRule] } }), {
    message: /two rules are called acme-token/,
  })
})

test('rules that together take more memory than a thread may have are met one after the other', async () => {
  const rules = Array.from({ length: 1_000 }, (_, i) =>
    ruleOf({ id: `rule-${i}`, keywords: [`vendor${i}_`], pattern: `vendor${i}_[a-z]{20,1000}` }),
  )
  const text = rules.map((_, i) => `vendor${i}_ is no secret\n`).join('')
  const { findings, unseen } = await scanAll([batchOf({ a: `${text}vendor7_${'abcde'.repeat(5)}\n` })], {
    settings: { rules, rulesAreRead: true },
  })
  assert.deepEqual(unseen, [])
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ['rule-7'],
  )
})

test('what the source throws ends the scan', async () => {
  async function* source(): AsyncGenerator<Batch> {
    yield batchOf({ a: 'acme_11111111' })
    throw new Error('the source broke')
  }
  await assert.rejects(scanAll(source()), { message: 'the source broke' })
})

test('a scanner that is closed says so', async () => {
  const scanner = createScanner({ nowMs: 0 })
  await scanner[Symbol.asyncDispose]()
  await assert.rejects(scanner.scan([batchOf({ a: '' })], tellTo([])), {
    code: 'thread_failed',
    message: /is closed/,
  })
})

test('several scans share the threads of a scanner, and each is told its own', async () => {
  await using scanner = createScanner({
    nowMs: 0,
    threads: 1,
    settings: { without: 'all', rules: [acmeRule] },
  })
  const scans = ['11111111', '22222222', '33333333'].map(async (digits) => {
    const files: string[] = []
    await scanner.scan([batchOf({ [digits]: `acme_${digits}` })], tellTo(files))
    return files
  })
  assert.deepEqual(await Promise.all(scans), [['11111111'], ['22222222'], ['33333333']])
})
