import { createTileHashes, type LogSource, proveInclusion, type TileHashes } from '../../verify/index.ts'
import type { CommitFile } from '../commit.ts'

/**
 * Inclusion proofs in the tree of `size` entries. Its newest tiles are in `files`, which nobody has put into the folder
 * yet; the others are read from it.
 */
export function proverOf(
  folder: LogSource,
  size: number,
  files: readonly CommitFile[],
): (index: number) => Promise<Uint8Array[]> {
  const fresh = new Map(files.map(({ path, bytes }) => [path, bytes]))
  const source = { ...folder, read: async (path: string) => fresh.get(path) ?? (await folder.read(path)) }
  const hashes = remembered(createTileHashes(source, size))
  return (index) => proveInclusion(hashes, index, size)
}

/** Entries of one group have most of their proofs in common. */
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
