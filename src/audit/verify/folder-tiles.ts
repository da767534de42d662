import { join } from 'node:path'
import type { Mark } from './folder-checkpoints.ts'
import { type FolderProblem, problemOf } from './folder-problem.ts'
import { partialWidths, readIfThere, readTile } from './read-tile.ts'
import { type Tile, tilePath, tileWidth } from './tile-path.ts'
import type { FullTile } from './tree.ts'

/** What a tile has to hold, and how many of its bytes its first `count` hashes or entries take. */
export interface Content {
  bytes: Buffer
  prefix: (count: number) => number
}

/** A full tile against its file, and the partials that still stand beside it. */
export async function checkFullTile(folder: string, full: FullTile): Promise<FolderProblem | undefined> {
  const tile: Tile = { level: full.level, index: full.index, width: tileWidth }
  const file = await readTile(folder, tile)
  const problem = compare(tilePath(tile), file?.bytes, full.bytes, true)
  return problem ?? (await checkPartials(folder, [], tile, hashes(full.bytes)))
}

/** The last, partial tile of a level, and one partial for every checkpoint that ended in it. */
export async function checkLastTile(
  folder: string,
  marks: readonly Mark[],
  tile: Tile,
  bytes: Buffer,
): Promise<FolderProblem | undefined> {
  const file = await readTile(folder, tile)
  const exact = file?.path === tilePath(tile)
  const problem = compare(file?.path ?? tilePath(tile), file?.bytes, bytes, exact)
  return problem ?? (await checkPartials(folder, marks, tile, hashes(bytes)))
}

/**
 * Every partial beside a tile has to be a prefix of it. Those that `marks` ended in have to be there, unless the
 * full tile is (tlog-tiles, "Partial Tiles"). Wider ones are not published yet and are passed over.
 */
export async function checkPartials(
  folder: string,
  marks: readonly Mark[],
  tile: Tile,
  content: Content,
): Promise<FolderProblem | undefined> {
  const found = await partialWidths(folder, tile)
  for (const width of found) {
    if (width > tile.width || (width === tile.width && tile.level !== 'entries')) continue
    const path = tilePath({ ...tile, width })
    const bytes = await readIfThere(join(folder, path))
    // Removed since it was listed: a running log does that once the tile is full.
    if (bytes === undefined) continue
    const problem = compare(path, bytes, content.bytes.subarray(0, content.prefix(width)), true)
    if (problem !== undefined) return problem
  }
  const lost = requiredWidths(marks, tile).find((width) => !found.includes(width))
  if (lost === undefined || (await readTile(folder, { ...tile, width: tileWidth })) !== undefined)
    return undefined
  return problemOf('tile_missing', tilePath({ ...tile, width: lost }), 'the file is missing')
}

function requiredWidths(marks: readonly Mark[], tile: Tile): number[] {
  const span = tileWidth ** (tile.level === 'entries' ? 0 : tile.level)
  const counts = marks.map((mark) => Math.floor(mark.size / span))
  const inTile = counts.filter((count) => Math.floor(count / tileWidth) === tile.index)
  return [...new Set(inTile.map((count) => count % tileWidth))].filter((width) => width > 0)
}

function compare(
  path: string,
  found: Buffer | undefined,
  want: Buffer,
  exact: boolean,
): FolderProblem | undefined {
  const entries = path.startsWith('tile/entries/')
  if (found === undefined) return problemOf('tile_missing', path, 'the file is missing')
  const same = found.subarray(0, want.length).equals(want)
  if (same && (!exact || found.length === want.length)) return undefined
  if (found.length < want.length && want.subarray(0, found.length).equals(found)) {
    return problemOf(
      entries ? 'entries_cut' : 'tile_cut',
      path,
      `it ends after ${found.length} of ${want.length} bytes`,
    )
  }
  const message = 'its bytes are not those that its entries give'
  return problemOf(entries ? 'entry_changed' : 'tile_changed', path, message)
}

function hashes(bytes: Buffer): Content {
  return { bytes, prefix: (count) => count * 32 }
}
