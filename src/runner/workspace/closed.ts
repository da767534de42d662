import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Is there a folder above this one that nobody but its owner, this user or root, can pass? Then no other user of the machine
 * reaches what stands in it. The folder itself does not count: a step may open its workspace to everybody.
 */
export function isClosedToOthers(path: string): boolean {
  const uid = process.getuid?.()
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const stat = statSync(folder)
    if ((stat.mode & 0o011) === 0 && (stat.uid === uid || stat.uid === 0)) return true
  }
  return false
}
