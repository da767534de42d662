import assert from 'node:assert/strict'
import { cp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { after, test } from 'node:test'
import { openLog, origin, sampleLog, temporaryFolder } from '../../src/audit/log/log.fixture.ts'
import { cosignLine, createSigner, parseSignerKey, signNote } from '../../src/audit/sign/index.ts'
import {
  createTileHashes,
  formatCheckpoint,
  leafHash,
  parseVerifierKey,
  proveConsistency,
  proveInclusion,
  utf8,
  verifyConsistency,
  verifyInclusion,
  verifyNote,
} from '../../src/audit/verify/index.ts'
import { folderSource, verifyFolder } from '../../src/audit/verify/node.ts'
import {
  consistencyCases,
  consistencyPairs,
  inclusionCases,
  inclusionPairs,
  smallestCases,
} from '../../src/audit/verify/proof-cases.fixture.ts'
import { filesOf, memorySource } from '../../src/audit/verify/vectors.fixture.ts'
import { findGo } from './go.fixture.ts'
import { slow } from '../whole.ts'

const go = findGo()
if (go.ok) after(() => go.remove())
const program = go.ok ? go.build() : go
const skip = program.ok ? false : program.reason

interface Inclusion {
  index: number
  size: number
  root: string
  leaf: string
  proof: string[] | null
}

interface Consistency {
  oldSize: number
  newSize: number
  oldRoot: string
  newRoot: string
  proof: string[] | null
}

interface LogReport {
  origin: string
  size: number
  root: string
  time: number
  files: string[] | null
  checkpoints: number[] | null
  inclusion: Inclusion[] | null
  consistency: Consistency[] | null
}

async function ask<Answer>(args: readonly string[], input?: unknown): Promise<Answer> {
  assert.ok(program.ok)
  const ran = await program.run(args, input)
  assert.equal(ran.status, 0, ran.stderr)
  return JSON.parse(ran.stdout) as Answer
}

const bytesOf = (text: string): Uint8Array => Uint8Array.fromBase64(text)
const texts = (hashes: readonly Uint8Array[]): string[] => hashes.map((hash) => hash.toBase64())

/** No tile or bundle is in the folder that Go did not find to be right. */
async function everyFileIsIn(folder: string, report: LogReport): Promise<void> {
  const found = await readdir(join(folder, 'tile'), { recursive: true, withFileTypes: true })
  const files = found
    .filter((one) => one.isFile())
    .map((one) => relative(folder, join(one.parentPath, one.name)))
  const checked = new Set(report.files)
  assert.ok(files.length >= 2 * Math.ceil(report.size / 256))
  assert.deepEqual(
    files.filter((path) => !checked.has(path)),
    [],
  )
}

/** The proofs of a log that Go made are those we make, byte for byte, and hold for us. */
async function compareProofs(folder: string, report: LogReport): Promise<void> {
  const hashes = createTileHashes(folderSource(folder), report.size)
  for (const { index, size, root, leaf, proof } of report.inclusion ?? []) {
    const ours = await proveInclusion(hashes, index, size)
    assert.deepEqual(texts(ours), proof ?? [], `inclusion of ${index} in ${size}`)
    assert.ok(verifyInclusion({ index, size, leaf: bytesOf(leaf), root: bytesOf(root) }, ours))
  }
  for (const { oldSize, newSize, oldRoot, newRoot, proof } of report.consistency ?? []) {
    const at = createTileHashes(folderSource(folder), newSize)
    const ours = await proveConsistency(at, oldSize, newSize)
    assert.deepEqual(texts(ours), proof ?? [], `${oldSize} to ${newSize}`)
    const claim = { oldSize, newSize, oldRoot: bytesOf(oldRoot), newRoot: bytesOf(newRoot) }
    assert.ok(verifyConsistency(claim, ours))
  }
}

test(
  'Go reads our log: signatures, tiles, entries, inclusion of each, consistency of every pair',
  { skip },
  async (t) => {
    const sizes = [1, 2, 255, 256, 257, 511, 600]
    const { folder, verifierKey } = await sampleLog(t, sizes)
    const report = await ask<LogReport>(['read', folder, verifierKey])
    const verdict = await verifyFolder(folder, verifierKey)
    assert.ok(verdict.ok)
    assert.deepEqual(
      [report.origin, report.size, report.root, report.time],
      [origin, 600, verdict.rootHash, verdict.timeSeconds],
    )
    assert.deepEqual(report.checkpoints, [0, ...sizes])
    await everyFileIsIn(folder, report)
    assert.equal(report.inclusion?.length, 600)
    // Some sizes were signed again, at the start after them: not fewer than every pair.
    assert.ok((report.consistency?.length ?? 0) >= (sizes.length * (sizes.length - 1)) / 2)
    await compareProofs(folder, report)

    const log = await openLog(t, folder)
    const served = await ask<LogReport>(['read', log.url, verifierKey])
    assert.deepEqual([served.size, served.root, served.inclusion], [600, report.root, report.inclusion])
  },
)

test(
  'Go reads a log of 70,000 entries, with full tiles on two levels',
  { skip: slow.skip || skip },
  async (t) => {
    const sizes = [65_535, 65_536, 65_537, 70_000]
    const { folder, verifierKey } = await sampleLog(t, sizes)
    const report = await ask<LogReport>(['read', folder, verifierKey])
    assert.deepEqual([report.size, report.checkpoints], [70_000, [0, ...sizes]])
    await everyFileIsIn(folder, report)
    assert.ok((report.inclusion?.length ?? 0) >= 1_000)
    await compareProofs(folder, report)
  },
)

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at < 0 ? bytes.length + at : at]! ^= 1
  await writeFile(path, bytes)
}

const tampers: [what: string, refusal: RegExp, tamper: (folder: string) => Promise<unknown>][] = [
  ['a byte of an entry', /000: entry 0 is not the one/, (f) => flip(join(f, 'tile/entries/000'), 4)],
  ['a byte of the last entry', /entry 599/, (f) => flip(join(f, 'tile/entries/002.p/88'), -1)],
  ['an older partial bundle', /002\.p\/5: entry 516/, (f) => flip(join(f, 'tile/entries/002.p/5'), -1)],
  ['the tail of a bundle', /cut inside|entries instead/, (f) => truncate(join(f, 'tile/entries/001'), 100)],
  ['a hash of a full tile', /inconsistent tile/, (f) => flip(join(f, 'tile/0/001'), 100)],
  ['a hash of an older partial', /inconsistent tile/, (f) => flip(join(f, 'tile/0/002.p/5'), 1)],
  ['a hash of an upper tile', /inconsistent tile/, (f) => flip(join(f, 'tile/1/000.p/2'), 1)],
  ['the tail of a tile', /tile\/0\/000 has 64 bytes/, (f) => truncate(join(f, 'tile/0/000'), 64)],
  ['a tile taken away', /tile\/0\/001: no such file/, (f) => rm(join(f, 'tile/0/001'))],
  ['another origin', /invalid signature/, (f) => flip(join(f, 'checkpoint'), 0)],
  ['a kept checkpoint', /checkpoints\/256: invalid signature/, (f) => flip(join(f, 'checkpoints/256'), 0)],
  ['a rollback', /rolled back/, (f) => cp(join(f, 'checkpoints/256'), join(f, 'checkpoint'))],
  ['two tiles swapped', /inconsistent tile/, (f) => swap(join(f, 'tile/0/000'), join(f, 'tile/0/001'))],
  [
    'two bundles swapped',
    /entry 0 is not/,
    (f) => swap(join(f, 'tile/entries/000'), join(f, 'tile/entries/001')),
  ],
]

async function swap(a: string, b: string): Promise<void> {
  await rename(a, `${a}.away`)
  await rename(b, a)
  await rename(`${a}.away`, b)
}

test('what was tampered with is refused by Go and by us', { skip }, async (t) => {
  const { folder, verifierKey } = await sampleLog(t, [1, 256, 517, 600])
  assert.ok(program.ok)
  for (const [what, refusal, tamper] of tampers) {
    const copy = await temporaryFolder(t)
    await cp(folder, copy, { recursive: true })
    await tamper(copy)
    const ran = await program.run(['read', copy, verifierKey])
    assert.deepEqual([ran.status, ran.stdout], [1, ''], what)
    assert.match(ran.stderr, refusal, what)
    assert.equal((await verifyFolder(copy, verifierKey)).ok, false, what)
  }
  const stranger = createSigner(origin, new Uint8Array(32).fill(9)).verifierKey
  assert.match((await program.run(['read', folder, stranger])).stderr, /no verifiable signatures/)
})

test('what Go proves holds for us, and is what we prove', { skip }, async () => {
  const count = 700
  const sizes = [1, 2, 3, 5, 8, 255, 256, 257, 511, 512, 513, 700]
  const inclusion = sizes.flatMap((size) =>
    [...new Set([0, 1, size >> 1, size - 2, size - 1])]
      .filter((index) => index >= 0 && index < size)
      .map((index) => [index, size]),
  )
  const consistency = sizes.flatMap((size) => sizes.filter((old) => old <= size).map((old) => [old, size]))
  const made = await ask<{ inclusion: Inclusion[]; consistency: Consistency[] }>(['prove'], {
    count,
    inclusion,
    consistency,
    name: 'go.example',
    text: 'x\n',
  })
  assert.deepEqual([made.inclusion.length, made.consistency.length], [inclusion.length, consistency.length])
  const { files } = filesOf(Array.from({ length: count }, (_, i) => utf8(`entry ${i}`)))
  const hashes = createTileHashes(memorySource(files), count)
  for (const { index, size, root, leaf, proof } of made.inclusion) {
    const claim = { index, size, leaf: leafHash(utf8(`entry ${index}`)), root: bytesOf(root) }
    assert.equal(claim.leaf.toBase64(), leaf)
    assert.ok(verifyInclusion(claim, (proof ?? []).map(bytesOf)))
    assert.deepEqual(texts(await proveInclusion(hashes, index, size)), proof ?? [])
  }
  for (const { oldSize, newSize, oldRoot, newRoot, proof } of made.consistency) {
    const claim = { oldSize, newSize, oldRoot: bytesOf(oldRoot), newRoot: bytesOf(newRoot) }
    assert.ok(verifyConsistency(claim, (proof ?? []).map(bytesOf)))
    assert.deepEqual(texts(await proveConsistency(hashes, oldSize, newSize)), proof ?? [])
  }
})

test(
  'on proofs, true and spoilt, both reference implementations and we are of one mind',
  { skip },
  async () => {
    const inclusion = inclusionPairs.flatMap((pair) => inclusionCases(...pair))
    // Of empty trees tlog says nothing, and merkle v0.0.2 takes any root for one; numbers are integers there.
    const small = smallestCases().filter(({ claim }) => claim.oldSize > 0 && Number.isInteger(claim.newSize))
    const consistency = [...consistencyPairs.flatMap((pair) => consistencyCases(...pair)), ...small].filter(
      ({ claim }) => claim.oldSize > 0,
    )
    const inBase64 = (claim: object, proof: readonly Uint8Array[]) => ({
      ...Object.fromEntries(
        Object.entries(claim).map(([name, value]) => [
          name,
          value instanceof Uint8Array ? Uint8Array.from(value).toBase64() : value,
        ]),
      ),
      proof: texts(proof.map((hash) => Uint8Array.from(hash))),
    })
    const verdicts = await ask<Record<'inclusion' | 'consistency', { tlog: boolean; merkle: boolean }[]>>(
      ['check'],
      {
        inclusion: inclusion.map(({ claim, proof }) => inBase64(claim, proof)),
        consistency: consistency.map(({ claim, proof }) => inBase64(claim, proof)),
      },
    )
    for (const [i, { name, claim, proof }] of inclusion.entries()) {
      const ours = verifyInclusion(claim, proof)
      assert.deepEqual(verdicts.inclusion[i], { tlog: ours, merkle: ours }, name)
    }
    for (const [i, { name, claim, proof }] of consistency.entries()) {
      const ours = verifyConsistency(claim, proof)
      assert.deepEqual(verdicts.consistency[i], { tlog: ours, merkle: ours }, name)
    }
  },
)

test('a note that Go signed is one for us, and its keys are ours too', { skip }, async () => {
  const text = 'go.example/log\n7\nrest\n\nwith an empty line, \u00fcml\u00e4uts and \u{1f600}\n'
  const made = await ask<{ note: string; signerKey: string; verifierKey: string }>(['prove'], {
    count: 1,
    name: 'go.example/log',
    text,
  })
  const verifier = parseVerifierKey(made.verifierKey)
  const signer = parseSignerKey(made.signerKey)
  assert.ok(verifier && signer)
  assert.deepEqual(await verifyNote(made.note, verifier), { ok: true, text })
  assert.deepEqual([signer.verifierKey, signer.encode()], [made.verifierKey, made.signerKey])
  assert.equal(signNote(text, signer), made.note)
  const changed = made.note.replace('7', '8')
  assert.deepEqual(await verifyNote(changed, verifier), { ok: false, reason: 'bad_signature' })
})

test('a note of ours is one for Go, cosigned or not; what we refuse it refuses', { skip }, async () => {
  const log = createSigner('log.example/notes', new Uint8Array(32).fill(3))
  const witness = createSigner('witness.example/w', new Uint8Array(32).fill(4), 'cosignature')
  const text = formatCheckpoint({ origin: log.name, size: 1, root: leafHash(utf8('entry 0')) })
  const note = signNote(text, log)
  const cosigned =
    note + cosignLine(text, 1_700_000_000, log.as('cosignature')) + cosignLine(text, 1_700_000_001, witness)
  const verifier = parseVerifierKey(log.verifierKey)
  assert.ok(verifier)
  const signature = note.slice(text.length + 1)
  const cases: [what: string, note: string, reason: RegExp | undefined][] = [
    ['signed', note, undefined],
    ['cosigned', cosigned, undefined],
    ['the log last', `${text}\n${cosigned.slice(note.length)}${signature}`, undefined],
    ['another text', note.replace('\n1\n', '\n2\n'), /invalid signature/],
    [
      'another signature',
      note.replace(/.(?=.{20}\n$)/, (one) => (one === 'A' ? 'B' : 'A')),
      /invalid signature/,
    ],
    ['another key', signNote(text, createSigner(log.name, new Uint8Array(32).fill(5))), /no verifiable/],
    ['the witness alone', `${text}\n${cosignLine(text, 1, witness)}`, /no verifiable/],
    ['no signature', `${text}\n`, /malformed/],
    ['no empty line', note.replace('\n\n', '\n'), /malformed/],
    ['no newline at the end', note.slice(0, -1), /malformed/],
    ['an empty line at the end', `${note}\n`, /malformed/],
    ['a hyphen for the dash', note.replace('\u2014', '-'), /malformed/],
    ['a control character', note.replace('log.', 'log\r'), /malformed/],
    ['no base64', note.replace(/.{4}\n$/, '!!!!\n'), /malformed/],
    ['101 signatures', note + signature.repeat(100), /malformed/],
  ]
  const { notes } = await ask<{ notes: { text: string; reason: string }[] }>(['check'], {
    notes: cases.map((one) => ({ note: one[1], verifierKey: log.verifierKey })),
  })
  for (const [i, [what, one, reason]] of cases.entries()) {
    const verdict = await verifyNote(one, verifier)
    assert.equal(verdict.ok, reason === undefined, what)
    if (reason !== undefined) assert.match(notes[i]?.reason ?? '', reason, what)
    else assert.deepEqual(notes[i], { text, reason: '' }, what)
  }
})
