import { lstatSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gitRecords, type GitPlace } from './git.ts'
import type { Batch, FilePart } from './model.ts'

const filesAtOnce = 64
const newline = 0x0a

/** What pointers of Git LFS stand for, where this clone has it: it is looked at as the blob that its pointer is. */
export function createLfsFiles(place: GitPlace) {
  let folder: Promise<string> | undefined
  const parts: FilePart[] = []
  return {
    /** Whether the content with this SHA-256 is there. Throws `bad_input` with what Git said. */
    async find(id: string, named: Pick<FilePart, 'name' | 'blob' | 'paths'>): Promise<boolean> {
      folder ??= folderOf(place)
      const below = await folder
      const path = join(below, id.slice(0, 2), id.slice(2, 4), id)
      if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false
      parts.push({ kind: 'file', ...named, path, below })
      return true
    },
    *batches(): Generator<Batch> {
      for (let at = 0; at < parts.length; at += filesAtOnce)
        yield { parts: parts.slice(at, at + filesAtOnce) }
    },
  }
}

async function folderOf(place: GitPlace): Promise<string> {
  let common = '.git'
  for await (const path of gitRecords(place, ['rev-parse', '--git-common-dir'], newline)) common = path
  return resolve(place.folder, common, 'lfs', 'objects')
}
