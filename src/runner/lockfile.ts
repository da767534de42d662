import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { limits } from '../lib/index.ts'

/**
 * The lockfile's text, or undefined if there is none. The step can write to the workspace while we read, so
 * nothing is followed and nothing is waited for: a link, a FIFO or a device is no lockfile.
 */
export function readWorkspaceLockfile(workspace: string, path: string): string | undefined {
  const file = join(workspace, path)
  if (!file.startsWith(`${workspace}/`)) return undefined
  for (let folder = dirname(file); relative(workspace, folder) !== ''; folder = dirname(folder)) {
    if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined
  }
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > limits.lockfileBytes) return undefined
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}
