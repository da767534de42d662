import { mkdirSync, rmSync } from 'node:fs'
import { lstat, opendir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLeftBehind, ownName } from './own-name.ts'

/**
 * What is made in the machine's folder of temporary files for one step: generated files, and its pipes for a moment. Credentials
 * that are handed to it are in memory.
 */
const prefixes = { files: 'mayfly-step', pipes: 'mayfly-pipes', credentials: 'mayfly-credentials' } as const

/** A new folder, for this user alone; gone when it is disposed of, or at the next start after a kill. */
export function makeOwnFolder(
  kind: keyof typeof prefixes,
  within: string = tmpdir(),
): { path: string; [Symbol.dispose](): void } {
  const path = join(within, ownName(prefixes[kind]))
  mkdirSync(path, { mode: 0o700 })
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** A folder of temporary files may be anybody's, and hold any number of them. */
const maxNames = 20_000

/** Removes what killed supervisors of this user left in the folder of temporary files. Never throws. */
export async function sweepOwnFolders(folder: string = tmpdir()): Promise<void> {
  try {
    let names = 0
    for await (const { name } of await opendir(folder)) {
      if (++names > maxNames) return
      if (Object.values(prefixes).some((prefix) => isLeftBehind(name, prefix)))
        await removeIfOurs(join(folder, name))
    }
  } catch {
    // What it could not remove now the next start finds again.
  }
}

/** Others may write there, too: a link or a folder of theirs is left alone, whatever its name. */
async function removeIfOurs(path: string): Promise<void> {
  const stat = await lstat(path)
  if (stat.isDirectory() && stat.uid === process.getuid?.()) await rm(path, { recursive: true, force: true })
}
