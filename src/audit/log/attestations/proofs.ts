import { createTileHashes, type LogSource, proveInclusion, type TileHashes } from '../../verify/index.ts'

/**
 * Inclusion proofs in the tree of `size` entries. Its newest tiles are in `tiles`, by path, as nobody may have put them into
 * the folder yet; the others are read from it.
 */
export function proverOf(
  folder: LogSource,
  size: number,
  tiles: ReadonlyMap<string, Uint8Array>,
): (index: number) => Promise<Uint8Array[]> {
  const source = { ...folder, read: async (path: string) => tiles.get(path) ?? (await folder.read(path)) }
  const hashes = remembered(createTileHashes(source, size))
  return (index) => proveInclusion(hashes, index, size)
}

/** Entries that came together have most of their proofs in common. */
function remembered(hashes: TileHashes): TileHashes {
  const known = new Map<string, Promise<Uint8Array>>()
  return {
    range(low, high) {
      const name = `${low}-${high}`
      const found = known.get(name) ?? hashes.range(low, high)
      known.set(name, found)
      return found
    },
  }
}
