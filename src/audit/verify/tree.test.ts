import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createTree,
  leafHash,
  nodeHash,
  partialTiles,
  restoreTree,
  splitHashes,
  verifyConsistency,
  verifyInclusion,
} from './index.ts'
import { leavesOf, referencePath, referenceProof, referenceRoot } from './reference.fixture.ts'

// The test vectors of Certificate Transparency (RFC 6962), as in transparency-dev/merkle.
const inputs = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

test('the roots of the RFC 6962 vectors', () => {
  const tree = createTree()
  assert.equal(tree.root().toHex(), roots[0])
  for (const [i, input] of inputs.entries()) {
    tree.push(leafHash(Buffer.from(input, 'hex')))
    assert.equal(tree.root().toHex(), roots[i + 1])
  }
})

test('roots, tiles and restored trees at every size up to 600, against the recursive reference', () => {
  const leaves = leavesOf(600)
  const tree = createTree()
  for (let size = 0; size <= 600; size++) {
    if (size > 0) {
      for (const tile of tree.push(leaves[size - 1] as Buffer)) {
        assert.deepEqual([tile.level, size % 256], [0, 0])
        assert.deepEqual(
          Buffer.from(tile.bytes),
          Buffer.concat(leaves.slice(tile.index * 256, tile.index * 256 + 256)),
        )
      }
    }
    const root = size % 7 === 0 || size > 250 ? referenceRoot(leaves.slice(0, size)) : tree.root()
    assert.equal(tree.root().toHex(), root.toHex())
    const tiles = partialTiles(size)
    const partials: Uint8Array[] = []
    for (const { level, width } of tiles) {
      partials[level] = tree.partial(level)
      assert.equal(tree.partial(level).length, width * 32)
    }
    assert.equal(restoreTree(size, partials)?.root().toHex(), root.toHex())
    if (size > 0) assert.equal(restoreTree(size, []), undefined)
  }
})

test('a tree of 65,792 leaves fills a level-1 tile; its tile is the roots of the level-0 tiles', () => {
  const tree = createTree()
  const tileRoots: Uint8Array[] = []
  const full = leavesOf(65_792).flatMap((leaf) => tree.push(leaf))
  for (const tile of full.filter(({ level }) => level === 0))
    tileRoots.push(referenceRoot(splitHashes(tile.bytes)))
  const upper = full.filter(({ level }) => level === 1)
  assert.deepEqual(
    upper.map(({ index }) => index),
    [0],
  )
  assert.deepEqual(Buffer.from(upper[0]?.bytes ?? []), Buffer.concat(tileRoots.slice(0, 256)))
  assert.deepEqual(partialTiles(65_792), [
    { level: 1, index: 1, width: 1 },
    { level: 2, index: 0, width: 1 },
  ])
  assert.deepEqual(tree.root(), nodeHash(referenceRoot(tileRoots.slice(0, 256)), tileRoots[256]!))
})

test('inclusion: every index of many sizes holds, and no other index, size, leaf or longer proof', () => {
  const all = leavesOf(300)
  for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 100, 255, 256, 257, 300]) {
    const leaves = all.slice(0, size)
    const root = referenceRoot(leaves)
    for (let index = 0; index < size; index++) {
      const leaf = leaves[index] as Buffer
      const proof = referencePath(index, leaves)
      assert.ok(verifyInclusion({ index, size, leaf, root }, proof))
      assert.ok(!verifyInclusion({ index: index + 1, size, leaf, root }, proof))
      assert.ok(
        !verifyInclusion({ index, size, leaf: leavesOf(301)[300] as Buffer, root }, proof) || size > 300,
      )
      assert.ok(!verifyInclusion({ index, size, leaf, root }, [...proof, root]))
      if (proof.length > 0) assert.ok(!verifyInclusion({ index, size, leaf, root }, proof.slice(1)))
      if (index % 37 !== 0) continue
      for (const i of proof.keys()) {
        assert.ok(!verifyInclusion({ index, size, leaf, root }, proof.with(i, leaf)))
      }
    }
  }
  assert.ok(!verifyInclusion({ index: -1, size: 1, leaf: all[0] as Buffer, root: all[0] as Buffer }, []))
})

test('consistency: every pair of sizes up to 70 and some to 300 holds, and no other', () => {
  const all = leavesOf(300)
  const rootsBySize = Array.from({ length: 301 }, (_, size) => referenceRoot(all.slice(0, size)))
  const sizes = [...Array(71).keys(), 127, 128, 129, 255, 256, 257, 300]
  for (const newSize of sizes) {
    for (const oldSize of sizes.filter((size) => size <= newSize)) {
      const claim = {
        oldSize,
        newSize,
        oldRoot: rootsBySize[oldSize] as Buffer,
        newRoot: rootsBySize[newSize] as Buffer,
      }
      const proof = oldSize === 0 ? [] : referenceProof(oldSize, all.slice(0, newSize))
      assert.ok(verifyConsistency(claim, proof), `${oldSize} -> ${newSize}`)
      if (oldSize === 0) continue
      const other = leafHash(Buffer.from('other'))
      assert.ok(!verifyConsistency({ ...claim, oldRoot: other }, proof))
      assert.ok(!verifyConsistency({ ...claim, newRoot: other }, proof))
      assert.ok(!verifyConsistency(claim, [...proof, other]))
      if (proof.length > 0) assert.ok(!verifyConsistency(claim, proof.slice(0, -1)))
    }
  }
})
