import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseSignerKey, signNote } from '../../src/audit/sign/index.ts'
import {
  createTree,
  encodeBundle,
  formatCheckpoint,
  leafHash,
  parseTilePath,
  parseVerifierKey,
  type Tile,
  tilePath,
  utf8,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
} from '../../src/audit/verify/index.ts'
import { findGo } from './go.fixture.ts'

const go = findGo()
if (go.ok) after(() => go.remove())
const find = (version: string) => (go.ok ? go.module(version) : go)

// No release holds the vectors yet: the commit of 2026-07-23, as the module proxy names it. Those on subtrees are not
// for us: we prove nothing about subtrees that do not begin at 0.
const merkle = find('github.com/transparency-dev/merkle@v0.0.3-0.20260723164952-417fb0c31475')
const tessera = find('github.com/transparency-dev/tessera@v1.0.4')
const reasonOf = (module: typeof merkle) => (module.ok ? false : module.reason)

interface Vector {
  desc: string
  wantErr: boolean
  proof: string[] | null
  leafIdx: number
  treeSize: number
  leafHash: string | null
  root: string | null
  size1: number
  size2: number
  root1: string | null
  root2: string | null
}

const bytesOf = (text: string | null): Uint8Array => Uint8Array.fromBase64(text ?? '')

async function vectorsIn(kind: string): Promise<(Vector & { file: string })[]> {
  assert.ok(merkle.ok)
  const folder = join(merkle.folder, 'testdata', kind)
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.json'))
  return await Promise.all(
    files.map(async (file) => ({
      ...(JSON.parse(await readFile(join(folder, file), 'utf8')) as Vector),
      file: `${kind}/${file}`,
    })),
  )
}

test('transparency-dev/merkle: its inclusion vectors', { skip: reasonOf(merkle) }, async () => {
  const vectors = await vectorsIn('inclusion')
  assert.ok(vectors.length >= 90)
  for (const { file, leafIdx, treeSize, leafHash, root, proof, wantErr } of vectors) {
    const claim = { index: leafIdx, size: treeSize, leaf: bytesOf(leafHash), root: bytesOf(root) }
    assert.equal(verifyInclusion(claim, (proof ?? []).map(bytesOf)), !wantErr, file)
  }
})

test('transparency-dev/merkle: its consistency vectors', { skip: reasonOf(merkle) }, async () => {
  const vectors = await vectorsIn('consistency')
  assert.ok(vectors.length >= 90)
  for (const { file, size1, size2, root1, root2, proof, wantErr } of vectors) {
    const claim = { oldSize: size1, newSize: size2, oldRoot: bytesOf(root1), newRoot: bytesOf(root2) }
    // The one that we refuse and merkle does not: equal trees whose equal roots are words instead of hashes.
    const words = file.endsWith('sizes-are-equal-one-and-proof-is-empty.json')
    assert.equal(verifyConsistency(claim, (proof ?? []).map(bytesOf)), !wantErr && !words, file)
  }
})

// From testdata/build_log.sh of Tessera: a key that is published for this, and the entries as they are spelt there.
const testKey = 'PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg'
const testEntries =
  'one two three four five six seven eit nain ten ileven twelf threeten fourten fivten'.split(' ')

test('Tessera: its log of 15 entries, rebuilt byte for byte', { skip: reasonOf(tessera) }, async () => {
  assert.ok(tessera.ok)
  const folder = join(tessera.folder, 'testdata/log')
  const signer = parseSignerKey(testKey)
  const verifier = parseVerifierKey(signer?.verifierKey ?? '')
  assert.ok(signer && verifier)
  const entries = testEntries.map(utf8)
  const files = new Map<string, Uint8Array>()
  const tree = createTree()
  for (let size = 0; size <= entries.length; size++) {
    if (size > 0) {
      tree.push(leafHash(entries[size - 1]!))
      files.set(tilePath({ level: 0, index: 0, width: size }), tree.partial(0))
      files.set(tilePath({ level: 'entries', index: 0, width: size }), encodeBundle(entries.slice(0, size)))
    }
    const note = signNote(formatCheckpoint({ origin: signer.name, size, root: tree.root() }), signer)
    assert.ok((await verifyCheckpoint(note, verifier)).ok)
    files.set(`checkpoint.${size}`, utf8(note))
    files.set('checkpoint', utf8(note))
  }
  const theirs = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1))
    .filter((path) => !path.startsWith('.state/'))
  assert.deepEqual([...files.keys()].sort(), theirs.sort())
  for (const [path, bytes] of files)
    assert.deepEqual(Buffer.from(bytes), await readFile(join(folder, path)), path)
})

// The cases of Tessera's api/layout/paths_test.go, v1.0.4.
const paths: [path: string, tile: Tile][] = [
  ['tile/entries/000', { level: 'entries', index: 0, width: 256 }],
  ['tile/entries/000.p/8', { level: 'entries', index: 0, width: 8 }],
  ['tile/entries/000.p/255', { level: 'entries', index: 0, width: 255 }],
  ['tile/entries/001', { level: 'entries', index: 1, width: 256 }],
  ['tile/entries/001.p/1', { level: 'entries', index: 1, width: 1 }],
  ['tile/entries/255', { level: 'entries', index: 255, width: 256 }],
  ['tile/entries/255.p/253', { level: 'entries', index: 255, width: 253 }],
  ['tile/entries/x123/x456/789', { level: 'entries', index: 123_456_789, width: 256 }],
  ['tile/0/000', { level: 0, index: 0, width: 256 }],
  ['tile/0/000.p/255', { level: 0, index: 0, width: 255 }],
  ['tile/0/001', { level: 0, index: 1, width: 256 }],
  ['tile/1/000', { level: 1, index: 0, width: 256 }],
  ['tile/15/x455/667', { level: 15, index: 455_667, width: 256 }],
  ['tile/15/x123/x456/789.p/41', { level: 15, index: 123_456_789, width: 41 }],
  ['tile/15/x123/x456/789.p/65', { level: 15, index: 123_456_789, width: 65 }],
  ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
  ['tile/0/x001/x234/067.p/89', { level: 0, index: 1_234_067, width: 89 }],
]

const noPaths = [
  'tile/0/x001/x234/067.p/',
  'tile/0/x001/x234/067.p',
  'tile/0/x001/x234/',
  'tile/0/x001/x234',
  'tile/0/x001/',
  'tile/0/x001',
  'tile/1/x001/.p/abc',
  'tile/64/x001/002',
  'tile/-1/x001/002',
  'tile/abc/x001/002',
  'tile/8/001/002',
  'tile/8/x001/0002',
  'tile/8/x001/-002',
  'tile/8/x001/002.p/256',
  'tile/63/x999/x999/x999/x999/x999/x999/999.p/255',
  // A tile for Tessera, whose indexes have 64 bits; it lies beyond 2^53, which no log of ours reaches.
  'tile/63/x999/x999/x999/x999/x999/999.p/255',
]

test('Tessera: its tile paths, written and read', () => {
  for (const [path, tile] of paths) {
    assert.equal(tilePath(tile), path)
    assert.deepEqual(parseTilePath(path), tile)
  }
  for (const path of noPaths) assert.equal(parseTilePath(path), undefined, path)
})
