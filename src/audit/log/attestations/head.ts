import { type Signer, signNote } from '../../sign/index.ts'
import {
  formatCheckpoint,
  type LogSource,
  parseTilePath,
  partialTiles,
  tilePath,
  tileWidth,
  type Tree,
} from '../../verify/index.ts'
import type { DurableEntry } from '../appender.ts'
import { proverOf } from './proofs.ts'

export interface Inclusion {
  readonly treeSize: number
  readonly rootHash: Uint8Array
  /** A note with the log's own signature and no other. */
  readonly checkpoint: string
  readonly entries: readonly { readonly index: number; readonly hashes: readonly Uint8Array[] }[]
}

export interface Head {
  /** An entry that is on the disk, in order. */
  add(entry: DurableEntry): void
  /** Proves that these entries stand in the newest tree, and signs that. */
  prove(indexes: readonly number[]): Promise<Inclusion>
}

/**
 * The tree of every entry that is on the disk, published or not. A checkpoint may be signed over it at once: which entries it
 * has, and in which order, is settled by the write-ahead log, so whatever is published later, by this process or after a
 * crash, has this tree as its beginning.
 */
export function createHead(
  start: { readonly tree: Tree; readonly durable: readonly DurableEntry[] },
  signer: Signer,
  folder: LogSource,
  publishedSize: () => number,
): Head {
  const tree = start.tree.copy()
  /** Full tiles that the publisher has not put into the folder yet. */
  const fresh = new Map<string, Uint8Array>()
  let signed: { size: number; root: Uint8Array; note: string } | undefined
  for (const entry of start.durable) add(entry)

  function add({ leafHash }: DurableEntry): void {
    const full = tree.push(leafHash)
    if (full.length === 0) return
    for (const path of [...fresh.keys()]) if (isIn(path, publishedSize())) fresh.delete(path)
    for (const { level, index, bytes } of full) fresh.set(tilePath({ level, index, width: tileWidth }), bytes)
  }

  /** Once for everybody who waited for the same write. */
  function sign(): { size: number; root: Uint8Array; note: string } {
    if (signed?.size === tree.size) return signed
    const [size, root] = [tree.size, tree.root()]
    const note = signNote(formatCheckpoint({ origin: signer.name, size, root }), signer)
    return (signed = { size, root, note })
  }

  return {
    add,
    async prove(indexes) {
      const { size, root, note } = sign()
      const tiles = new Map(fresh)
      for (const tile of partialTiles(size)) tiles.set(tilePath(tile), tree.partial(tile.level))
      const prove = proverOf(folder, size, tiles)
      const entries = await Promise.all(indexes.map(async (index) => ({ index, hashes: await prove(index) })))
      return { treeSize: size, rootHash: root, checkpoint: note, entries }
    },
  }
}

/** Is the full tile at this path within a tree of this size? */
function isIn(path: string, size: number): boolean {
  const tile = parseTilePath(path)
  if (tile === undefined || tile.level === 'entries') return true
  return (tile.index + 1) * tileWidth ** (tile.level + 1) <= size
}
