import { join } from 'node:path'
import { decodeBundle, parseTilePath, type Tile, tilePath, tileWidth } from '../verify/index.ts'
import { type FileSystem, readIfThere } from '../disk/index.ts'

export interface StaticFile {
  bytes: Buffer
  type: string
  cache: string
}

/** The public files of a log by their path; `undefined` for every other path, so that `state/` cannot be asked for. */
export interface StaticFiles {
  read(path: string): Promise<StaticFile | undefined>
}

const text = 'text/plain; charset=utf-8'
const immutable = 'public, max-age=31536000, immutable'

export function createStaticFiles(fs: FileSystem, folder: string): StaticFiles {
  return {
    async read(path) {
      const tile = parseTilePath(path)
      if (tile === undefined && path !== 'checkpoint' && path !== 'key.vkey') return undefined
      const bytes = await readIfThere(fs, join(folder, path))
      if (tile === undefined)
        return bytes === undefined ? undefined : { bytes, type: text, cache: 'no-cache' }
      const content = bytes ?? (await cutFromFull(fs, folder, tile))
      return content === undefined
        ? undefined
        : { bytes: content, type: 'application/octet-stream', cache: immutable }
    },
  }
}

/** A partial stays available after its file was dropped: it is the beginning of the full tile. */
async function cutFromFull(fs: FileSystem, folder: string, tile: Tile): Promise<Buffer | undefined> {
  if (tile.width === tileWidth) return undefined
  const full = await readIfThere(fs, join(folder, tilePath({ ...tile, width: tileWidth })))
  if (full === undefined) return undefined
  const bytes = tile.level === 'entries' ? decodeBundle(full, tile.width).bytesRead : tile.width * 32
  return full.subarray(0, bytes)
}
