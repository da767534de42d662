import { join } from 'node:path'
import { FatalError } from '../../lib/index.ts'
import {
  type Checkpoint,
  createTree,
  decodeBundle,
  leafHash,
  parseVerifierKey,
  partialTiles,
  restoreTree,
  type Signer,
  tilePath,
  tileWidth,
  verifyCheckpoint,
} from '../verify/index.ts'
import type { DurableEntry } from './appender.ts'
import { buildCommit, finishCommit, type Published, readStage, runCommit, stageName } from './commit.ts'
import { type LogFs, namesIn, readIfThere } from './fs.ts'
import { createKeyWindow, type KeyWindow } from './key-window.ts'
import { openWal, readWal, type Wal } from './wal.ts'
import type { WalRecord } from './wal-format.ts'

export interface Recovered {
  published: Published
  wal: Wal
  window: KeyWindow
  start: { nextIndex: number; lastTimeMs: number; durable: DurableEntry[] }
}

/**
 * Brings a folder to where a working log left it: a locked commit is completed, one that was never locked is
 * dropped, and what was acknowledged is read back from the write-ahead log. Throws a FatalError, with one line
 * that says what contradicts what, rather than sign over anything it cannot account for.
 */
export async function recover(fs: LogFs, folder: string, signer: Signer): Promise<Recovered> {
  const published = await recoverPublished(fs, folder, signer)
  const { size } = published.tree
  const state = join(folder, 'state')
  const window = createKeyWindow()
  const durable: DurableEntry[] = []
  const hashes = await readAllHashes(fs, folder, size)
  let lastTimeMs = 0
  const { segments, nextIndex } = await readWal(fs, state, (record) => {
    lastTimeMs = Math.max(lastTimeMs, record.timeMs)
    replay(record, size, hashes, window, durable)
  })
  if ((nextIndex ?? 0) < size) {
    throw contradiction(folder, `its write-ahead log ends at entry ${nextIndex ?? 0}, its checkpoint at ${size}`)
  }
  if (segments[0] !== undefined && segments[0].firstIndex > size) {
    throw contradiction(folder, `its write-ahead log begins at entry ${segments[0].firstIndex}, after ${size}`)
  }
  const next = nextIndex ?? size
  const wal = await openWal(fs, state, segments, next)
  return { published, wal, window, start: { nextIndex: next, lastTimeMs, durable } }
}

type Hashes = (index: number) => Buffer | undefined

function replay(record: WalRecord, size: number, hashes: Hashes, window: KeyWindow, durable: DurableEntry[]): void {
  for (const [i, { key, prefixed }] of record.entries.entries()) {
    const index = record.firstIndex + i
    const leaf = leafHash(prefixed.subarray(2))
    window.add(key, { index, leafHash: leaf.toString('base64'), timeMs: record.timeMs })
    if (index >= size) durable.push({ prefixed, leafHash: leaf })
    else if (hashes(index)?.equals(leaf) === false) {
      throw new FatalError('audit_corrupt', `entry ${index} was published with other bytes than were acknowledged`)
    }
  }
}
