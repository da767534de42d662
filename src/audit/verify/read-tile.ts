import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Tile, tilePath, tileWidth } from './tile-path.ts'

/** The bytes of a file, or `undefined` when there is none. Other failures throw. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/**
 * The bytes of a tile, and the path they were found at. A partial that was removed once its tile was full is
 * read from the full one (tlog-tiles, "Partial Tiles"), which then holds more than was asked for.
 */
export async function readTile(
  folder: string,
  tile: Tile,
): Promise<{ path: string; bytes: Buffer } | undefined> {
  const widths = tile.width === tileWidth ? [tileWidth] : [tile.width, tileWidth]
  for (const width of widths) {
    const path = tilePath({ ...tile, width })
    const bytes = await readIfThere(join(folder, path))
    if (bytes !== undefined) return { path, bytes }
  }
  return undefined
}

/** The widths of the partial files that stand beside a tile, narrowest first. */
export async function partialWidths(folder: string, tile: Tile): Promise<number[]> {
  const names = await namesIn(join(folder, `${tilePath({ ...tile, width: tileWidth })}.p`))
  const widths = names.filter((name) => /^[1-9]\d{0,2}$/.test(name)).map(Number)
  return widths.filter((width) => width < tileWidth).sort((a, b) => a - b)
}

/** The names in a folder; none when there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
