import { join } from 'node:path'
import { FatalError, sha256Hex } from '../../lib/index.ts'
import { type FileSystem, makeFolder, namesIn, readIfThere, replaceFile } from '../disk/index.ts'
import {
  type Checkpoint,
  createTileHashes,
  emptyRoot,
  equalBytes,
  type LogSource,
  proveConsistency,
  textOf,
  type Verifier,
  verifyCheckpoint,
  verifyConsistency,
} from '../verify/index.ts'

/** Two checkpoints that the log's key signed and that cannot both be true, each a note with that one signature. */
export interface Fork {
  own: string
  theirs: string
}

/** Under the log's folder: one file for each fork, the log's own checkpoint, an empty line, the other one. */
const marksPath = join('state', 'forks')

/**
 * Keeps the proof that this folder is one of two histories, so that no later start goes on with it. Resolves when it is
 * on the disk; the same proof again is the same file.
 */
export async function markFork(fs: FileSystem, folder: string, { own, theirs }: Fork): Promise<void> {
  const marks = join(folder, marksPath)
  await makeFolder(fs, marks, 0o700)
  const name = `fork-${sha256Hex(theirs).slice(0, 32)}`
  await replaceFile(fs, join(marks, name), Buffer.from(`${own}\n${theirs}`), 0o600)
}

/**
 * Throws a FatalError `audit_corrupt` while the folder contradicts a checkpoint that was kept as the proof of a fork. A
 * folder that was brought to the history of that checkpoint is let through: the mark is then only a record.
 */
export async function refuseForked(
  fs: FileSystem,
  folder: string,
  log: Verifier,
  source: LogSource,
): Promise<void> {
  for (const name of await namesIn(fs, join(folder, marksPath))) {
    const path = join(folder, marksPath, name)
    if (name.startsWith('.')) continue
    const theirs = await openMark((await readIfThere(fs, path)) ?? Buffer.alloc(0), log)
    const own = await verifyCheckpoint(textOf((await source.read('checkpoint')) ?? Buffer.alloc(0)), log)
    if (theirs !== undefined && own.ok && !(await contradicts(source, theirs, own.checkpoint))) continue
    throw new FatalError('audit_corrupt', refusal(folder, path, theirs))
  }
}

function refusal(folder: string, path: string, theirs: Checkpoint | undefined): string {
  const what =
    theirs === undefined
      ? `${path} is the mark of a fork and cannot be read`
      : `its key has signed ${theirs.size} entries that are not the first of this folder (${path} has both checkpoints)`
  return `the audit log in ${folder} was rolled back or copied: ${what}; restore the folder that the witnesses know, or begin a new log in another folder; docs/audit.md, "After a fork"`
}

async function openMark(bytes: Uint8Array, log: Verifier): Promise<Checkpoint | undefined> {
  // Texts of checkpoints have no empty lines: the parts are text and signature of the one, and of the other.
  const parts = textOf(bytes).split('\n\n')
  const verdict = await verifyCheckpoint(parts.slice(2).join('\n\n'), log)
  return parts.length === 4 && verdict.ok ? verdict.checkpoint : undefined
}

/**
 * Is `theirs` no beginning of the log whose newest checkpoint is `own`? Throws an Error when the log's tiles are missing
 * or do not give its own root: then they are damaged, and show nothing about anybody's history.
 */
export async function contradicts(source: LogSource, theirs: Checkpoint, own: Checkpoint): Promise<boolean> {
  if (theirs.size > own.size) return true
  if (theirs.size === own.size) return !equalBytes(theirs.root, own.root)
  if (theirs.size === 0) return !equalBytes(theirs.root, emptyRoot())
  const hashes = createTileHashes(source, own.size)
  const root = await hashes.range(0, theirs.size)
  const proof = await proveConsistency(hashes, theirs.size, own.size)
  const claim = { oldSize: theirs.size, newSize: own.size, oldRoot: root, newRoot: own.root }
  if (!verifyConsistency(claim, proof)) throw new Error('the tiles of this folder do not give its own root')
  return !equalBytes(theirs.root, root)
}
