import { constants } from 'node:fs'
import fs, { type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { systemCode } from '../../lib/index.ts'
import { readRegularFile } from '../verify/node.ts'

/** The calls to the file system that a process of the audit log makes. Tests hand in one whose disk is full or fails. */
export type FileSystem = Pick<
  typeof fs,
  'open' | 'mkdir' | 'rename' | 'unlink' | 'readdir' | 'rm' | 'truncate' | 'utimes'
> & {
  readFile(path: string): Promise<Buffer>
}

/** More than any file of a log, a witness or a forwarder has: the longest are segments of the write-ahead log. */
const maxFileBytes = 134_217_728

/** A pipe in the place of a file would be waited for without end, in one of Node's four threads for files. */
export const systemFs: FileSystem = {
  ...fs,
  readFile: (path) => readRegularFile(path, maxFileBytes),
  open: async (path, flags = 'r', mode) => {
    const bits = typeof flags === 'number' ? flags : openFlags[flags]
    if (bits === undefined) throw new RangeError(`files are not opened for ${flags}`)
    return await fs.open(path, bits | constants.O_NONBLOCK, mode)
  },
}

const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants
const openFlags: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  'r+': O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  a: O_WRONLY | O_CREAT | O_APPEND,
}

/** Writes all of `bytes` at the end of an open file; a short write is carried on, never taken for done. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let at = 0
  while (at < bytes.length) at += (await handle.write(bytes, at)).bytesWritten
}

/** Writes a new file and its bytes to the disk. Its name is durable only after `syncFolder`. */
export async function writeSynced(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  mode = 0o644,
): Promise<void> {
  const handle = await fs.open(path, 'w', mode)
  try {
    await writeAll(handle, bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Puts a file in place as a whole: after a crash there is the old one or the new one, never a part. Those of a folder go
 * one after the other: what is not in place yet has one name there, so that a crash leaves one such file, and the next
 * one takes its place.
 */
export function replaceFile(fs: FileSystem, path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  const folder = resolve(dirname(path))
  const replaced = (replacing.get(folder) ?? Promise.resolve()).then(async () => {
    const temporary = join(folder, '.new')
    await writeSynced(fs, temporary, bytes, mode)
    await fs.rename(temporary, path)
    await syncFolder(fs, folder)
  })
  const over = replaced
    .catch(() => undefined)
    .finally(() => {
      if (replacing.get(folder) === over) replacing.delete(folder)
    })
  replacing.set(folder, over)
  return replaced
}

/** By folder: resolves when those that were asked for there have been put in place, or could not be. */
const replacing = new Map<string, Promise<void>>()

/** Makes the names in a folder durable. */
export async function syncFolder(fs: FileSystem, path: string): Promise<void> {
  const handle = await fs.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Makes a folder, its own name and the names of those above it durable. Also when it is there already: a process that
 * was killed may have made it a moment ago, in the cache alone.
 */
export async function makeFolder(fs: FileSystem, path: string, mode: number): Promise<void> {
  await fs.mkdir(path, { recursive: true, mode })
  await syncFolder(fs, path)
  for (let at = resolve(path); at !== dirname(at); at = dirname(at)) {
    await syncFolder(fs, dirname(at)).catch((error: unknown) => {
      // Who may not open a folder has made nothing in it; and some file systems have no fsync of folders.
      if (!/^(?:EACCES|EPERM|EROFS|EINVAL)$/.test(systemCode(error) ?? '')) throw error
    })
  }
}

/** The bytes of a file, or `undefined` when there is none. */
export async function readIfThere(fs: FileSystem, path: string): Promise<Buffer | undefined> {
  try {
    return await fs.readFile(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The names in a folder, sorted; none when there is no such folder. */
export async function namesIn(fs: FileSystem, path: string): Promise<string[]> {
  try {
    return (await fs.readdir(path)).sort()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/**
 * Does the same to every item, eight at a time: more would keep Node's four file threads from the write-ahead
 * log, fewer would wait for the event loop more than for the disk.
 */
export async function eachOf<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const worker = async () => {
    for (const item of rest) await action(item)
  }
  await Promise.all(Array.from({ length: Math.min(8, items.length) }, worker))
}
