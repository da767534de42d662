import { nodeHash } from './hash.ts'
import { type LogSource, readTile } from './source.ts'
import { tilePath, tileWidth } from './tile-path.ts'

/** The hashes of a log of `size` entries, read from its tiles; each tile is read once. */
export interface TileHashes {
  /**
   * The root of the leaves from `low` up to `high` (RFC 6962, section 2.1): any range that a proof names.
   * Throws an Error with one clear line when a tile is missing or cut.
   */
  range(low: number, high: number): Promise<Uint8Array>
}

/** Nothing is verified here: a proof built from changed tiles does not hold. */
export function createTileHashes(source: LogSource, size: number): TileHashes {
  const tiles = new Map<string, Promise<Uint8Array>>()

  async function fetchTile(level: number, index: number): Promise<Uint8Array> {
    const width = Math.min(tileWidth, Math.floor(size / tileWidth ** level) - index * tileWidth)
    const path = tilePath({ level, index, width })
    const known = tiles.get(path)
    if (known !== undefined) return await known
    const reading = readTile(source, { level, index, width }).then((file) => {
      if (file === undefined || file.bytes.length < width * 32)
        throw new Error(`the audit log ${source.name} misses ${path}, or part of it`)
      return file.bytes
    })
    tiles.set(path, reading)
    return await reading
  }

  /** The perfect subtree of 2^height leaves that begins at `low`: from the tile whose level lies below it. */
  async function perfect(low: number, height: number): Promise<Uint8Array> {
    const level = Math.floor(height / 8)
    const first = low / tileWidth ** level
    const tile = await fetchTile(level, Math.floor(first / tileWidth))
    const at = first % tileWidth
    const count = 2 ** (height % 8)
    let row = Array.from({ length: count }, (_, i) => tile.subarray((at + i) * 32, (at + i + 1) * 32))
    while (row.length > 1) {
      row = Array.from({ length: row.length / 2 }, (_, i) => nodeHash(row[2 * i]!, row[2 * i + 1]!))
    }
    return row[0]!
  }

  async function range(low: number, high: number): Promise<Uint8Array> {
    const height = Math.log2(high - low)
    if (Number.isInteger(height) && low % (high - low) === 0) return await perfect(low, height)
    const middle = low + splitPoint(high - low)
    return nodeHash(await range(low, middle), await range(middle, high))
  }
  return { range }
}

/** The largest power of two below `count` (RFC 6962, section 2.1). */
export function splitPoint(count: number): number {
  let k = 1
  while (k * 2 < count) k *= 2
  return k
}
