import { accessSync, constants, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { MayflyError } from '../../lib/index.ts'
import { makeOwnFolder, sweepOwnFolders } from '../sandbox/index.ts'

/** TMPFS_MAGIC and RAMFS_MAGIC (statfs(2)). */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

/**
 * A new folder in memory, for this user alone; gone when it is disposed of, or at the next start after a kill. Throws
 * `isolation_unavailable` where the machine has none; without a sandbox the folder of temporary files is taken then.
 */
export function makeMemoryFolder(
  options: { orOnDisk: boolean },
  places: readonly string[] = ['/dev/shm', `/run/user/${process.getuid?.() ?? 0}`],
): { path: string; [Symbol.dispose](): void } {
  const place = places.find(isUsable) ?? (options.orOnDisk ? tmpdir() : undefined)
  if (place === undefined)
    throw new MayflyError(
      'isolation_unavailable',
      `the step is handed a credential, which is kept in memory alone, and this machine has no folder there that this user may write to (${places.join(', ')})`,
    )
  void sweepOwnFolders(place)
  return makeOwnFolder('credentials', place)
}

function isUsable(place: string): boolean {
  try {
    accessSync(place, constants.W_OK | constants.X_OK)
    return inMemory.has(statfsSync(place).type)
  } catch {
    return false
  }
}
