import { hash } from 'node:crypto'

/**
 * A segment of the write-ahead log: 32 bytes of head (magic, then 16 random bytes, the salt), then records.
 * A record is one group commit: a head of 68 bytes and its payload.
 *
 *     u32 payload length | u32 entry count | u64 first index | u64 time in ms | 32 bytes SHA-256 of the payload
 *     | 12 bytes check: SHA-256(salt || the head so far)[:12]
 *
 * The payload holds for each entry: u8 key length | key (ASCII) | u16 entry length | entry. The last two are the
 * entry as its bundle will hold it. The salt is secret from those who append, so no entry can fake a head.
 */
export interface WalEntry {
  key: string
  entry: Buffer
}

export interface WalRecord {
  firstIndex: number
  timeMs: number
  /** The key of each entry, and its bytes as in a bundle: length prefix and entry. Views into the payload. */
  entries: { key: string; prefixed: Buffer }[]
}

export const segmentHeadBytes = 32
const magic = Buffer.from('mayfly-wal/1\n\0\0\0')
const recordHeadBytes = 68
const checkedBytes = 56

export function encodeSegmentHead(salt: Buffer): Buffer {
  return Buffer.concat([magic, salt])
}

/** The salt of a segment; `undefined` when these are not the first bytes of one. */
export function parseSegmentHead(bytes: Buffer): Buffer | undefined {
  if (bytes.length < segmentHeadBytes || !bytes.subarray(0, 16).equals(magic)) return undefined
  return Buffer.from(bytes.subarray(16, segmentHeadBytes))
}

/** A record and, as views into it, its entries as bundles hold them. */
export function encodeRecord(
  salt: Buffer,
  firstIndex: number,
  timeMs: number,
  entries: readonly WalEntry[],
): { record: Buffer; prefixed: Buffer[] } {
  let bytes = recordHeadBytes
  for (const { key, entry } of entries) bytes += 3 + key.length + entry.length
  const record = Buffer.allocUnsafeSlow(bytes)
  const prefixed: Buffer[] = []
  let at = recordHeadBytes
  for (const { key, entry } of entries) {
    at = record.writeUInt8(key.length, at)
    at += record.write(key, at, 'latin1')
    const start = at
    at = record.writeUInt16BE(entry.length, at)
    record.set(entry, at)
    at += entry.length
    prefixed.push(record.subarray(start, at))
  }
  record.writeUInt32BE(bytes - recordHeadBytes, 0)
  record.writeUInt32BE(entries.length, 4)
  record.writeBigUInt64BE(BigInt(firstIndex), 8)
  record.writeBigUInt64BE(BigInt(timeMs), 16)
  record.set(hash('sha256', record.subarray(recordHeadBytes), 'buffer'), 24)
  record.set(headCheck(salt, record), checkedBytes)
  return { record, prefixed }
}

/** The record at `at`, and where the next begins; `undefined` when there is no whole, sound one. */
export function decodeRecord(
  salt: Buffer,
  segment: Buffer,
  at: number,
): { record: WalRecord; end: number } | undefined {
  if (!isRecordHead(salt, segment, at)) return undefined
  const head = segment.subarray(at, at + recordHeadBytes)
  const end = at + recordHeadBytes + head.readUInt32BE(0)
  if (end > segment.length) return undefined
  const payload = segment.subarray(at + recordHeadBytes, end)
  if (!hash('sha256', payload, 'buffer').equals(head.subarray(24, checkedBytes))) return undefined
  const entries = decodePayload(payload, head.readUInt32BE(4))
  if (entries === undefined) return undefined
  const firstIndex = Number(head.readBigUInt64BE(8))
  return { record: { firstIndex, timeMs: Number(head.readBigUInt64BE(16)), entries }, end }
}

/** True when the head of a record, whole and sound, stands at `at`. */
export function isRecordHead(salt: Buffer, segment: Buffer, at: number): boolean {
  if (at + recordHeadBytes > segment.length) return false
  // Most bytes fail here, before any hash, zeros and text too: a head begins with a length and a count.
  const count = segment.readUInt32BE(at + 4)
  if (segment.readUInt32BE(at) > 0x0fffffff || count === 0 || count > 0xffff) return false
  const head = segment.subarray(at, at + recordHeadBytes)
  return headCheck(salt, head).equals(head.subarray(checkedBytes))
}

function headCheck(salt: Buffer, head: Buffer): Buffer {
  return hash('sha256', Buffer.concat([salt, head.subarray(0, checkedBytes)]), 'buffer').subarray(0, 12)
}

function decodePayload(payload: Buffer, count: number): WalRecord['entries'] | undefined {
  const entries: WalRecord['entries'] = []
  let at = 0
  while (entries.length < count) {
    if (at >= payload.length) return undefined
    const start = at + 1 + payload.readUInt8(at)
    if (start + 2 > payload.length) return undefined
    const end = start + 2 + payload.readUInt16BE(start)
    if (end > payload.length) return undefined
    entries.push({ key: payload.toString('latin1', at + 1, start), prefixed: payload.subarray(start, end) })
    at = end
  }
  return at === payload.length ? entries : undefined
}
