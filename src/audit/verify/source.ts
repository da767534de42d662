import { concatBytes } from './bytes.ts'
import { type Tile, tilePath, tileWidth } from './tile-path.ts'

/** Where the public files of a log are read from; paths are those of tlog-tiles, `checkpoint` and `checkpoints/`. */
export interface LogSource {
  /** What a person would call it: a folder, an URL. */
  readonly name: string
  /** The bytes of a file, or `undefined` when there is none. Other failures throw an Error. */
  read(path: string): Promise<Uint8Array | undefined>
  /** The names in a folder, none when there is no such folder; left out where folders cannot be listed (HTTP). */
  list?(path: string): Promise<string[]>
}

/**
 * The bytes of a tile, and the path they were found at. A partial that was removed once its tile was full is
 * read from the full one (tlog-tiles, "Partial Tiles"), which then holds more than was asked for.
 */
export async function readTile(
  source: LogSource,
  tile: Tile,
): Promise<{ path: string; bytes: Uint8Array } | undefined> {
  const widths = tile.width === tileWidth ? [tileWidth] : [tile.width, tileWidth]
  for (const width of widths) {
    const path = tilePath({ ...tile, width })
    const bytes = await source.read(path)
    if (bytes !== undefined) return { path, bytes }
  }
  return undefined
}

/** The widths of the partial files that stand beside a tile, narrowest first; `undefined` where nothing can be listed. */
export async function partialWidths(source: LogSource, tile: Tile): Promise<number[] | undefined> {
  const names = await source.list?.(`${tilePath({ ...tile, width: tileWidth })}.p`)
  const widths = names?.filter((name) => /^[1-9]\d{0,2}$/.test(name)).map(Number)
  return widths?.filter((width) => width < tileWidth).sort((a, b) => a - b)
}

/**
 * More bytes than any file of a log has that goes by this path: who has more there wants our memory. A full bundle of the
 * longest entries has 16.8 MB, a tile of hashes 8 KB, a note 64 KB.
 */
export function maxBytesOf(path: string): number {
  return path.startsWith('tile/entries/') ? 17_000_000 : 131_072
}

const timeoutMs = 60_000

/** A log over HTTP. `fetcher` is `fetch`, or what the caller puts in its place; redirects are not followed. */
export function httpSource(url: string, fetcher: typeof fetch = fetch): LogSource {
  const base = url.endsWith('/') ? url : `${url}/`
  return {
    name: url,
    async read(path) {
      const signal = AbortSignal.timeout(timeoutMs)
      const response = await fetcher(new URL(path, base), { redirect: 'error', signal })
      if (response.status === 404) return undefined
      if (!response.ok) throw new Error(`${url} answered ${response.status} for ${path}`)
      return await readBounded(response, path)
    },
  }
}

async function readBounded(response: Response, path: string): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    bytes += next.value.length
    if (bytes > maxBytesOf(path)) {
      await reader?.cancel()
      throw new Error(`more than ${maxBytesOf(path)} bytes were sent for ${path}`)
    }
    chunks.push(next.value)
  }
  return concatBytes(chunks)
}
