import { concatBytes } from './bytes.ts'
import { emptyRoot, nodeHash } from './hash.ts'
import { tileWidth } from './tile-path.ts'

/** A tile that `push` completed: 256 hashes of 32 bytes. */
export interface FullTile {
  level: number
  index: number
  bytes: Uint8Array
}

/**
 * A Merkle tree that grows by leaf hashes and keeps only its right edge: one hash for every set bit of its
 * size, and the hashes of the last tile of every level. About 32 KB for any size that exists.
 */
export interface Tree {
  readonly size: number
  /** Adds a leaf hash (not copied, so not to be changed later); gives back the tiles that this one completes. */
  push(leaf: Uint8Array): readonly FullTile[]
  /** The root as of now (RFC 6962, section 2.1); cost is logarithmic in the size. */
  root(): Uint8Array
  /** The bytes of the last, partial tile of a level; empty when that level's tiles are all full. */
  partial(level: number): Uint8Array
  copy(): Tree
}

interface Edge {
  size: number
  /** By height: the perfect subtree of 2^height leaves on the right edge, where the size has that bit. */
  subtrees: (Uint8Array | undefined)[]
  /** By tile level: the hashes of its last, incomplete tile. */
  levels: Uint8Array[][]
}

export function createTree(): Tree {
  return treeOf({ size: 0, subtrees: [], levels: [] })
}

/**
 * The tree of `size` leaves from the bytes of its partial tiles, by level (see `partialTiles`).
 * `undefined` when a level does not hold as many hashes as the size says. The root is the caller's to compare.
 */
export function restoreTree(size: number, partials: readonly Uint8Array[]): Tree | undefined {
  const edge: Edge = { size, subtrees: [], levels: [] }
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / tileWidth)) {
    const hashes = splitHashes(partials[level] ?? new Uint8Array(0))
    if (hashes.length !== count % tileWidth) return undefined
    edge.levels[level] = hashes
    for (let bit = 7, at = 0; bit >= 0; bit--) {
      if ((hashes.length & (1 << bit)) === 0) continue
      edge.subtrees[level * 8 + bit] = perfectRoot(hashes.slice(at, at + (1 << bit)))
      at += 1 << bit
    }
  }
  return treeOf(edge)
}

function treeOf(edge: Edge): Tree {
  return {
    get size() {
      return edge.size
    },
    push: (leaf) => push(edge, leaf),
    root: () => rootOf(edge),
    partial: (level) => concatBytes(edge.levels[level] ?? []),
    copy: () =>
      treeOf({
        size: edge.size,
        subtrees: [...edge.subtrees],
        levels: edge.levels.map((hashes) => [...hashes]),
      }),
  }
}

function push(edge: Edge, leaf: Uint8Array): FullTile[] {
  const full: FullTile[] = []
  edge.size++
  let node = leaf
  let height = 0
  addToLevel(edge, 0, node, full)
  for (let left = edge.subtrees[0]; left !== undefined; left = edge.subtrees[height]) {
    node = nodeHash(left, node)
    edge.subtrees[height] = undefined
    height++
    if (height % 8 === 0) addToLevel(edge, height / 8, node, full)
  }
  edge.subtrees[height] = node
  return full
}

function addToLevel(edge: Edge, level: number, hash: Uint8Array, full: FullTile[]): void {
  const hashes = (edge.levels[level] ??= [])
  hashes.push(hash)
  if (hashes.length < tileWidth) return
  const index = Math.floor(edge.size / tileWidth ** (level + 1)) - 1
  full.push({ level, index, bytes: concatBytes(hashes) })
  edge.levels[level] = []
}

function rootOf(edge: Edge): Uint8Array {
  let root: Uint8Array | undefined
  for (const subtree of edge.subtrees) {
    if (subtree === undefined) continue
    root = root === undefined ? subtree : nodeHash(subtree, root)
  }
  return root ?? emptyRoot()
}

/** The root over a power of two of hashes. */
function perfectRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes
  while (row.length > 1) {
    const next: Uint8Array[] = []
    for (let i = 0; i + 1 < row.length; i += 2)
      next.push(nodeHash(row[i] as Uint8Array, row[i + 1] as Uint8Array))
    row = next
  }
  return row[0] ?? emptyRoot()
}

/** The hashes in the bytes of a tile, copied; a rest shorter than a hash is dropped. */
export function splitHashes(tile: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = []
  for (let at = 0; at + 32 <= tile.length; at += 32) hashes.push(Uint8Array.from(tile.subarray(at, at + 32)))
  return hashes
}
