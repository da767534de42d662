import { chmodSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Removes a folder that a step wrote to and nobody uses any more, also where it took the rights to its folders from us, who
 * own them. Links are removed, not followed.
 */
export function removeTree(folder: string): void {
  const folders = [folder]
  for (const path of folders) {
    try {
      chmodSync(path, 0o700)
      const entries = readdirSync(path, { withFileTypes: true })
      for (const entry of entries) if (entry.isDirectory()) folders.push(join(path, entry.name))
    } catch {
      // What cannot be read cannot be removed either, which is said below.
    }
  }
  rmSync(folder, { recursive: true, force: true })
}
