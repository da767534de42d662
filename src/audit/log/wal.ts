import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { FatalError } from '../../lib/index.ts'
import { type FileSystem, namesIn, syncFolder, writeAll } from '../disk/index.ts'
import {
  decodeRecord,
  encodeRecord,
  encodeSegmentHead,
  isRecordHead,
  parseSegmentHead,
  segmentHeadBytes,
  type WalEntry,
  type WalRecord,
} from './wal-format.ts'

/** The write-ahead log: what was acknowledged stands here before it stands anywhere else. One caller at a time. */
export interface Wal {
  /** Resolves when the record is on the disk. After a failure the log must not be written to again. */
  append(firstIndex: number, timeMs: number, entries: readonly WalEntry[]): Promise<Buffer[]>
  /** Segments whose entries all come before `publishedSize` and that are too old for the window of keys. */
  dropBefore(publishedSize: number): Promise<void>
  /** The first index that is still kept. */
  firstIndex(): number
  close(): Promise<void>
}

interface Segment {
  path: string
  firstIndex: number
  bytes: number
}

/** A new segment begins past this many bytes, so that old ones can be dropped whole. */
const segmentBytes = 8_388_608
/** Published entries whose keys stay known: about as many, and at most as many segments. */
const windowEntries = 65_536
const windowBytes = 67_108_864
const windowSegments = 64

/** Opens the log for writing at `nextIndex`, in a new segment after those that `readWal` found. */
export async function openWal(
  fs: FileSystem,
  folder: string,
  old: Segment[],
  nextIndex: number,
): Promise<Wal> {
  const segments = old.filter((segment) => segment.firstIndex < nextIndex)
  let { handle, salt, segment } = await createSegment(fs, folder, nextIndex)
  segments.push(segment)
  return {
    async append(firstIndex, timeMs, entries) {
      if (segment.bytes > segmentBytes) {
        await handle.close()
        ;({ handle, salt, segment } = await createSegment(fs, folder, firstIndex))
        segments.push(segment)
      }
      const { record, prefixed } = encodeRecord(salt, firstIndex, timeMs, entries)
      await writeAll(handle, record)
      await handle.datasync()
      segment.bytes += record.length
      return prefixed
    },
    async dropBefore(publishedSize) {
      while (isDroppable(segments, publishedSize)) {
        const dropped = segments.shift()
        if (dropped === undefined) return
        await fs.rm(dropped.path, { force: true })
        // Else a power cut could bring an older one back without the next: a gap, which is refused.
        await syncFolder(fs, folder)
      }
    },
    firstIndex: () => segments[0]?.firstIndex ?? 0,
    close: async () => await handle.close(),
  }
}

function isDroppable(segments: readonly Segment[], publishedSize: number): boolean {
  const end = segments[1]?.firstIndex
  if (end === undefined || end > publishedSize) return false
  const bytes = segments.slice(1).reduce((sum, segment) => sum + segment.bytes, 0)
  return publishedSize - end >= windowEntries || bytes >= windowBytes || segments.length > windowSegments
}

async function createSegment(
  fs: FileSystem,
  folder: string,
  firstIndex: number,
): Promise<{ handle: FileHandle; salt: Buffer; segment: Segment }> {
  const path = join(folder, `wal-${String(firstIndex).padStart(16, '0')}`)
  const salt = randomBytes(16)
  // A segment by this name holds no record: `readWal` has seen it end where it begins.
  const handle = await fs.open(path, 'w', 0o600)
  try {
    await writeAll(handle, encodeSegmentHead(salt))
    await handle.datasync()
    await syncFolder(fs, folder)
  } catch (error) {
    await handle.close().catch(() => undefined)
    throw error
  }
  return { handle, salt, segment: { path, firstIndex, bytes: segmentHeadBytes } }
}

/**
 * Reads every segment in order and hands each record to `onRecord`. What a crash tore at the very end was never
 * acknowledged: it is cut off. Anything unreadable with a record after it, and any gap, is refused with a
 * FatalError: something acknowledged is gone, and only a person may decide what then.
 */
export async function readWal(
  fs: FileSystem,
  folder: string,
  onRecord: (record: WalRecord) => Promise<void>,
): Promise<{ segments: Segment[]; nextIndex: number | undefined }> {
  const names = (await namesIn(fs, folder)).filter((name) => /^wal-\d{16}$/.test(name))
  const segments: Segment[] = []
  let nextIndex: number | undefined
  for (const name of names) {
    const path = join(folder, name)
    const firstIndex = Number(name.slice(4))
    const isLast = name === names.at(-1)
    if (nextIndex !== undefined && nextIndex !== firstIndex) {
      throw damaged(path, `it begins at entry ${firstIndex}, the one before ends at ${nextIndex}`)
    }
    const bytes = await fs.readFile(path)
    const end = await readSegment(bytes, path, firstIndex, isLast, onRecord)
    nextIndex = end.nextIndex
    if (end.bytes < bytes.length) await fs.truncate(path, end.bytes)
    // A log that was killed wrote what the cache alone may have; from here on it counts as durable.
    if (isLast) await syncFile(fs, path)
    segments.push({ path, firstIndex, bytes: end.bytes })
  }
  return { segments, nextIndex }
}

async function readSegment(
  bytes: Buffer,
  path: string,
  firstIndex: number,
  isLast: boolean,
  onRecord: (record: WalRecord) => Promise<void>,
): Promise<{ bytes: number; nextIndex: number }> {
  const salt = parseSegmentHead(bytes)
  if (salt === undefined) {
    // The head is synced before any record is written, so a torn head has nothing after it.
    if (isLast && bytes.length <= segmentHeadBytes) return { bytes: 0, nextIndex: firstIndex }
    throw damaged(path, 'its head is unreadable')
  }
  let at = segmentHeadBytes
  let nextIndex = firstIndex
  while (at < bytes.length) {
    const found = decodeRecord(salt, bytes, at)
    if (found === undefined) {
      if (!isLast || hasRecordAfter(salt, bytes, at + 1))
        throw damaged(path, `entry ${nextIndex} is unreadable`)
      break
    }
    const { record } = found
    if (record.firstIndex !== nextIndex) throw damaged(path, `entry ${nextIndex} is missing`)
    await onRecord(record)
    nextIndex += record.entries.length
    at = found.end
  }
  return { bytes: at, nextIndex }
}

function hasRecordAfter(salt: Buffer, bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at++) if (isRecordHead(salt, bytes, at)) return true
  return false
}

async function syncFile(fs: FileSystem, path: string): Promise<void> {
  const handle = await fs.open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function damaged(path: string, what: string): FatalError {
  return new FatalError('audit_corrupt', `${path} is damaged: ${what}. Nothing was changed; restore the file`)
}
