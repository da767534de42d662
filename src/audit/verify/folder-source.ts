import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readRegularFile, reasonOf, unreadable } from './regular-file.ts'
import { type LogSource, maxBytesOf } from './source.ts'

/** A log in a folder of this machine. What is there and is no file, or larger than such a file can be, is an Error that names it. */
export function folderSource(folder: string): LogSource {
  return {
    name: folder,
    read: (path) =>
      unlessMissing(readRegularFile(join(folder, path), maxBytesOf(path)), ['ENOENT', 'ENOTDIR']),
    list: async (path) => {
      const names = readdir(join(folder, path)).catch((error: unknown) => {
        throw isOneOf(error, ['ENOENT']) ? error : unreadable(join(folder, path), reasonOf(error), error)
      })
      return (await unlessMissing(names, ['ENOENT'])) ?? []
    },
  }
}

async function unlessMissing<T>(reading: Promise<T>, codes: readonly string[]): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isOneOf(error, codes)) return undefined
    throw error
  }
}

function isOneOf(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
