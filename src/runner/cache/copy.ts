import { createHash } from 'node:crypto'
import { constants, createReadStream, type Dirent } from 'node:fs'
import { copyFile, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What one cache may be. More is no mistake of ours, and is left out as a whole. */
export const maxCacheBytes = 5 * 2 ** 30
export const maxCacheFiles = 500_000

export interface Kept {
  readonly files: number
  readonly bytes: number
}

/**
 * Copies the plain files that `keeps` names, and nothing else: no links, no pipes, no devices. Who wrote
 * `from` is gone, or is us. `change` makes another text of each. Undefined, and nothing is left, if it is more than a cache may be.
 */
export async function copyKept(
  from: string,
  to: string,
  keeps: (path: string) => boolean | Promise<boolean>,
  change?: (text: string) => string,
): Promise<Kept | undefined> {
  let [files, bytes] = [0, 0]
  await mkdir(to, { recursive: true, mode: 0o700 })
  for await (const path of filesBelow(from)) {
    if (!(await keeps(path))) continue
    files++
    bytes += (await stat(join(from, path))).size
    if (files > maxCacheFiles || bytes > maxCacheBytes) {
      await rm(to, { recursive: true, force: true })
      return undefined
    }
    await mkdir(dirname(join(to, path)), { recursive: true })
    if (change !== undefined) {
      const text = change(await readFile(join(from, path), 'utf8'))
      if (text !== '') await writeFile(join(to, path), text)
      continue
    }
    // Where the file system can, both share the bytes until one of them writes.
    await copyFile(join(from, path), join(to, path), constants.COPYFILE_FICLONE)
  }
  return { files, bytes }
}

const maxDepth = 64

async function* filesBelow(root: string): AsyncGenerator<string> {
  const folders = ['']
  for (const folder of folders) {
    const entries = await entriesOf(join(root, folder))
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory() && path.split('/').length < maxDepth) folders.push(path)
      else if (entry.isFile()) yield path
    }
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch {
    // A folder that it took the right to read from us, or that is gone.
    return []
  }
}

/** Of a file, in hex. */
export async function digestOf(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
