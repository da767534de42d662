import { equalBytes } from './bytes.ts'
import type { Mark } from './log-checkpoints.ts'
import { type LogProblem, problemOf } from './log-problem.ts'
import { type LogSource, partialWidths, readTile } from './source.ts'
import { type Tile, tilePath, tileWidth } from './tile-path.ts'
import type { FullTile } from './tree.ts'

/** What a tile has to hold, and how many of its bytes its first `count` hashes or entries take. */
export interface Content {
  bytes: Uint8Array
  prefix: (count: number) => number
}

/** A full tile against its file, which may have been read before, and the partials that still stand beside it. */
export async function checkFullTile(
  source: LogSource,
  full: FullTile,
  read?: Uint8Array,
): Promise<LogProblem | undefined> {
  const tile: Tile = { level: full.level, index: full.index, width: tileWidth }
  const found = read ?? (await readTile(source, tile))?.bytes
  const problem = compare(tilePath(tile), found, full.bytes, true)
  return problem ?? (await checkPartials(source, [], tile, hashes(full.bytes)))
}

/** The last, partial tile of a level, and one partial for every checkpoint that ended in it. */
export async function checkLastTile(
  source: LogSource,
  marks: readonly Mark[],
  tile: Tile,
  bytes: Uint8Array,
): Promise<LogProblem | undefined> {
  const file = await readTile(source, tile)
  const exact = file?.path === tilePath(tile)
  const problem = compare(file?.path ?? tilePath(tile), file?.bytes, bytes, exact)
  return problem ?? (await checkPartials(source, marks, tile, hashes(bytes)))
}

/**
 * Every partial beside a tile has to be a prefix of it. Those that `marks` ended in have to be there, unless the
 * full tile is (tlog-tiles, "Partial Tiles"). Wider ones are not published yet and are passed over.
 */
export async function checkPartials(
  source: LogSource,
  marks: readonly Mark[],
  tile: Tile,
  content: Content,
): Promise<LogProblem | undefined> {
  const found = await partialWidths(source, tile)
  if (found === undefined) return undefined
  for (const width of found) {
    if (width > tile.width || (width === tile.width && tile.level !== 'entries')) continue
    const path = tilePath({ ...tile, width })
    const bytes = await source.read(path)
    // Removed since it was listed: a running log does that once the tile is full.
    if (bytes === undefined) continue
    const problem = compare(path, bytes, content.bytes.subarray(0, content.prefix(width)), true)
    if (problem !== undefined) return problem
  }
  const lost = requiredWidths(marks, tile).find((width) => !found.includes(width))
  if (lost === undefined || (await readTile(source, { ...tile, width: tileWidth })) !== undefined)
    return undefined
  return problemOf('tile_missing', tilePath({ ...tile, width: lost }), 'the file is missing')
}

function requiredWidths(marks: readonly Mark[], tile: Tile): number[] {
  const span = tileWidth ** (tile.level === 'entries' ? 0 : tile.level)
  const counts = marks.filter((mark) => mark.isPublished).map((mark) => Math.floor(mark.size / span))
  const inTile = counts.filter((count) => Math.floor(count / tileWidth) === tile.index)
  return [...new Set(inTile.map((count) => count % tileWidth))].filter((width) => width > 0)
}

function compare(
  path: string,
  found: Uint8Array | undefined,
  want: Uint8Array,
  exact: boolean,
): LogProblem | undefined {
  const entries = path.startsWith('tile/entries/')
  if (found === undefined) return problemOf('tile_missing', path, 'the file is missing')
  const same = equalBytes(found.subarray(0, want.length), want)
  if (same && (!exact || found.length === want.length)) return undefined
  if (found.length < want.length && equalBytes(want.subarray(0, found.length), found)) {
    return problemOf(
      entries ? 'entries_cut' : 'tile_cut',
      path,
      `it ends after ${found.length} of ${want.length} bytes`,
    )
  }
  const message = 'its bytes are not those that its entries give'
  return problemOf(entries ? 'entry_changed' : 'tile_changed', path, message)
}

function hashes(bytes: Uint8Array): Content {
  return { bytes, prefix: (count) => count * 32 }
}
