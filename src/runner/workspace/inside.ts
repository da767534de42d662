import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync } from 'node:fs'
import { systemCode } from '../../lib/index.ts'
import { isAbsent, moveAside, openFolder, openIn, openUp, pathOf } from './descend.ts'

/** The text of a plain file below `root`; undefined if there is none, it is no plain file, or longer than `maxBytes`. */
export function readInside(root: string, path: string, maxBytes: number): string | undefined {
  return withEntry(root, path, constants.O_NOFOLLOW, (fd) => {
    if (!fstatSync(fd).isFile()) return undefined
    const reader = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      return readBounded(reader, maxBytes)
    } finally {
      closeSync(reader)
    }
  })
}

/**
 * Takes away a file that a step put in a folder below `root`. A folder by that name is renamed instead: to empty it would
 * mean to follow what the step may still be changing. Nothing happens if neither is there.
 */
export function removeInside(root: string, folder: string, name: string): void {
  withEntry(root, folder, constants.O_NOFOLLOW | constants.O_DIRECTORY, (fd) => {
    openUp(fd)
    try {
      unlinkSync(`${pathOf(fd)}/${name}`)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') moveAside(fd, name)
    }
  })
}

/** Whether there is anything by that name, a dangling link included. */
export function existsInside(root: string, path: string): boolean {
  return withEntry(root, path, constants.O_NOFOLLOW, () => true) === true
}

function withEntry<T>(root: string, path: string, flags: number, use: (fd: number) => T): T | undefined {
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return undefined
  let fd = openFolder(root)
  try {
    for (const [i, part] of parts.entries()) {
      const how = i === parts.length - 1 ? flags : constants.O_NOFOLLOW | constants.O_DIRECTORY
      const next = openIn(fd, part, how)
      closeSync(fd)
      fd = next
    }
    return use(fd)
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  } finally {
    closeSync(fd)
  }
}

const chunkBytes = 1_048_576

/** Never holds more than the limit and one chunk: the file may grow while it is read. */
function readBounded(fd: number, maxBytes: number): string | undefined {
  const chunks: Buffer[] = []
  let total = 0
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, maxBytes + 1 - total))
    const count = readSync(fd, chunk)
    if (count === 0) return Buffer.concat(chunks).toString('utf8')
    total += count
    if (total > maxBytes) return undefined
    chunks.push(chunk.subarray(0, count))
  }
}
