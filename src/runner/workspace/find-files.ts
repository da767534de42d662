import { closeSync, constants, readdirSync } from 'node:fs'
import { isAbsent, openFolder, openIn, pathOf } from './descend.ts'

/** Folders whose files are of others: packages that were installed, repositories, what tools keep. */
const passedOver = new Set(['node_modules', 'vendor', '.git', '.yarn', '.venv', '.cache'])

export interface FilesFound {
  /** Plain files, relative to the root, those of the upper folders first. */
  readonly files: readonly string[]
  /** What has such a name and is a link, a device or a folder. */
  readonly others: readonly string[]
  /** There was more than was looked at. */
  readonly cut: boolean
}

/** Finds files by their names and their folder's in a tree that a step may be changing: no link is followed, so nothing outside of it is met. */
export function findFiles(
  root: string,
  isNamed: (name: string, folder: string) => boolean,
  bounds: { readonly depth: number; readonly files: number; readonly entries: number },
): FilesFound {
  const [files, others]: [string[], string[]] = [[], []]
  const folders: { path: string; depth: number }[] = [{ path: '', depth: 0 }]
  let entries = 0
  for (const { path, depth } of folders) {
    const folder = path.slice(path.lastIndexOf('/') + 1)
    for (const entry of entriesIn(root, path)) {
      const at = path === '' ? entry.name : `${path}/${entry.name}`
      if (++entries > bounds.entries) return { files, others, cut: true }
      if (!entry.isDirectory() && isNamed(entry.name, folder)) {
        if (!entry.isFile()) others.push(at)
        else if (files.push(at) > bounds.files) return { files: files.slice(0, -1), others, cut: true }
      } else if (entry.isDirectory() && depth < bounds.depth && !passedOver.has(entry.name))
        folders.push({ path: at, depth: depth + 1 })
    }
  }
  return { files, others, cut: false }
}

/** In the order of their names, so that what is cut does not depend on the disk. */
function entriesIn(root: string, path: string) {
  let fd: number | undefined
  try {
    fd = openFolder(root)
    for (const name of path === '' ? [] : path.split('/')) {
      const next = openIn(fd, name, constants.O_DIRECTORY)
      closeSync(fd)
      fd = next
    }
    const found = readdirSync(pathOf(fd), { withFileTypes: true })
    return found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
