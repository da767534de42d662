import { equalBytes } from './bytes.ts'
import { type LogProblem, problemOf } from './log-problem.ts'
import { type LogSource, readTile } from './source.ts'
import { tileWidth } from './tile-path.ts'
import { splitHashes, createTree, type Tree } from './tree.ts'

interface Suspect {
  index: number
  width: number
  bundle: { path: string; bytes: Uint8Array }
  hashes: { path: string; bytes: Uint8Array }
  leaves: Uint8Array[]
  /** The first entry of the bundle that is not what the level-0 tile says. */
  wrong: number
}

interface Scene {
  source: LogSource
  size: number
  root: Uint8Array
  tree: Tree
}

/**
 * An entry and its hash in the level-0 tile differ: says which of them was changed, by asking which one the
 * tile above, or the signed root, agrees with.
 */
export async function blame(scene: Scene, suspect: Suspect): Promise<LogProblem> {
  const { index, width, bundle, hashes, leaves, wrong } = suspect
  const number = index * tileWidth + wrong
  if (leaves.length === width && (await isTrusted(scene, suspect, leaves))) {
    return problemOf('tile_changed', hashes.path, `its hash of entry ${number} was changed`)
  }
  const where = `entry ${number} in ${bundle.path}`
  const home = await findHome(scene, leaves[wrong] as Uint8Array)
  if (home !== undefined && home !== number) {
    return problemOf('entries_swapped', where, `the entry that belongs at ${home} stands there`)
  }
  return problemOf('entry_changed', where, 'its bytes are not those whose hash was signed')
}

async function isTrusted(scene: Scene, suspect: Suspect, leaves: readonly Uint8Array[]): Promise<boolean> {
  if (suspect.width < tileWidth || (suspect.index + 1) * tileWidth === scene.size) {
    const tree = scene.tree.copy()
    for (const leaf of leaves) tree.push(leaf)
    return equalBytes(tree.root(), scene.root)
  }
  const tree = createTree()
  for (const leaf of leaves) tree.push(leaf)
  const parentIndex = Math.floor(suspect.index / tileWidth)
  const parents = Math.floor(scene.size / tileWidth) - parentIndex * tileWidth
  const parent = await readTile(scene.source, {
    level: 1,
    index: parentIndex,
    width: Math.min(parents, tileWidth),
  })
  const at = (suspect.index % tileWidth) * 32
  return parent !== undefined && equalBytes(parent.bytes.subarray(at, at + 32), tree.root())
}

/** Where the level-0 tiles say that this leaf belongs. Reads them all: only for a log that is broken anyway. */
async function findHome(scene: Scene, leaf: Uint8Array): Promise<number | undefined> {
  for (let index = 0; index * tileWidth < scene.size; index++) {
    const width = Math.min(tileWidth, scene.size - index * tileWidth)
    const file = await readTile(scene.source, { level: 0, index, width })
    const at = splitHashes(file?.bytes ?? new Uint8Array(0)).findIndex((hash) => equalBytes(hash, leaf))
    if (at !== -1) return index * tileWidth + at
  }
  return undefined
}
