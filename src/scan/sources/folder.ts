import { lstatSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { MayflyError, messageOf, systemCode } from '../../lib/index.ts'
import type { Unseen } from '../unpack/index.ts'
import { entriesOf, isRepository, rawPath, systemPath, type Below, type Entry } from './folder-entries.ts'
import type { Batch, Part } from './model.ts'

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
 * at where it is, or is outside; they are looked at for the path that they say. Pipes, devices and sockets are never opened. Throws
 * `not_found` if there is no such path.
 */
export async function* folderSource(root: string, options: FolderOptions): AsyncGenerator<Batch> {
  if (!isFolder(root)) return yield { parts: [{ kind: 'file', name: basename(root), path: root }] }
  let batch = createBatch()
  for (const one of filesIn(root, { name: '' }, options, 0)) {
    batch.add(root, one)
    if (batch.parts.length < filesAtOnce) continue
    yield batch.done()
    batch = createBatch()
  }
  if (batch.parts.length > 0) yield batch.done()
}

interface Found extends Below {
  /** Of a link, where it leads. */
  readonly target?: Buffer
}

function createBatch() {
  const parts: Part[] = []
  const targets: Buffer[] = []
  let bytes = 0
  return {
    parts,
    add(root: string, { name, raw, target }: Found): void {
      if (target !== undefined) {
        parts.push({ kind: 'bytes', name, at: bytes, bytes: target.length })
        targets.push(target)
        bytes += target.length
      } else if (raw === undefined) parts.push({ kind: 'file', name, path: join(root, name), below: root })
      else parts.push({ kind: 'file', name, path: rawPath(root, raw), isRaw: true, below: root })
    },
    done(): Batch {
      if (bytes === 0) return { parts }
      const buffer = new SharedArrayBuffer(bytes)
      new Uint8Array(buffer).set(Buffer.concat(targets))
      return { parts, buffer }
    },
  }
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

function* filesIn(root: string, below: Below, options: FolderOptions, depth: number): Generator<Found> {
  const entries = readFolder(root, below, options)
  if (entries.length > 0 && depth > maxDepth)
    return options.unseen({
      name: below.name,
      code: 'limit',
      why: `folders are in it more than ${maxDepth} deep`,
    })
  const isBare = isRepository(entries)
  if (isBare)
    options.unseen({ name: below.name === '' ? '.' : below.name, code: 'unknown_form', why: bareWhy })
  // Files of one folder follow one another: they are opened in it.
  const folders: Entry[] = []
  for (const entry of entries) {
    const { name, base, kind } = entry
    if (base === '.git') yield* ofRepository(root, entry, options, depth)
    else if (options.isExcluded?.(name, kind === 'folder') === true) continue
    else if (kind === 'folder' && !(isBare && base === 'objects')) folders.push(entry)
    else if (kind === 'link') yield* ofLink(root, entry, options)
    else if (kind === 'file') yield entry
  }
  for (const { name, raw } of folders) {
    const folder = raw === undefined ? { name: `${name}/` } : { name: `${name}/`, raw: `${raw}/` }
    yield* filesIn(root, folder, options, depth + 1)
  }
}

const bareWhy =
  'it is a Git repository itself, whose objects are packed: what is in them is looked at by `mayfly scan --history` there'

function* ofLink(root: string, link: Entry, { unseen }: FolderOptions): Generator<Found> {
  try {
    yield { ...link, target: readlinkSync(systemPath(root, link), { encoding: 'buffer' }) }
  } catch (error) {
    unseen({ name: link.name, code: 'vanished', why: messageOf(error) })
  }
}

function readFolder(root: string, below: Below, { unseen }: FolderOptions): Entry[] {
  try {
    return entriesOf(root, below)
  } catch (error) {
    const isGone = ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')
    unseen({ name: below.name, code: isGone ? 'vanished' : 'unreadable', why: messageOf(error) })
    return []
  }
}

/** A checkout action leaves its token in the configuration; an address that was fetched from may have a password. */
const maySayCredentials = ['config', 'config.worktree', 'FETCH_HEAD']

/** Of what a repository keeps: other repositories, of its submodules, and what its other work trees have of their own. */
const mayHoldOthers = ['modules', 'worktrees']

/** What was done by whom: `git pull https://USER:TOKEN@...` stands there as it was typed. */
const reflogs = 'logs'

/** The history is looked at by itself: objects are packed, and each has all its versions. */
function* ofRepository(
  root: string,
  { name, raw, kind }: Entry,
  options: FolderOptions,
  depth: number,
): Generator<Found> {
  if (kind !== 'folder') return
  const below = { name: `${name}/`, ...(raw === undefined ? {} : { raw: `${raw}/` }) }
  if (depth > maxDepth)
    return options.unseen({ name, code: 'limit', why: `folders are in it more than ${maxDepth} deep` })
  const entries = readFolder(root, below, options)
  for (const entry of entries)
    if (entry.kind === 'file' && maySayCredentials.includes(entry.base)) yield entry
  // Submodules have names like `vendor/lib`: what is no repository may have some in it.
  const isOne = isRepository(entries) || entries.some(({ base }) => base === 'commondir')
  for (const entry of isOne ? entries : [])
    if (entry.base === reflogs && entry.kind === 'folder') {
      const logs = { name: `${entry.name}/`, ...(entry.raw === undefined ? {} : { raw: `${entry.raw}/` }) }
      yield* filesIn(root, logs, { unseen: options.unseen }, depth + 1)
    }
  for (const entry of entries)
    if (!isOne || mayHoldOthers.includes(entry.base)) yield* ofRepository(root, entry, options, depth + 1)
}
