/** Hashes in a full tile, entries in a full bundle (tlog-tiles, "Parameters"). */
export const tileWidth = 256

/** One tile: `level` 0 to 63, or the bundles of entries under it; `width` 1 to 255 is a partial, 256 is full. */
export interface Tile {
  level: number | 'entries'
  index: number
  width: number
}

/** `tile/<L>/<N>[.p/<W>]` (tlog-tiles, "Merkle Tree"): 1234067 is `x001/x234/067`. Throws on no tile at all. */
export function tilePath(tile: Tile): string {
  const { level, index, width } = tile
  const levelOk = level === 'entries' || (Number.isInteger(level) && level >= 0 && level <= 63)
  if (!levelOk || !Number.isSafeInteger(index) || index < 0 || !(width >= 1 && width <= tileWidth)) {
    throw new RangeError(`no tile: level ${level}, index ${index}, width ${width}`)
  }
  const full = `tile/${level}/${groups(index)}`
  return width === tileWidth ? full : `${full}.p/${width}`
}

function groups(index: number): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const parts = padded.match(/\d{3}/g) ?? []
  return parts.map((part, i) => (i === parts.length - 1 ? part : `x${part}`)).join('/')
}

const shape = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** The tile that a path names; `undefined` unless it is exactly what `tilePath` writes for it. */
export function parseTilePath(path: string): Tile | undefined {
  if (path.length > 64) return undefined
  const match = shape.exec(path)
  if (match === null) return undefined
  const [, levelText = '', indexText = '', widthText] = match
  const level = levelText === 'entries' ? levelText : Number(levelText)
  const index = Number(indexText.replaceAll(/[x/]/g, ''))
  const width = widthText === undefined ? tileWidth : Number(widthText)
  if ((level !== 'entries' && level > 63) || width > tileWidth || !Number.isSafeInteger(index))
    return undefined
  const tile: Tile = { level, index, width }
  return tilePath(tile) === path ? tile : undefined
}

/**
 * The partial tiles of a tree of `size` entries, hashes only, lowest level first. A level whose last tile is
 * full, or that has none, has no partial (tlog-tiles, "Partial Tiles").
 */
export function partialTiles(size: number): { level: number; index: number; width: number }[] {
  const tiles: { level: number; index: number; width: number }[] = []
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / tileWidth)) {
    const width = count % tileWidth
    if (width > 0) tiles.push({ level, index: Math.floor(count / tileWidth), width })
  }
  return tiles
}
