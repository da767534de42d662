import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { createSigner, parseSignerKey, signNote, signReceipt, signReceiptList } from '../sign/index.ts'
import {
  decodeBundle,
  encodeBundle,
  entryType,
  formatEntry,
  parseEntry,
  formatCheckpoint,
  leafHash,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  parseVerifierKey,
  shortType,
  tilePath,
  verifyCheckpoint,
  verifyNote,
  verifyReceipt,
  verifyReceiptList,
} from './index.ts'

const signer = createSigner('log.example/a', Buffer.alloc(32, 7))
const verifier = parseVerifierKey(signer.verifierKey)
assert.ok(verifier)

test('tile paths: the examples of tlog-tiles', () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), 'tile/0/x001/x234/067')
  assert.equal(tilePath({ level: 'entries', index: 0, width: 8 }), 'tile/entries/000.p/8')
  assert.equal(tilePath({ level: 63, index: 999, width: 1 }), 'tile/63/999.p/1')
  assert.equal(tilePath({ level: 1, index: 1_000, width: 255 }), 'tile/1/x001/000.p/255')
})

test('tile paths: every tile comes back, and nothing else is one', () => {
  const level = fc.oneof(fc.constant('entries' as const), fc.nat(63))
  const tile = fc.record(
    { level, index: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) },
    { noNullPrototype: true },
  )
  fc.assert(fc.property(tile, (one) => assert.deepEqual(parseTilePath(tilePath(one)), one)))
  const hostile = [
    'tile/0/../../state/key',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/00/000',
    'tile/64/000',
    'tile/0/x000/001',
    'tile/0/x001',
    'tile/0/1',
    'tile/0/0001',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/000%2e',
    'tile/0/000\n',
    'tile/entries/000.p/',
    'tile//000',
    'state/key',
    '',
    'tile/0/x999/x999/x999/x999/x999/x999/999',
  ]
  for (const path of hostile) assert.equal(parseTilePath(path), undefined, path)
})

test("notes: Go's own example verifies, and is refused when changed", async () => {
  const key = parseVerifierKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW')
  assert.ok(key)
  const note =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
  assert.equal((await verifyNote(note, key)).ok, true)
  assert.deepEqual(await verifyNote(note.replace('answer', 'Answer'), key), {
    ok: false,
    reason: 'bad_signature',
  })
  assert.deepEqual(await verifyNote(note, verifier), { ok: false, reason: 'unknown_key' })
})

test('notes: round trip, other signatures ignored, malformed ones refused', async () => {
  const note = signNote('hello\n\nworld\n', signer)
  assert.deepEqual(await verifyNote(note, verifier), { ok: true, text: 'hello\n\nworld\n' })
  const cosigned = `${note}${signNote('x\n', createSigner('witness', randomBytes(32))).split('\n\n')[1]}`
  assert.equal(parseNote(cosigned)?.signatures.length, 2)
  assert.equal((await verifyNote(cosigned, verifier)).ok, true)
  const malformed = [
    '',
    'hello\n',
    note.slice(0, -1),
    note.replace('— ', '- '),
    note.replace('hello', 'he\rllo'),
    `${note}\n`,
  ]
  for (const one of malformed)
    assert.deepEqual(await verifyNote(one, verifier), { ok: false, reason: 'malformed' })
  fc.assert(fc.property(fc.string({ unit: anyCharacter }), (text) => void parseNote(text)))
})

test('keys: round trip; a name or id that does not belong to the key is refused', () => {
  assert.equal(parseSignerKey(signer.encode())?.verifierKey, signer.verifierKey)
  assert.equal(parseVerifierKey(signer.verifierKey.replace('log.', 'fog.')), undefined)
  assert.equal(parseVerifierKey(signer.verifierKey.slice(0, -1)), undefined)
  for (const name of ['', 'a b', 'a+b', 'a\nb'])
    assert.throws(() => createSigner(name, randomBytes(32)), RangeError)
})

test('checkpoints: round trip; only canonical ones', async () => {
  const checkpoint = { origin: signer.name, size: 1_234, root: Uint8Array.from(leafHash(Buffer.from('x'))) }
  const text = formatCheckpoint(checkpoint)
  assert.deepEqual(parseCheckpoint(text), checkpoint)
  assert.deepEqual(parseCheckpoint(`${text}extension\n`), checkpoint)
  for (const size of ['01234', '+1234', '-1', '1e3', '', '99999999999999999']) {
    assert.equal(parseCheckpoint(text.replace('1234', size)), undefined, size)
  }
  assert.equal(parseCheckpoint(text.slice(0, -3)), undefined)
  assert.equal((await verifyCheckpoint(signNote(text, signer), verifier)).ok, true)
  const foreign = signNote(formatCheckpoint({ ...checkpoint, origin: 'other' }), signer)
  assert.deepEqual(await verifyCheckpoint(foreign, verifier), { ok: false, reason: 'wrong_origin' })
})

test('receipts: alone and as a list; any change is found', async () => {
  const receipts = [0, 1, 2].map((index) =>
    signReceipt({ index, leafHash: leafHash(Buffer.of(index)).toBase64(), timeMs: 1_000 + index }, signer),
  )
  const list = signReceiptList(receipts, signer)
  for (const receipt of receipts) assert.equal(await verifyReceipt(receipt, verifier), true)
  assert.equal(await verifyReceiptList(receipts, list, verifier), true)
  const [first] = receipts
  assert.ok(first)
  for (const change of [
    { index: 9 },
    { timeMs: 9 },
    { leafHash: 'AAAA' },
    { signature: 'AAAA' },
    { signature: list },
  ]) {
    assert.equal(await verifyReceipt({ ...first, ...change }, verifier), false)
    assert.equal(await verifyReceiptList(receipts.with(0, { ...first, ...change }), list, verifier), false)
  }
  assert.equal(await verifyReceiptList(receipts.toReversed(), list, verifier), false)
})

test('bundles: round trip; one that is cut gives fewer entries', () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 })
  fc.assert(
    fc.property(entries, fc.nat(50), (list, cut) => {
      const bundle = encodeBundle(list)
      assert.deepEqual(
        decodeBundle(bundle, 256).entries.map((one) => [...one]),
        list.map((one) => [...one]),
      )
      const shorter = bundle.subarray(0, Math.max(0, bundle.length - cut))
      assert.ok(decodeBundle(shorter, 256).bytesRead <= shorter.length)
    }),
  )
})

test('entry types: there and back', () => {
  assert.equal(entryType('session.issued'), 'dev.cdeventsx.mayfly-session.issued.0.2.0')
  assert.equal(entryType('step.started'), 'dev.cdevents.taskrun.started.0.3.0')
  for (const short of ['session.issued', 'run.started', 'run.finished', 'step.started', 'step.finished'])
    assert.equal(shortType(entryType(short)), short)
  for (const short of ['session', 'a.b.c', 'Session.issued', '.x', '', 'a_b.c'])
    assert.throws(() => entryType(short), RangeError)
  const strange = [
    'session.issued.0.2',
    'session.issued.0.3.0',
    'step.started.0.2.0',
    '..0.2.0',
    'a.b.c.0.2.0',
  ]
  for (const type of ['dev.cdevents.x.y.0.1.0', 'x', ...strange.map((one) => `dev.cdeventsx.mayfly-${one}`)])
    assert.equal(shortType(type), undefined, type)
})

test('entries: round trip; what is not one is undefined', () => {
  const base = {
    id: 'i',
    source: '/s',
    time: '2026-01-01T00:00:00.000Z',
    subject: 'x',
    data: { name: 'n', a: [1] },
  }
  for (const type of ['session.issued', 'run.started', 'run.finished', 'step.started', 'step.finished'])
    for (const more of [{}, { run: 'run_1', seq: 0 }]) {
      const entry = { ...base, type, ...more }
      assert.deepEqual(parseEntry(Buffer.from(formatEntry(entry))), entry)
    }
  const text = formatEntry({ ...base, type: 'a.b', run: 'r', seq: 1 })
  for (const [from, to] of [
    ['"specversion":"1.0"', '"specversion":"1.1"'],
    ['"mayflyseq":1', '"mayflyseq":-1'],
    ['"mayflyseq":1', '"mayflyseq":"1"'],
    ['"mayflyrun":"r"', '"mayflyrun":""'],
    ['"mayflyrun":"r",', ''],
    ['"id":"i"', '"id":""'],
    ...[
      'soon',
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.00Z',
      '2026-01-01T00:00:00.0000Z',
      '2026-01-01T00:00:00.000+05:00',
      '2026-01-01T00:00:00.000',
      '2026-01-01 00:00:00.000Z',
      '2026-02-30T00:00:00.000Z',
      '2026-01-01T24:00:00.000Z',
      '2026-12-31T23:59:60.000Z',
      '0000-01-01T00:00:00.000Z',
      '+02026-01-01T00:00:00.000Z',
      '2026-01-01T00:00:00.000Z ',
    ].map((time) => [`"time":"${base.time}"`, `"time":"${time}"`] as const),
    ['"type":"dev.cdeventsx.mayfly-a.b.0.2.0"', '"type":["dev.cdeventsx.mayfly-a.b.0.2.0"]'],
    ['mayfly-a.b.0.2.0"', 'mayfly-a.b.0.9.0"'],
    ['"content":{', '"content":[{'],
    ['{', '['],
  ] as const)
    assert.equal(parseEntry(Buffer.from(text.replaceAll(from, to))), undefined, to)
  fc.assert(
    fc.property(fc.jsonValue(), (value) => parseEntry(Buffer.from(JSON.stringify(value))) === undefined),
  )
})
