import { chmodSync, closeSync, constants, fstatSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { systemCode } from '../../lib/index.ts'

/*
 * The workspace is the step's to change while we look. So nothing in it is reached by a path that was checked before:
 * each folder on the way is opened in the one above it, as openat(2) does, no link is followed, and what was opened is
 * what is read, written or removed.
 */

/** O_PATH, open(2): a descriptor of the file itself; opens no device and waits for no pipe. */
export const pathOnly = 0o10_000_000

/** A path that leads to what this descriptor is open on, also for calls that Node has no descriptor form of. */
export const pathOf = (fd: number): string => `/proc/self/fd/${fd}`

export function openFolder(path: string): number {
  return openSync(path, pathOnly | constants.O_DIRECTORY)
}

/** One name in an open folder, link or not followed. Throws as open(2) does. */
export function openIn(folder: number, name: string, flags: number): number {
  return openSync(`${pathOf(folder)}/${name}`, pathOnly | constants.O_NOFOLLOW | flags)
}

/** The same for a folder, which is made if it is not there. */
export function enterFolder(folder: number, name: string): number {
  try {
    mkdirSync(`${pathOf(folder)}/${name}`, { mode: 0o755 })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
  return openIn(folder, name, constants.O_DIRECTORY)
}

/** A step can take the right to change a folder from us, who own it. */
export function openUp(folder: number): void {
  const { mode } = fstatSync(folder)
  if ((mode & 0o700) !== 0o700) chmodSync(pathOf(folder), (mode & 0o777) | 0o700)
}

/** Gives what stands there another name: to empty a folder of a step's would mean to follow what it may still be changing. */
export function moveAside(folder: number, name: string): void {
  renameSync(
    `${pathOf(folder)}/${name}`,
    `${pathOf(folder)}/of-a-step-${process.pid}-${process.hrtime.bigint()}`,
  )
}

/** Calls `use` with the folder at the end of these names, from `root` on; the folders are made with `make`. */
export async function inFolder<T>(
  root: string,
  names: readonly string[],
  how: 'make' | 'find',
  use: (fd: number) => Promise<T> | T,
): Promise<T> {
  let fd = openFolder(root)
  try {
    for (const name of names) {
      const next = how === 'make' ? enterFolder(fd, name) : openIn(fd, name, constants.O_DIRECTORY)
      closeSync(fd)
      fd = next
    }
    return await use(fd)
  } finally {
    closeSync(fd)
  }
}

/** What open(2) says of what is not there, or is something else than was expected. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENAMETOOLONG'].includes(systemCode(error) ?? '')
}
