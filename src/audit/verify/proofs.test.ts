import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { cosignLine, createSigner, signNote } from '../sign/index.ts'
import {
  createTileHashes,
  formatCheckpoint,
  formatTlogProof,
  parseNote,
  parseTlogPolicy,
  parseTlogProof,
  parseVerifierKey,
  proveConsistency,
  proveInclusion,
  utf8,
  verifyByPolicy,
  verifyConsistency,
  verifyCosignature,
  verifyInclusion,
} from './index.ts'
import { leavesOf, referencePath, referenceProof, referenceRoot } from './reference.fixture.ts'
import { filesOf, memorySource } from './vectors.fixture.ts'
import { leafHash } from './hash.ts'

const hex = (hashes: readonly Uint8Array[]) => hashes.map((hash) => hash.toHex())
const entriesOf = (count: number) => Array.from({ length: count }, (_, i) => utf8(`entry ${i}`))

test('proofs built from tiles are those of RFC 6962, for every index and size', async () => {
  const all = leavesOf(700)
  for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 300, 512, 513, 700]) {
    const { files, root } = filesOf(entriesOf(size))
    const hashes = createTileHashes(memorySource(files), size)
    const leaves = all.slice(0, size)
    assert.equal(root.toHex(), referenceRoot(leaves).toHex())
    for (let index = 0; index < size; index += size > 20 ? 17 : 1) {
      const path = await proveInclusion(hashes, index, size)
      assert.deepEqual(hex(path), hex(referencePath(index, leaves)))
      assert.ok(verifyInclusion({ index, size, leaf: leaves[index]!, root }, path))
    }
    for (let old = 0; old <= size; old += size > 20 ? 13 : 1) {
      const proof = await proveConsistency(hashes, old, size)
      assert.deepEqual(hex(proof), old === 0 ? [] : hex(referenceProof(old, leaves)))
      const oldRoot = referenceRoot(leaves.slice(0, old))
      assert.ok(verifyConsistency({ oldSize: old, newSize: size, oldRoot, newRoot: root }, proof))
    }
    await assert.rejects(proveInclusion(hashes, size, size), RangeError)
    await assert.rejects(proveInclusion(hashes, -1, size), RangeError)
    await assert.rejects(proveConsistency(hashes, size + 1, size), RangeError)
  }
})

test('a tile that is missing or cut is named', async () => {
  const { files } = filesOf(entriesOf(300))
  const without = new Map([...files].filter(([path]) => path !== 'tile/0/000'))
  const cut = new Map(files).set('tile/0/000', new Uint8Array(64))
  for (const broken of [without, cut])
    await assert.rejects(
      proveInclusion(createTileHashes(memorySource(broken), 300), 5, 300),
      /misses tile\/0\/000/,
    )
})

const log = createSigner('log.example/p', randomBytes(32))
const witnesses = [1, 2, 3].map((i) => createSigner(`w${i}.example`, randomBytes(32), 'cosignature'))
const text = formatCheckpoint({ origin: log.name, size: 1, root: leafHash(utf8('entry 0')) })
const note = signNote(text, log)

test('proof files: round trip, with and without extra; only exact ones are read', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
      (index, hashes) => {
        const proof = parseTlogProof(formatTlogProof({ index, hashes, checkpoint: note }))
        assert.deepEqual(
          [proof?.index, hex(proof?.hashes ?? []), proof?.checkpoint],
          [index, hex(hashes), note],
        )
      },
    ),
  )
  const extra = utf8('extra data')
  const whole = formatTlogProof({ index: 7, hashes: [], checkpoint: note, extra })
  assert.deepEqual([...(parseTlogProof(whole)?.extra ?? [])], [...extra])
  const spoilt = [
    whole.replace('@v1', '@v2'),
    whole.replace('index 7', 'index 07'),
    whole.replace('index 7', 'index -7'),
    whole.replace('index 7\n', ''),
    whole.replace('extra ', 'extra  '),
    whole.replace('index 7\n', 'index 7\nAAAA\n'),
    whole.replace('\n\n', '\n'),
    whole.slice(0, -1),
    whole.replace('index 7\n', `index 7\n${`${'A'.repeat(43)}=\n`.repeat(64)}`),
    '',
  ]
  for (const one of spoilt) assert.equal(parseTlogProof(one), undefined, one.slice(0, 60))
  fc.assert(fc.property(fc.string({ unit: anyCharacter }), (one) => parseTlogProof(one) === undefined))
})

test('cosignatures: the time is signed; another text, time, key or type is none', async () => {
  const [first, second] = witnesses
  assert.ok(first && second)
  const verifier = parseVerifierKey(first.verifierKey)
  assert.ok(verifier)
  const line = cosignLine(text, 1_679_315_147, first)
  assert.equal(await verifyCosignature(note + line, verifier), 1_679_315_147)
  assert.equal(await verifyCosignature(note, verifier), undefined)
  assert.equal(await verifyCosignature(note + cosignLine(text, 5, second), verifier), undefined)
  assert.equal(await verifyCosignature(note + cosignLine(`${text}x\n`, 5, first), verifier), undefined)
  assert.equal(await verifyCosignature(note + cosignLine(text, 0, first), verifier), undefined)
  const signature = parseNote(note + line)?.signatures[1]
  assert.ok(signature)
  for (const at of [0, 7, 8, 71]) {
    const bytes = Buffer.from(line.split(' ')[2]!.trim(), 'base64')
    bytes[4 + at]! ^= 1
    assert.equal(
      await verifyCosignature(`${note}— w1.example ${bytes.toString('base64')}\n`, verifier),
      undefined,
    )
  }
  const asNote = parseVerifierKey(first.as('note').verifierKey)
  assert.ok(asNote)
  assert.equal(await verifyCosignature(note + line, asNote), undefined)
  assert.throws(() => cosignLine(text, 5, log), RangeError)
})

const keys = witnesses.map((one, i) => `witness w${i + 1} ${one.verifierKey}`).join('\n')

test('policies: quorum of groups, counted once each', async () => {
  const parsed = parseTlogPolicy(
    `# two of three\nlog ${log.verifierKey} https://log.example/\n${keys} http://w3.example/\ngroup two 2 w1 w2 w3\nquorum two\n`,
  )
  assert.ok(parsed.ok)
  const { policy } = parsed
  assert.equal(policy.logs[0]?.url, 'https://log.example/')
  assert.equal(policy.witnesses[2]?.url, 'http://w3.example/')
  const lines = witnesses.map((one) => cosignLine(text, 9, one))
  for (const [cosigned, enough] of [
    [note, false],
    [note + lines[0], false],
    [note + lines[0] + lines[0], false],
    [note + lines[0] + lines[2], true],
    [note + lines.join(''), true],
  ] as const) {
    const verdict = await verifyByPolicy(cosigned, policy)
    assert.equal(verdict.ok, enough)
    if (!verdict.ok) assert.equal(verdict.reason, 'no_quorum')
  }
  const stranger = signNote(text, createSigner(log.name, randomBytes(32))) + lines.join('')
  const reasons = [
    [stranger, 'untrusted_log'],
    [note.replace('\n1\n', '\n2\n'), 'bad_signature'],
    ['x', 'malformed'],
  ] as const
  for (const [one, reason] of reasons) {
    const verdict = await verifyByPolicy(one, policy)
    assert.deepEqual([verdict.ok, !verdict.ok && verdict.reason], [false, reason])
  }
})

test('policies: every mistake has its line', () => {
  const w = `witness a ${witnesses[0]!.verifierKey}`
  const mistakes: [policy: string, line: number, message: RegExp][] = [
    ['', 1, /no quorum line/],
    [`${w}\nquorum b`, 2, /"b" is not defined/],
    [`${w}\nquorum a\nquorum a`, 3, /a quorum line already/],
    [`${w}\n${w}\nquorum a`, 2, /with this key already/],
    [`witness a ${log.verifierKey}\nquorum a`, 1, /not the key of a witness/],
    [`log ${witnesses[0]!.verifierKey}\nquorum none`, 1, /not the key of a log/],
    [`log x+0+y\nquorum none`, 1, /not an Ed25519 vkey/],
    [`witness none ${witnesses[0]!.verifierKey}\nquorum none`, 1, /other than none/],
    [`${w}\ngroup g 2 a\nquorum g`, 2, /number from 1 to 1/],
    [`${w}\ngroup g 0 a\nquorum g`, 2, /number from 1 to 1/],
    [`${w}\ngroup g any a\ngroup h any a\nquorum g`, 3, /member of a group already/],
    [`${w}\ngroup g any\nquorum g`, 2, /it takes: group/],
    [`${w}\ngroup a any a\nquorum a`, 2, /defined already/],
    [`${w} ftp://x\nquorum a`, 1, /no http/],
    ['log\u0000', 1, /control character/],
    ['quorum none\u000dx', 1, /control character/],
    ['witnesses a', 1, /begins with log, witness/],
    [`quorum none\n${'\n'.repeat(1_001)}`, 1_000, /longer/],
  ]
  for (const [policy, line, message] of mistakes) {
    const parsed = parseTlogPolicy(policy)
    assert.ok(!parsed.ok, policy)
    assert.equal(parsed.line, line, policy)
    assert.match(parsed.message, message)
  }
  assert.ok(parseTlogPolicy(' \t\n# x\nquorum\tnone \n').ok)
})
