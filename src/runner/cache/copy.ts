import { createHash } from 'node:crypto'
import { closeSync, constants, createReadStream, fstatSync, type Dirent } from 'node:fs'
import {
  copyFile as copy,
  mkdir,
  readFile,
  readdir,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../../lib/index.ts'
import { openFolder, openIn, pathOf } from '../workspace/index.ts'
import { staysInside } from './links.ts'

/** What one cache may be. More is no mistake of ours, and is left out as a whole. */
export const maxCacheBytes = 5 * 2 ** 30
export const maxCacheFiles = 500_000

export interface Kept {
  readonly files: number
  readonly bytes: number
  /** What of a whole folder could not be kept, and why. */
  readonly leftOut: readonly string[]
}

interface How {
  readonly keeps: (path: string) => boolean | Promise<boolean>
  /** A folder of any content: links that stay in it and empty folders are kept, too. */
  readonly isWhole?: boolean
  /** Makes another text of each file. */
  readonly change?: (text: string) => string
}

/**
 * Copies the plain files that `keeps` names, and nothing else: no pipes, no devices, no link that leads out. Nothing is reached by a
 * path: each folder is opened in the one above it, and what was opened is what is copied. Undefined, and nothing is left, if it is
 * more than a cache may be.
 */
export async function copyKept(from: string, to: string, how: How): Promise<Kept | undefined> {
  const kept = { files: 0, bytes: 0, leftOut: [] as string[] }
  await mkdir(to, { recursive: true, mode: 0o700 })
  const root = openFolder(from)
  try {
    if (await copyFolder({ ...how, to, kept }, root, '')) return kept
  } finally {
    closeSync(root)
  }
  await rm(to, { recursive: true, force: true })
  return undefined
}

interface Copying extends How {
  readonly to: string
  readonly kept: { files: number; bytes: number; leftOut: string[] }
}

const maxDepth = 64

/** False if it became too much. */
async function copyFolder(copying: Copying, folder: number, path: string): Promise<boolean> {
  const { isWhole = false, to } = copying
  if (isWhole) await mkdir(join(to, path), { recursive: true })
  const entries = await entriesOf(folder)
  if (entries === undefined) leaveOut(copying, path, 'closed')
  for (const entry of entries ?? [])
    if (!(await copyEntry(copying, folder, entry, path === '' ? entry.name : `${path}/${entry.name}`)))
      return false
  return true
}

async function copyEntry(copying: Copying, folder: number, entry: Dirent, path: string): Promise<boolean> {
  if (copying.kept.files >= maxCacheFiles) return false
  if (entry.isSymbolicLink()) return copyLink(copying, folder, entry.name, path)
  const isFolder = entry.isDirectory()
  if (!isFolder && !entry.isFile()) return leaveOut(copying, path, 'no plain file')
  if (isFolder && path.split('/').length >= maxDepth) return leaveOut(copying, path, 'too deep')
  let fd: number
  try {
    fd = openIn(folder, entry.name, isFolder ? constants.O_DIRECTORY : 0)
  } catch {
    // Such as a name that is no text.
    return leaveOut(copying, path, 'cannot be opened')
  }
  try {
    return isFolder ? await copyFolder(copying, fd, path) : await copyFile(copying, fd, path)
  } finally {
    closeSync(fd)
  }
}

async function copyLink(copying: Copying, folder: number, name: string, path: string): Promise<boolean> {
  if (copying.isWhole !== true) return true
  const target = await readlink(`${pathOf(folder)}/${name}`)
  if (!staysInside(path, target)) return leaveOut(copying, path, 'a link that leads out of it')
  await symlink(target, join(copying.to, path))
  copying.kept.files++
  return true
}

function leaveOut({ isWhole, kept }: Copying, path: string, why: string): true {
  if (isWhole === true) kept.leftOut.push(`${path} (${why})`)
  return true
}

async function copyFile(copying: Copying, fd: number, path: string): Promise<boolean> {
  const { keeps, change, kept } = copying
  const stat = fstatSync(fd)
  if (!stat.isFile() || !(await keeps(path))) return true
  kept.files++
  kept.bytes += stat.size
  if (kept.bytes > maxCacheBytes) return false
  const target = join(copying.to, path)
  await mkdir(dirname(target), { recursive: true })
  try {
    if (change !== undefined) {
      const text = change(await readFile(pathOf(fd), 'utf8'))
      if (text !== '') await writeFile(target, text)
      return true
    }
    // Where the file system can, both share the bytes until one of them writes.
    await copy(pathOf(fd), target, constants.COPYFILE_FICLONE)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EACCES') throw error
    return leaveOut(copying, path, 'closed')
  }
}

/** Undefined for a folder that it took the right to read from us. */
async function entriesOf(folder: number): Promise<Dirent[] | undefined> {
  try {
    return await readdir(pathOf(folder), { withFileTypes: true })
  } catch {
    return undefined
  }
}

/** Of a file, in hex. */
export async function digestOf(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
