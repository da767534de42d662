import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Removes a folder that a step wrote to and nobody uses any more, also where it took the rights to its folders from us, who
 * own them, or made them deeper than a path can say. Links are removed, not followed.
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
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch (error) {
    // These go down from folder to folder, however deep.
    for (const program of [
      ['/bin/chmod', '-R', 'u+rwX'],
      ['/bin/rm', '-rf', '--one-file-system'],
    ])
      spawnSync(program[0] ?? '', [...program.slice(1), '--', folder], { env: {}, stdio: 'ignore' })
    if (existsSync(folder)) throw error
  }
}
