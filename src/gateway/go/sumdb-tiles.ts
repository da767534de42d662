import { partialTiles, tileWidth, tilePath, type LogSource, type Tile } from '../../audit/verify/index.ts'

/** Full tiles of checksum databases, which do not change: 8 KiB each. */
export interface TileCache {
  get(key: string): Uint8Array | undefined
  set(key: string, tile: Uint8Array): void
  /** For a database whose tiles did not lead to what it signed: they are read anew. */
  clear(): void
}

const maxTiles = 512

export function createTileCache(): TileCache {
  const tiles = new Map<string, Uint8Array>()
  return {
    get(key) {
      const tile = tiles.get(key)
      // What was used last goes last.
      if (tile !== undefined) tiles.delete(key)
      if (tile !== undefined) tiles.set(key, tile)
      return tile
    },
    set(key, tile) {
      const [oldest] = tiles.keys()
      if (tiles.size >= maxTiles && oldest !== undefined) tiles.delete(oldest)
      tiles.set(key, tile)
    },
    clear: () => tiles.clear(),
  }
}

/**
 * The tiles of a checksum database as those of a log (go.dev/design/25530-sumdb: `tile/8/LEVEL/INDEX`), each read once. They are
 * believed by nobody: what is built from them has to lead to a signed root.
 */
export function sumdbSource(
  name: string,
  cache: TileCache,
  read: (path: string) => Promise<Uint8Array | undefined>,
): LogSource {
  const reading = new Map<string, Promise<Uint8Array | undefined>>()
  async function readTile(path: string): Promise<Uint8Array | undefined> {
    const known = cache.get(path)
    if (known !== undefined) return known
    const tile = await read(path.replace(/^tile\//, 'tile/8/'))
    if (tile?.length === tileWidth * 32) cache.set(path, tile)
    return tile
  }
  return {
    name,
    read(path) {
      const tile = reading.get(path) ?? readTile(path)
      reading.set(path, tile)
      return tile
    },
  }
}

/** The tiles that a proof for this record in a tree of this size is made of: asked for at once, since each is a way to the proxy. */
export function tilesFor(index: number, size: number): Tile[] {
  const tiles: Tile[] = [...partialTiles(size)]
  for (let level = 0, at = index, count = size; count > 0; level++) {
    at = Math.floor(at / tileWidth)
    const width = Math.min(tileWidth, count - at * tileWidth)
    if (width > 0) tiles.push({ level, index: at, width })
    count = Math.floor(count / tileWidth)
  }
  return tiles
}

export async function readAhead(source: LogSource, tiles: readonly Tile[]): Promise<void> {
  const paths = new Set(tiles.map(tilePath))
  await Promise.all([...paths].map((path) => source.read(path)))
}
