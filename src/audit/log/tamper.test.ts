import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { cosignLine, createSigner, parseSignerKey, type Signer, signNote } from '../sign/index.ts'
import {
  decodeBundle,
  encodeBundle,
  formatCheckpoint,
  parseTlogPolicy,
  readEntries,
} from '../verify/index.ts'
import { folderSource, verifyFolder } from '../verify/node.ts'
import { openWitness } from '../witness/witness.fixture.ts'
import { entriesOf, openLog, postEntries, sampleLog, temporaryFolder } from './log.fixture.ts'

const sizes = [3, 250, 256, 300, 517, 520]

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at < 0 ? bytes.length + at : at]! ^= 1
  await writeFile(path, bytes)
}

async function swap(
  folder: string,
  [pathA, a]: [string, number],
  [pathB, b]: [string, number],
): Promise<void> {
  const read = async (path: string) => decodeBundle(await readFile(join(folder, path)), 256).entries
  const [first, second] = [await read(pathA), await read(pathB)]
  const entry = Buffer.from(first[a] as Buffer)
  const other = Buffer.from(second[b] as Buffer)
  first[a] = other
  await writeFile(join(folder, pathA), encodeBundle(first))
  const again = pathA === pathB ? await read(pathB) : second
  again[b] = entry
  await writeFile(join(folder, pathB), encodeBundle(again))
}

type Tamper = (folder: string, signer: Signer) => Promise<unknown>
const cases: [kind: string, where: RegExp, what: string, tamper: Tamper][] = [
  ['entry_changed', /^entry 0 in/, 'a byte of the first entry', (f) => flip(join(f, 'tile/entries/000'), 4)],
  [
    'entry_changed',
    /^entry 519 in/,
    'a byte of the last entry',
    (f) => flip(join(f, 'tile/entries/002.p/8'), -1),
  ],
  [
    'entry_changed',
    /002\.p\/5$/,
    'a byte of an older partial bundle',
    (f) => flip(join(f, 'tile/entries/002.p/5'), -2),
  ],
  ['tile_changed', /tile\/0\/001$/, 'a hash of a full tile', (f) => flip(join(f, 'tile/0/001'), 100)],
  [
    'tile_changed',
    /tile\/0\/002\.p\/8$/,
    'a hash of the last tile',
    (f) => flip(join(f, 'tile/0/002.p/8'), 100),
  ],
  [
    'tile_changed',
    /tile\/0\/002\.p\/5$/,
    'a hash of an older partial',
    (f) => flip(join(f, 'tile/0/002.p/5'), 1),
  ],
  [
    'tile_changed',
    /tile\/1\/000\.p\/2$/,
    'a hash of an upper tile',
    (f) => flip(join(f, 'tile/1/000.p/2'), 1),
  ],
  [
    'entries_cut',
    /002\.p\/8$/,
    'the tail of the last bundle',
    (f) => truncate(join(f, 'tile/entries/002.p/8'), 20),
  ],
  [
    'entries_cut',
    /entries\/001$/,
    'the tail of a full bundle',
    (f) => truncate(join(f, 'tile/entries/001'), 100),
  ],
  ['tile_cut', /tile\/0\/000$/, 'the tail of a tile', (f) => truncate(join(f, 'tile/0/000'), 64)],
  [
    'entries_swapped',
    /^entry 2 in/,
    'two entries of a bundle',
    (f) => swap(f, ['tile/entries/000', 2], ['tile/entries/000', 7]),
  ],
  [
    'entries_swapped',
    /^entry 3 in/,
    'entries of two bundles',
    (f) => swap(f, ['tile/entries/000', 3], ['tile/entries/001', 7]),
  ],
  ['tile_missing', /tile\/0\/001$/, 'a tile', (f) => rm(join(f, 'tile/0/001'))],
  ['tile_missing', /tile\/1\/000\.p\/2$/, 'an upper tile', (f) => rm(join(f, 'tile/1/000.p/2'))],
  ['tile_missing', /entries\/000$/, 'a bundle', (f) => rm(join(f, 'tile/entries/000'))],
  ['tile_missing', /002\.p\/5$/, 'a partial of an older checkpoint', (f) => rm(join(f, 'tile/0/002.p/5'))],
  [
    'checkpoint_rolled_back',
    /checkpoints\/520/,
    'the checkpoint put back',
    (f) => cp(join(f, 'checkpoints/300'), join(f, 'checkpoint')),
  ],
  [
    'checkpoint_malformed',
    /checkpoints\/300/,
    'a checkpoint under another name',
    (f) => cp(join(f, 'checkpoints/256'), join(f, 'checkpoints/300')),
  ],
  ['bad_signature', /^checkpoint$/, 'a size in the checkpoint', (f) => flip(join(f, 'checkpoint'), 20)],
  ['checkpoint_missing', /^checkpoint$/, 'the checkpoint', (f) => rm(join(f, 'checkpoint'))],
  ['root_mismatch', /checkpoints\/256/, 'a root that the log signed falsely', (f, s) => forge(f, s, 256)],
  ['checkpoint_contradicted', /checkpoints\/520/, 'two roots for one size', (f, s) => forge(f, s, 520)],
  ['wrong_key', /^key\.vkey$/, 'the key that the folder shows', (f) => exchangeKey(f)],
]

async function exchangeKey(folder: string): Promise<void> {
  const { verifierKey } = createSigner('test.example/audit', randomBytes(32))
  await writeFile(join(folder, 'key.vkey'), `${verifierKey}\n`)
}

async function forge(folder: string, signer: Signer, size: number): Promise<void> {
  const text = formatCheckpoint({ origin: signer.name, size, root: randomBytes(32) })
  const note = signNote(text, signer) + cosignLine(text, 1_700_000_000, signer.as('cosignature'))
  await writeFile(join(folder, 'checkpoints', String(size)), note)
}

async function sample(t: TestContext) {
  const log = await sampleLog(t, sizes)
  const signer = parseSignerKey(await readFile(join(log.folder, 'state/key'), 'utf8'))
  assert.ok(signer)
  return { ...log, signer }
}

test('a log that nobody touched is verified, and every tampering is found and named', async (t) => {
  const { folder, verifierKey, receipts, signer } = await sample(t)
  const verdict = await verifyFolder(folder, verifierKey, { receipts })
  assert.ok(verdict.ok, JSON.stringify(verdict))
  assert.deepEqual([verdict.size, verdict.checkpoints], [520, sizes.length + 1])
  const numbers: unknown[] = []
  for await (const { index, bytes } of readEntries(folderSource(folder), { from: 250, to: 518 })) {
    numbers.push(index)
    assert.deepEqual(JSON.parse(bytes.toString()), { number: index })
  }
  assert.equal(numbers.length, 268)
  for (const [kind, where, what, tamper] of cases) {
    await t.test(`${kind}: ${what}`, async () => {
      const copy = `${folder}-copy`
      t.after(() => rm(copy, { recursive: true, force: true, maxRetries: 20 }))
      await rm(copy, { recursive: true, force: true, maxRetries: 20 })
      await cp(folder, copy, { recursive: true })
      await tamper(copy, signer)
      const found = await verifyFolder(copy, verifierKey)
      assert.ok(!found.ok)
      assert.deepEqual(
        [found.problem.kind, where.test(found.problem.where)],
        [kind, true],
        JSON.stringify(found.problem),
      )
    })
  }
})

test('another key, a whole log rewritten, and a lost entry', async (t) => {
  const { folder, verifierKey, receipts } = await sampleLog(t, [5, 9])
  const other = createSigner('test.example/audit', randomBytes(32)).verifierKey
  const kindOf = async (key: string, options = {}) => {
    const verdict = await verifyFolder(folder, key, options)
    return verdict.ok ? 'ok' : verdict.problem.kind
  }
  assert.equal(await kindOf(other), 'wrong_key')
  assert.equal(await kindOf('nonsense'), 'wrong_key')
  const newest = await readFile(join(folder, 'checkpoint'), 'utf8')
  await rm(join(folder, 'checkpoints/9'))
  await cp(join(folder, 'checkpoints/5'), join(folder, 'checkpoint'))
  for (const name of ['tile/entries/000.p/9', 'tile/0/000.p/9']) await rm(join(folder, name))
  // Cut together with all that knew of it: only what others hold can tell.
  assert.equal(await kindOf(verifierKey), 'ok')
  assert.equal(await kindOf(verifierKey, { known: [newest] }), 'checkpoint_rolled_back')
  assert.equal(await kindOf(verifierKey, { receipts }), 'receipt_unpublished')
})

test('what a witness cosigned tells a cut tail and a fork, whose folders are sound in themselves', async (t) => {
  const { folder, verifierKey } = await sampleLog(t, [5])
  const witness = await openWitness(t, await temporaryFolder(t), [verifierKey])
  const policy = parseTlogPolicy(
    `log ${verifierKey}\nwitness w ${witness.verifierKey} ${witness.url}\nquorum w\n`,
  )
  assert.ok(policy.ok)
  const copies = [`${folder}-cut`, `${folder}-fork`] as const
  for (const copy of copies) {
    t.after(() => rm(copy, { recursive: true, force: true }))
    await cp(folder, copy, { recursive: true })
  }
  const log = await openLog(t, folder, { witnessPolicy: policy.policy })
  await postEntries(log.url, entriesOf(5, 9))
  await log.close()
  const fork = await openLog(t, copies[1])
  await postEntries(fork.url, entriesOf(105, 109))
  await fork.close()
  const origin = createHash('sha256').update('test.example/audit').digest('hex')
  const seen = await (await fetch(`${witness.url}/${origin}/checkpoint`)).text()
  const problems: unknown[] = []
  for (const one of [folder, ...copies]) {
    assert.ok((await verifyFolder(one, verifierKey)).ok)
    const verdict = await verifyFolder(one, verifierKey, { known: [seen] })
    problems.push(verdict.ok ? 'ok' : [verdict.problem.kind, verdict.problem.where])
  }
  assert.deepEqual(problems, [
    'ok',
    ['checkpoint_rolled_back', 'known checkpoint 0'],
    ['checkpoint_contradicted', 'known checkpoint 0'],
  ])
})
