import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogSource } from './source.ts'

/** A log in a folder of this machine. */
export function folderSource(folder: string): LogSource {
  return {
    name: folder,
    read: (path) => unlessMissing(readFile(join(folder, path))),
    list: async (path) => (await unlessMissing(readdir(join(folder, path)))) ?? [],
  }
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
