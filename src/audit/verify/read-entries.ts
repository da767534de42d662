import { decodeBundle } from './bundle.ts'
import { equalBytes, textOf } from './bytes.ts'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { leafHash, nodeHash } from './hash.ts'
import { parseNote } from './note.ts'
import { type LogSource, readTile } from './source.ts'
import { createTileHashes, splitPoint, type TileHashes } from './tile-hashes.ts'
import { tilePath, tileWidth } from './tile-path.ts'

/**
 * The entries `from` (default 0) up to but not including `to` (default: all), in order, one bundle at a time.
 * Under a checkpoint that is believed, each bundle is held against its root before an entry of it is given; without one
 * the entries are those that the log publishes now, and nothing is verified.
 * Throws an Error with one clear line when the log has no checkpoint, a bundle is missing, cut or malformed, or is not
 * what the checkpoint signs.
 */
export async function* readEntries(
  source: LogSource,
  range: { from?: number; to?: number; under?: Pick<Checkpoint, 'size' | 'root'> } = {},
): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
  const { under } = range
  const size = under?.size ?? (await publishedSize(source))
  const bundles = openBundles(source, size, under?.root)
  const to = Math.min(range.to ?? size, size)
  let index = Math.max(range.from ?? 0, 0)
  while (index < to) {
    const first = Math.floor(index / tileWidth) * tileWidth
    const entries = await bundles.read(first / tileWidth)
    for (const bytes of entries.slice(index - first, to - first)) yield { index: index++, bytes }
  }
}

/** The bundles of a log of `size` entries, in any order; the tiles that one is held against are read once for all. */
export interface Bundles {
  /** The entries from `256 * number` on, as many as there are. Throws an Error with one clear line. */
  read(number: number): Promise<readonly Uint8Array[]>
}

/** `root`: what a checkpoint that is believed signs; without it nothing is verified. */
export function openBundles(source: LogSource, size: number, root: Uint8Array | undefined): Bundles {
  const hashes = createTileHashes(source, size)
  return {
    async read(number) {
      const first = number * tileWidth
      const width = Math.min(tileWidth, size - first)
      const tile = { level: 'entries', index: number, width } as const
      const file = await readTile(source, tile)
      if (file === undefined) throw new Error(`the audit log misses ${tilePath(tile)}`)
      const { entries } = decodeBundle(file.bytes, width)
      if (entries.length < width) throw new Error(`the audit log has a broken bundle: ${file.path}`)
      if (root !== undefined && !equalBytes(await rootWith(hashes, size, first, entries), root))
        throw new Error(`the audit log is not what its checkpoint signs: ${file.path}, or a hash beside it`)
      return entries
    },
  }
}

/** The root of the log if these are its entries from `first` on; all other hashes come from its tiles. */
async function rootWith(
  hashes: TileHashes,
  size: number,
  first: number,
  entries: readonly Uint8Array[],
): Promise<Uint8Array> {
  const leaves = entries.map(leafHash)
  const end = first + leaves.length
  async function root(low: number, high: number): Promise<Uint8Array> {
    if (high <= first || low >= end) return await hashes.range(low, high)
    if (high - low === 1) return leaves[low - first]!
    const middle = low + splitPoint(high - low)
    return nodeHash(await root(low, middle), await root(middle, high))
  }
  return await root(0, size)
}

export async function publishedSize(source: LogSource): Promise<number> {
  const note = parseNote(textOf((await source.read('checkpoint')) ?? new Uint8Array(0)))
  const checkpoint = note === undefined ? undefined : parseCheckpoint(note.text)
  if (checkpoint === undefined) throw new Error(`no checkpoint of an audit log in ${source.name}`)
  return checkpoint.size
}
