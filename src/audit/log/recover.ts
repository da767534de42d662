import { dirname, join } from 'node:path'
import { FatalError } from '../../lib/index.ts'
import type { Signer } from '../sign/index.ts'
import {
  type Checkpoint,
  createTree,
  decodeBundle,
  equalBytes,
  leafHash,
  parseVerifierKey,
  partialTiles,
  restoreTree,
  tilePath,
  tileWidth,
  verifyCheckpoint,
} from '../verify/index.ts'
import type { DurableEntry } from './appender.ts'
import {
  buildCommit,
  type Cosign,
  finishCommit,
  type Published,
  readStage,
  runCommit,
  stageName,
} from './commit.ts'
import { type FileSystem, namesIn, readIfThere, syncFolder } from '../disk/index.ts'
import { createKeyWindow, type KeyWindow } from './key-window.ts'
import { openWal, readWal, type Wal } from './wal.ts'

export interface Recovered {
  published: Published
  wal: Wal
  window: KeyWindow
  start: { nextIndex: number; lastTimeMs: number; durable: DurableEntry[] }
}

/**
 * Brings a folder to where a working log left it: a locked commit is completed, one that was never locked is
 * dropped, and what was acknowledged is read back from the write-ahead log. Throws a FatalError, with one line
 * that says what contradicts what, rather than sign over anything it cannot account for. What it publishes it signs with
 * `sign`, without witnesses: they are asked once the log is up.
 */
export async function recover(
  fs: FileSystem,
  folder: string,
  signer: Signer,
  sign: Cosign,
): Promise<Recovered> {
  const published = await recoverPublished(fs, folder, signer, sign)
  const { size } = published.tree
  const state = join(folder, 'state')
  const window = createKeyWindow()
  const durable: DurableEntry[] = []
  const publishedHash = createHashReader(fs, folder, size)
  let lastTimeMs = 0
  const { segments, nextIndex } = await readWal(fs, state, async (record) => {
    lastTimeMs = Math.max(lastTimeMs, record.timeMs)
    for (const [i, { key, prefixed }] of record.entries.entries()) {
      const index = record.firstIndex + i
      const leaf = leafHash(prefixed.subarray(2))
      window.add(key, { index, leafHash: leaf.toBase64(), timeMs: record.timeMs })
      if (index >= size) durable.push({ prefixed, leafHash: leaf })
      else if (!equalBytes(leaf, await publishedHash(index))) {
        throw contradiction(folder, `entry ${index} was published with other bytes than were acknowledged`)
      }
    }
  })
  // Only the very first start has no write-ahead log; without it nobody knows what was acknowledged.
  if (nextIndex === undefined && size > 0) throw contradiction(folder, 'its write-ahead log is missing')
  if ((nextIndex ?? 0) < size) {
    throw contradiction(folder, `its write-ahead log ends at entry ${nextIndex}, its checkpoint at ${size}`)
  }
  if (segments[0] !== undefined && segments[0].firstIndex > size) {
    throw contradiction(
      folder,
      `its write-ahead log begins at entry ${segments[0].firstIndex}, after ${size}`,
    )
  }
  const next = nextIndex ?? size
  const wal = await openWal(fs, state, segments, next)
  return { published, wal, window, start: { nextIndex: next, lastTimeMs, durable } }
}

async function recoverPublished(
  fs: FileSystem,
  folder: string,
  signer: Signer,
  sign: Cosign,
): Promise<Published> {
  const locked = await readCheckpoint(fs, folder, 'state/lock-checkpoint', signer)
  if (locked === undefined) return await firstCommit(fs, folder, signer, sign)
  const { checkpoint, note } = locked
  await finishStaged(fs, folder, checkpoint, note, sign)
  await refuseAhead(fs, folder, checkpoint, signer)
  return { ...(await readEdge(fs, folder, checkpoint)), note }
}

/** The empty tree is committed like any other, so that there is a checkpoint from the start. */
async function firstCommit(fs: FileSystem, folder: string, signer: Signer, sign: Cosign): Promise<Published> {
  for (const name of ['checkpoint', 'checkpoints', 'tile']) {
    const names =
      name === 'checkpoint'
        ? await readIfThere(fs, join(folder, name))
        : await namesIn(fs, join(folder, name))
    if (names !== undefined && names.length > 0)
      throw contradiction(folder, `it holds ${name}, but no lock checkpoint`)
  }
  if ((await namesIn(fs, join(folder, 'state'))).some((name) => name.startsWith('wal-'))) {
    throw contradiction(folder, 'it holds a write-ahead log, but no lock checkpoint')
  }
  // Both have to be there before a lock checkpoint is, whatever a power cut takes.
  for (const parts of [['checkpoints'], ['state', 'staged']]) {
    const path = join(folder, ...parts)
    await fs.mkdir(path, { recursive: true })
    await syncFolder(fs, dirname(path))
  }
  await dropStages(fs, folder)
  const base: Published = { tree: createTree(), bundle: [], note: undefined }
  const commit = await buildCommit(base, [], signer)
  await runCommit(fs, folder, base, commit, sign)
  return commit.next
}

/** Completes the commit that the lock was taken for, and drops any other: it was never locked, or is done. */
async function finishStaged(
  fs: FileSystem,
  folder: string,
  locked: Checkpoint,
  note: string,
  sign: Cosign,
): Promise<void> {
  const name = stageName(locked.size, locked.root)
  const paths = await readStage(fs, folder, name)
  if (paths !== undefined) await finishCommit(fs, folder, name, note, paths, sign)
  await dropStages(fs, folder)
}

async function dropStages(fs: FileSystem, folder: string): Promise<void> {
  const stages = join(folder, 'state', 'staged')
  for (const name of await namesIn(fs, stages))
    await fs.rm(join(stages, name), { recursive: true, force: true })
}

/** What is published has to be exactly what was locked. */
async function refuseAhead(
  fs: FileSystem,
  folder: string,
  locked: Checkpoint,
  signer: Signer,
): Promise<void> {
  const found = await readCheckpoint(fs, folder, 'checkpoint', signer)
  const size = found?.checkpoint.size ?? 0
  if (size > locked.size) {
    throw contradiction(folder, `its storage is ahead: ${size} entries are published, ${locked.size} locked`)
  }
  if (found === undefined || !equalBytes(found.checkpoint.root, locked.root)) {
    throw contradiction(folder, `size ${size} is published, but size ${locked.size} is locked and not staged`)
  }
  const kept = (await namesIn(fs, join(folder, 'checkpoints'))).map((one) => Number(one.split('-')[0]))
  const ahead = kept.find((one) => one > locked.size)
  if (ahead !== undefined) {
    throw contradiction(
      folder,
      `its storage is ahead: checkpoints/${ahead} is kept, ${locked.size} entries are locked`,
    )
  }
}

/** The right edge of the tree and the last bundle; both have to give the root that was locked. */
async function readEdge(
  fs: FileSystem,
  folder: string,
  locked: Checkpoint,
): Promise<Pick<Published, 'tree' | 'bundle'>> {
  const { size, root } = locked
  const partials: Buffer[] = []
  for (const tile of partialTiles(size)) {
    partials[tile.level] = await readTileOrRefuse(fs, folder, tilePath(tile))
  }
  const tree = restoreTree(size, partials)
  if (tree === undefined || !equalBytes(tree.root(), root)) {
    throw contradiction(folder, `its last tiles do not give the root of its checkpoint of size ${size}`)
  }
  if (size === 0) return { tree, bundle: [] }
  const index = Math.floor((size - 1) / tileWidth)
  const width = size - index * tileWidth
  const bundle = await readTileOrRefuse(fs, folder, tilePath({ level: 'entries', index, width }))
  const hashes = await readTileOrRefuse(fs, folder, tilePath({ level: 0, index, width }))
  const { entries } = decodeBundle(bundle, width)
  if (!Buffer.concat(entries.map(leafHash)).equals(hashes)) {
    throw contradiction(folder, 'its last entries are not those that its tiles were made of')
  }
  return { tree, bundle: width < tileWidth ? [bundle] : [] }
}

/** The published leaf hash of an entry; it keeps the last tile, as entries are asked for in order. */
function createHashReader(fs: FileSystem, folder: string, size: number): (index: number) => Promise<Buffer> {
  let tileIndex: number | undefined
  let tile = Buffer.alloc(0)
  return async (entry) => {
    const index = Math.floor(entry / tileWidth)
    if (index !== tileIndex) {
      const width = Math.min(tileWidth, size - index * tileWidth)
      tile = Buffer.from(await readTileOrRefuse(fs, folder, tilePath({ level: 0, index, width })))
      tileIndex = index
    }
    return tile.subarray((entry % tileWidth) * 32, (entry % tileWidth) * 32 + 32)
  }
}

async function readTileOrRefuse(fs: FileSystem, folder: string, path: string): Promise<Buffer> {
  const bytes = await readIfThere(fs, join(folder, path))
  if (bytes === undefined) throw contradiction(folder, `${path} is missing`)
  return bytes
}

async function readCheckpoint(
  fs: FileSystem,
  folder: string,
  path: string,
  signer: Signer,
): Promise<{ checkpoint: Checkpoint; note: string } | undefined> {
  const note = (await readIfThere(fs, join(folder, path)))?.toString()
  const verifier = parseVerifierKey(signer.verifierKey)
  if (note === undefined || verifier === undefined) return undefined
  const verdict = await verifyCheckpoint(note, verifier)
  if (!verdict.ok)
    throw contradiction(folder, `${path} is not a checkpoint signed by this log (${verdict.reason})`)
  return { checkpoint: verdict.checkpoint, note }
}

function contradiction(folder: string, what: string): FatalError {
  return new FatalError(
    'audit_corrupt',
    `the audit log in ${folder} was changed: ${what}. Nothing was written`,
  )
}
