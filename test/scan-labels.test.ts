import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { partOf, parts } from '../bench/scan/labels/held.ts'
import { readMarks, mark, type Label } from '../bench/scan/labels/mark.ts'
import { labelledSet, vendorKinds, type LabelledFile } from '../bench/scan/labels/set.ts'
import { bech32 } from '../bench/scan/labels/structured/bech32.ts'
import { crc62 } from '../bench/scan/labels/template.ts'
import { judge, scoreOf } from '../bench/scan/score.ts'

const set = labelledSet()
const labels = set.flatMap((file) => file.labels)
const secrets = labels.filter(({ truth }) => truth === 'secret')
const decoys = labels.filter(({ truth }) => truth === 'decoy')

test('the labelled set has at least 3,000 secrets of 150 vendors’ kinds and 3,000 decoys', () => {
  const kinds = new Set(secrets.map(({ kind }) => kind))
  assert.ok(secrets.length >= 3_000)
  assert.ok(decoys.length >= 3_000)
  assert.ok(vendorKinds.filter(({ name }) => kinds.has(name)).length >= 150)
  assert.equal(new Set(vendorKinds.map(({ name }) => name)).size, vendorKinds.length)
})

test('about a third is held back, by kinds, and no file is of both parts', () => {
  const kinds = [...new Set(secrets.map(({ kind }) => kind))]
  const share = kinds.filter((kind) => partOf(kind) === 'held').length / kinds.length
  assert.ok(share > 0.25 && share < 0.4, `held: ${share}`)
  for (const { path, part, labels: of } of set) {
    assert.ok(path.startsWith(`${part}/`))
    for (const { truth, kind } of of) if (truth === 'secret') assert.equal(partOf(kind), part)
  }
  for (const part of parts) {
    const of = set.filter((file) => file.part === part).flatMap((file) => file.labels)
    assert.ok(of.some(({ truth }) => truth === 'secret') && of.some(({ truth }) => truth === 'decoy'))
  }
})

test('a label is where it says, and a secret is no decoy elsewhere', () => {
  for (const { text, labels: of } of set)
    for (const label of of) {
      assert.equal(text.slice(label.start, label.end), label.text)
      assert.equal(text.slice(0, label.start).split('\n').length, label.line)
    }
  const wrong = new Set(decoys.map(({ text }) => text))
  assert.deepEqual(
    secrets.filter(({ text }) => wrong.has(text)).map(({ kind }) => kind),
    [],
  )
})

test('the same seed gives the same set, another one other secrets', () => {
  const digest = (of: readonly LabelledFile[]) => of.map(({ text }) => text).join('\0')
  assert.equal(digest(labelledSet()), digest(set))
  const values = new Set(secrets.map(({ text }) => text))
  const others = labelledSet('other').flatMap((file) => file.labels)
  const same = others.filter(({ truth, text }) => truth === 'secret' && values.has(text))
  // RSA keys are pairs of the same eight primes for every seed.
  assert.ok(
    same.every(({ kind }) => /pem|service-account|kubeconfig/.test(kind)),
    String(same[0]?.kind),
  )
})

test('checksums are those that vendors publish', () => {
  // The examples of GitHub's and npm's announcements, without what makes tokens of them.
  assert.equal(crc62('zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ'), '0mLq17')
  assert.equal(crc62('qkJaB6MffYVzZXWqmcoF49yrUxP3wf'), '0LsakP')
  assert.equal(bech32('a', Buffer.alloc(0)), 'a12uel5l')
})

test('private keys of files are keys', () => {
  const blocks = secrets.filter(
    ({ kind, text }) => kind.endsWith('-pem') && /^-+BEGIN[^\\ ]* ?[A-Z ]+-+\n\S/.test(text),
  )
  assert.ok(blocks.length > 5)
  for (const { kind, text } of blocks) {
    const key = createPrivateKey(text.replaceAll(/\n +/g, '\n'))
    const algorithm = key.asymmetricKeyType === 'ed25519' ? undefined : 'sha256'
    const data = Buffer.from('x')
    assert.ok(verify(algorithm, data, createPublicKey(key), sign(algorithm, data, key)), kind)
  }
})

test('what a scanner says is judged by overlap: once a place, and a pair by either half', () => {
  const { text, labels: of } = readMarks(
    `id=${mark('id', 'aws-key-pair', 'AAAA')}\nkey=${mark('secret', 'aws-key-pair', 'BBBB')}\nsum=${mark('decoy', 'md5', 'CCCC')}\nport=80\n`,
  )
  const file = { path: 'open/1/a.env', part: 'open' as const, text, bytes: Buffer.from(text), labels: of }
  const at = (line: number, secret: string, rule = 'r') => ({
    file: './open/1/a.env',
    rule,
    places: [{ line, endLine: line, secret }],
  })
  const counts = (...findings: ReturnType<typeof at>[]) => {
    const { found, wrong } = scoreOf(judge([file], findings), 'open')
    return [found, wrong]
  }
  assert.deepEqual(counts(), [0, 0])
  assert.deepEqual(counts(at(1, 'AAAA')), [1, 0])
  assert.deepEqual(counts(at(1, 'AAAA'), at(2, 'BBBB'), at(2, 'key=BBBB', 'other')), [1, 0])
  assert.deepEqual(counts(at(3, 'CCCC'), at(3, 'CC', 'other')), [0, 1])
  assert.deepEqual(counts(at(2, 'key')), [0, 1])
  assert.deepEqual(counts(at(4, '80'), at(4, 'port', 'other')), [0, 1])
  assert.deepEqual(counts(at(2, 'decoded, so not there')), [1, 0])
  const exact = { file: file.path, rule: 'r', places: [{ line: 2, endLine: 2, column: 4, endColumn: 8 }] }
  assert.equal(scoreOf(judge([file], [exact]), 'open').recall, 1)
  assert.equal(of.filter((label: Label) => label.truth === 'secret').length, 1)
})
