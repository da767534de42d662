import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { FatalError, sha256Hex } from '../../lib/index.ts'
import { type Signer, signNote } from '../sign/index.ts'
import {
  formatCheckpoint,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  partialTiles,
  type Tree,
  tilePath,
  tileWidth,
} from '../verify/index.ts'
import type { DurableEntry } from './appender.ts'
import { eachOf, type FileSystem, readIfThere, replaceFile, syncFolder, writeSynced } from '../disk/index.ts'

/** A file of a commit: its path under the log's folder, and what it will hold. */
export interface CommitFile {
  path: string
  bytes: Uint8Array
}

/** What is published, as far as the next commit needs it. */
export interface Published {
  tree: Tree
  /** The bytes of the last bundle while it is partial, in pieces. */
  bundle: Uint8Array[]
  /** The signed lock checkpoint; undefined before the first. */
  note: string | undefined
}

export interface Commit {
  next: Published & { note: string }
  name: string
  files: CommitFile[]
}

/** The lines that others, and the log itself with the time, add to a signed checkpoint before it is published. */
export type Cosign = (note: string) => Promise<string>

/** Name of a staged commit: what it will be, so that a restart can tell whether the lock was taken for it. */
export function stageName(size: number, root: Uint8Array): string {
  return `${size}-${root.toHex()}`
}

/** Every file that `entries` after `base` complete or change, and the checkpoint over them. Writes nothing. */
export async function buildCommit(
  base: Published,
  entries: readonly DurableEntry[],
  signer: Signer,
): Promise<Commit> {
  const tree = base.tree.copy()
  const files: CommitFile[] = []
  let bundle = [...base.bundle]
  const addTile = (level: number | 'entries', index: number, width: number, bytes: Uint8Array) =>
    files.push({ path: tilePath({ level, index, width }), bytes })
  for (const [i, { prefixed, leafHash }] of entries.entries()) {
    // Appends go on meanwhile; a hash is near 2 us.
    if (i % 1024 === 1023) await setImmediate()
    bundle.push(prefixed)
    for (const { level, index, bytes } of tree.push(leafHash)) {
      if (level === 0) {
        addTile('entries', index, tileWidth, Buffer.concat(bundle))
        bundle = []
      }
      addTile(level, index, tileWidth, bytes)
    }
  }
  for (const { level, index, width } of partialTiles(tree.size)) {
    if (level === 0) addTile('entries', index, width, Buffer.concat(bundle))
    addTile(level, index, width, tree.partial(level))
  }
  const root = tree.root()
  const note = signNote(formatCheckpoint({ origin: signer.name, size: tree.size, root }), signer)
  return { next: { tree, bundle, note }, name: stageName(tree.size, root), files }
}

/**
 * Stage, lock, apply, publish, drop. A crash after any step leaves what `finishCommit` can complete or what was
 * never locked. Any failure is fatal: the disk is in between, and only a restart may read it back.
 */
export async function runCommit(
  fs: FileSystem,
  folder: string,
  base: Published,
  commit: Commit,
  cosign: Cosign,
): Promise<void> {
  const { name, files, next } = commit
  await stageFiles(fs, stageFolder(folder, name), files)
  await swapLock(fs, folder, base.note, next.note)
  await finishCommit(
    fs,
    folder,
    name,
    next.note,
    files.map((file) => file.path),
    cosign,
  )
}

/** Every file of the commit, flat, and a manifest of their paths; all on the disk before the lock names them. */
async function stageFiles(fs: FileSystem, stage: string, files: readonly CommitFile[]): Promise<void> {
  await fs.mkdir(stage, { mode: 0o700 })
  await eachOf(files, ({ path, bytes }) => writeSynced(fs, join(stage, flatName(path)), bytes))
  await writeSynced(fs, join(stage, manifestName), Buffer.from(files.map(({ path }) => `${path}\n`).join('')))
  await syncFolder(fs, stage)
  await syncFolder(fs, dirname(stage))
}

function stageFolder(folder: string, name: string): string {
  return join(folder, 'state', 'staged', name)
}

const manifestName = 'manifest'

function flatName(path: string): string {
  return path.replaceAll('/', '+')
}

// Another writer, or an old copy put back under us, must not be built upon: compare, then swap.
async function swapLock(
  fs: FileSystem,
  folder: string,
  expected: string | undefined,
  note: string,
): Promise<void> {
  const path = join(folder, 'state', 'lock-checkpoint')
  const found = (await readIfThere(fs, path))?.toString()
  if (found !== expected) throw new FatalError('audit_corrupt', `${path} was changed by somebody else`)
  await replaceFile(fs, path, Buffer.from(note), 0o600)
}

/** The paths of a staged commit, as a restart finds them; `undefined` when there is none. */
export async function readStage(fs: FileSystem, folder: string, name: string): Promise<string[] | undefined> {
  const manifest = await readIfThere(fs, join(stageFolder(folder, name), manifestName))
  return manifest?.toString().split('\n').slice(0, -1)
}

/** The steps after the lock. Each may have been done already: a restart takes this same way. */
export async function finishCommit(
  fs: FileSystem,
  folder: string,
  name: string,
  note: string,
  paths: readonly string[],
  cosign: Cosign,
): Promise<void> {
  await applyFiles(fs, folder, stageFolder(folder, name), paths)
  await publishNote(fs, folder, note, cosign)
  await dropPartials(fs, folder, paths)
  await fs.rm(stageFolder(folder, name), { recursive: true, force: true })
}

async function applyFiles(
  fs: FileSystem,
  folder: string,
  stage: string,
  paths: readonly string[],
): Promise<void> {
  const parents = [...new Set(paths.map(dirname))]
  for (const parent of parents) await fs.mkdir(join(folder, parent), { recursive: true })
  // The folders' names come first: a tile that was moved into a folder would go with it in a power cut. Also of
  // folders that are there already: a process that was killed may have made them a moment ago.
  const above = new Set(parents.flatMap(foldersAbove))
  await eachOf([...above], (path) => syncFolder(fs, join(folder, path)))
  await eachOf(paths, (path) => applyFile(fs, join(stage, flatName(path)), join(folder, path)))
  await eachOf(parents, (path) => syncFolder(fs, join(folder, path)))
}

function foldersAbove(path: string): string[] {
  const above = dirname(path)
  return above === '.' ? [above] : [above, ...foldersAbove(above)]
}

/** Moves a tile into place, once. One that is there with other bytes contradicts what was signed. */
async function applyFile(fs: FileSystem, staged: string, path: string): Promise<void> {
  const found = await readIfThere(fs, path)
  if (found === undefined) return await fs.rename(staged, path)
  const bytes = await readIfThere(fs, staged)
  if (bytes === undefined || bytes.equals(found)) return
  throw new FatalError('audit_corrupt', `${path} holds other bytes than its entries give`)
}

/**
 * Publishes a checkpoint, and keeps it. One of the same text that is there already was published before a crash: it is
 * kept as it was seen, unless it is to be signed `again`.
 */
export async function publishNote(
  fs: FileSystem,
  folder: string,
  note: string,
  cosign: Cosign,
  again = false,
): Promise<void> {
  const path = join(folder, 'checkpoint')
  const found = (await readIfThere(fs, path))?.toString()
  if (found !== undefined && textOf(found) === textOf(note)) {
    await keepCheckpoint(fs, folder, found)
    if (!again) return
  }
  const signed = `${note}${await cosign(note)}`
  await replaceFile(fs, path, Buffer.from(signed))
  await keepCheckpoint(fs, folder, signed)
}

/** `checkpoints/<size>`, or, for one that was signed again later, `checkpoints/<size>-<16 digits of its SHA-256>`. */
async function keepCheckpoint(fs: FileSystem, folder: string, note: string): Promise<void> {
  const size = parseCheckpoint(textOf(note))?.size
  const path = join(folder, 'checkpoints', String(size))
  const found = (await readIfThere(fs, path))?.toString()
  if (found === note) return
  if (found === undefined) return await replaceFile(fs, path, Buffer.from(note))
  if (textOf(found) !== textOf(note))
    throw new FatalError('audit_corrupt', `${path} is another checkpoint of the same size`)
  await replaceFile(fs, `${path}-${sha256Hex(note).slice(0, 16)}`, Buffer.from(note))
}

function textOf(note: string): string {
  return parseNote(note)?.text ?? note
}

// Partials of a tile that is full now: 256 of them would take 128 times its room (tlog-tiles, "Partial Tiles").
// Only the first full tile of a level can have had any: the others were begun by this commit.
async function dropPartials(fs: FileSystem, folder: string, paths: readonly string[]): Promise<void> {
  const levels = new Set<unknown>()
  for (const path of paths) {
    const tile = parseTilePath(path)
    if (tile?.width !== tileWidth || levels.has(tile.level)) continue
    levels.add(tile.level)
    await fs.rm(join(folder, `${path}.p`), { recursive: true, force: true })
  }
}
