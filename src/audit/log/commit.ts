import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { FatalError } from '../../lib/index.ts'
import {
  formatCheckpoint,
  parseTilePath,
  partialTiles,
  type Signer,
  signNote,
  type Tree,
  tilePath,
  tileWidth,
} from '../verify/index.ts'
import type { DurableEntry } from './appender.ts'
import { type LogFs, readIfThere, replaceFile, syncFolder, writeSynced } from './fs.ts'
import { decodeStage, encodeStage, type StagedFile } from './stage-format.ts'

/** What is published, as far as the next commit needs it. */
export interface Published {
  tree: Tree
  /** The bytes of the last bundle while it is partial, in pieces. */
  bundle: Buffer[]
  /** The signed lock checkpoint; undefined before the first. */
  note: string | undefined
}

export interface Commit {
  next: Published & { note: string }
  name: string
  files: StagedFile[]
}

/** Name of a staged commit: what it will be, so that a restart can tell whether the lock was taken for it. */
export function stageName(size: number, root: Buffer): string {
  return `${size}-${root.toString('hex')}`
}

/** Every file that `entries` after `base` complete or change, and the checkpoint over them. Writes nothing. */
export async function buildCommit(base: Published, entries: readonly DurableEntry[], signer: Signer): Promise<Commit> {
  const tree = base.tree.copy()
  const files: StagedFile[] = []
  let bundle = [...base.bundle]
  const addTile = (level: number | 'entries', index: number, width: number, bytes: Buffer) =>
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
export async function runCommit(fs: LogFs, folder: string, base: Published, commit: Commit): Promise<void> {
  const stages = join(folder, 'state', 'staged')
  await writeSynced(fs, join(stages, commit.name), encodeStage(commit.files), 0o600)
  await syncFolder(fs, stages)
  await swapLock(fs, folder, base.note, commit.next.note)
  await finishCommit(fs, folder, commit.name, commit.next.note, commit.files)
}

// Another writer, or an old copy put back under us, must not be built upon: compare, then swap.
async function swapLock(fs: LogFs, folder: string, expected: string | undefined, note: string): Promise<void> {
  const path = join(folder, 'state', 'lock-checkpoint')
  const found = (await readIfThere(fs, path))?.toString()
  if (found !== expected) throw new FatalError('audit_corrupt', `${path} was changed by somebody else`)
  await replaceFile(fs, path, Buffer.from(note), 0o600)
}

/** The files of a staged commit, as a restart finds them; `undefined` when there is none or it is not whole. */
export async function readStage(fs: LogFs, folder: string, name: string): Promise<StagedFile[] | undefined> {
  const bytes = await readIfThere(fs, join(folder, 'state', 'staged', name))
  return bytes === undefined ? undefined : decodeStage(bytes)
}

/** The steps after the lock. Each may have been done already: a restart takes this same way. */
export async function finishCommit(
  fs: LogFs,
  folder: string,
  name: string,
  note: string,
  files: readonly StagedFile[],
): Promise<void> {
  await applyFiles(fs, folder, files)
  await replaceFile(fs, join(folder, 'checkpoint'), Buffer.from(note))
  await keepCheckpoint(fs, folder, name, note)
  await dropPartials(fs, folder, files)
  await fs.rm(join(folder, 'state', 'staged', name), { force: true })
}

async function applyFiles(fs: LogFs, folder: string, files: readonly StagedFile[]): Promise<void> {
  const folders = new Set<string>()
  for (const { path } of files) {
    const parent = dirname(path)
    if (folders.has(parent)) continue
    const made = await fs.mkdir(join(folder, parent), { recursive: true })
    folders.add(parent)
    if (made !== undefined) for (let up = parent; up !== '.'; up = dirname(up)) folders.add(dirname(up))
  }
  const queue = files.entries()
  const worker = async () => {
    for (const [i, file] of queue) await applyFile(fs, folder, file, i)
  }
  await Promise.all(Array.from({ length: 4 }, worker))
  for (const path of folders) await syncFolder(fs, join(folder, path))
}

/** Puts a tile in place unless it is there; one that is there with other bytes contradicts what is being signed. */
async function applyFile(fs: LogFs, folder: string, file: StagedFile, number: number): Promise<void> {
  const path = join(folder, file.path)
  const found = await readIfThere(fs, path)
  if (found?.equals(file.bytes) === true) return
  if (found !== undefined) throw new FatalError('audit_corrupt', `${path} holds other bytes than its entries give`)
  const temporary = join(folder, 'state', `apply-${number}.tmp`)
  await writeSynced(fs, temporary, file.bytes)
  await fs.rename(temporary, path)
}

async function keepCheckpoint(fs: LogFs, folder: string, name: string, note: string): Promise<void> {
  const path = join(folder, 'checkpoints', name.slice(0, name.indexOf('-')))
  const found = (await readIfThere(fs, path))?.toString()
  if (found === note) return
  if (found !== undefined) throw new FatalError('audit_corrupt', `${path} is another checkpoint of the same size`)
  await replaceFile(fs, path, Buffer.from(note))
}

// Partials of a tile that is full now: 256 of them would take 128 times its room (tlog-tiles, "Partial Tiles").
async function dropPartials(fs: LogFs, folder: string, files: readonly StagedFile[]): Promise<void> {
  for (const { path } of files) {
    if (parseTilePath(path)?.width !== tileWidth) continue
    await fs.rm(join(folder, `${path}.p`), { recursive: true, force: true })
  }
}
