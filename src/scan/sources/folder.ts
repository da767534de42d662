import { lstatSync, readdirSync, type Dirent } from 'node:fs'
import { basename, join } from 'node:path'
import { MayflyError, messageOf, systemCode } from '../../lib/index.ts'
import type { Unseen } from '../unpack/index.ts'
import type { Batch, FilePart } from './model.ts'

export interface FolderOptions {
  readonly unseen: (unseen: Unseen) => void
  /** Whether a file, or a folder with all that is in it, is left out. Its path is below the folder that is scanned. */
  readonly isExcluded?: (path: string, isFolder: boolean) => boolean
}

/** What a worker takes at once: few enough that all have work until the end. */
const filesAtOnce = 64
const maxDepth = 512

/**
 * The files of a folder, or the one file; of `.git` only what may hold a credential. Links are not followed: what they lead to is looked
 * at where it is, or is outside. Pipes, devices and sockets are never opened. Throws `not_found` if there is no such path.
 */
export async function* folderSource(root: string, options: FolderOptions): AsyncGenerator<Batch> {
  if (!isFolder(root)) return yield { parts: [{ kind: 'file', name: basename(root), path: root }] }
  let parts: FilePart[] = []
  for (const name of filesIn(root, '', options, 0)) {
    parts.push({ kind: 'file', name, path: join(root, name), below: root })
    if (parts.length < filesAtOnce) continue
    yield { parts }
    parts = []
  }
  if (parts.length > 0) yield { parts }
}

/** A link that is named itself is meant. */
function isFolder(root: string): boolean {
  try {
    return lstatSync(root.endsWith('/') ? root : `${root}/`).isDirectory()
  } catch (cause) {
    if (systemCode(cause) === 'ENOTDIR') return false
    throw new MayflyError(
      'not_found',
      `${JSON.stringify(root.slice(0, 300))} cannot be scanned: ${messageOf(cause)}`,
      { cause },
    )
  }
}

function* filesIn(root: string, below: string, options: FolderOptions, depth: number): Generator<string> {
  const entries = entriesOf(root, below, options)
  if (entries.length > 0 && depth > maxDepth)
    return options.unseen({ name: below, code: 'limit', why: `folders are in it more than ${maxDepth} deep` })
  // Files of one folder follow one another: they are opened in it.
  const folders: string[] = []
  for (const entry of entries) {
    const path = `${below}${entry.name}`
    if (entry.name === '.git') yield* ofRepository(root, path, entry.isDirectory())
    else if (options.isExcluded?.(path, entry.isDirectory()) === true) continue
    else if (entry.isDirectory()) folders.push(`${path}/`)
    else if (entry.isFile()) yield path
  }
  for (const folder of folders) yield* filesIn(root, folder, options, depth + 1)
}

function entriesOf(root: string, below: string, { unseen }: FolderOptions): Dirent[] {
  try {
    return readdirSync(join(root, below), { withFileTypes: true })
  } catch (error) {
    const isGone = ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')
    unseen({ name: below, code: isGone ? 'vanished' : 'unreadable', why: messageOf(error) })
    return []
  }
}

/** A checkout action leaves its token in the configuration; an address that was fetched from may have a password. */
const maySayCredentials = ['config', 'config.worktree', 'FETCH_HEAD']

/** The history is looked at by itself: objects are packed, and each has all its versions. */
function* ofRepository(root: string, path: string, isFolderOfGit: boolean): Generator<string> {
  if (!isFolderOfGit) return
  for (const name of maySayCredentials) {
    const file = `${path}/${name}`
    if (lstatSync(join(root, file), { throwIfNoEntry: false })?.isFile() === true) yield file
  }
}
