import { constants, inflateRawSync } from 'node:zlib'
import type { Flow } from './flow.ts'
import { tarHeadIn } from './tar-head.ts'

/** As what a file is read. */
export type Form =
  | 'gzip'
  | 'zlib'
  | 'zstd'
  | 'xz'
  | 'zip'
  | 'tar'
  | 'ar'
  | 'utf-16le'
  | 'utf-16be'
  | 'plain'
  | { readonly unread: string }

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** How it begins, and what it is then. */
const beginnings: readonly (readonly [Buffer, Form])[] = [
  [bytes('\x1f\x8b\x08'), 'gzip'],
  [bytes('\x28\xb5\x2f\xfd'), 'zstd'],
  [bytes('\xfd7zXZ\0'), 'xz'],
  [bytes('PK\x03\x04'), 'zip'],
  [bytes('PK\x05\x06'), 'zip'],
  [bytes('PK\x07\x08'), 'zip'],
  [bytes('!<arch>\n'), 'ar'],
  [bytes('7z\xbc\xaf\x27\x1c'), { unread: '7z' }],
  [bytes('Rar!\x1a\x07'), { unread: 'RAR' }],
  [bytes('\x04\x22\x4d\x18'), { unread: 'LZ4' }],
  [bytes('LZIP\x01'), { unread: 'lzip' }],
  [bytes('\x1f\x9d'), { unread: 'compress (.Z)' }],
  [bytes('\xed\xab\xee\xdb'), { unread: 'RPM' }],
  [bytes('070701'), { unread: 'cpio' }],
  [bytes('MSCF\0\0\0\0'), { unread: 'CAB' }],
  [bytes('hsqs'), { unread: 'squashfs' }],
]

/** Of a byte: 1 if something that is packed begins with it. Most files begin with none of them. */
const beginsOne = new Uint8Array(256)
for (const [magic] of beginnings) beginsOne[magic[0] as number] = 1

function formByBeginning(head: Buffer): Form | undefined {
  if (beginsOne[head[0] ?? 0] === 0) return undefined
  return beginnings.find(([magic]) => magic.equals(head.subarray(0, magic.length)))?.[1]
}

export function formOf(head: Buffer): Form {
  const found = formByBeginning(head)
  if (found !== undefined) return found
  // Zstandard's frames that are skipped have sixteen beginnings (RFC 8878, 3.1.2).
  if (head.length >= 4 && (head.readUInt32LE(0) & 0xfffffff0) >>> 0 === 0x184d2a50) return 'zstd'
  if (head[0] === 0x42 && /^BZh[1-9](?:1AY&SY|\x17rE8P\x90)/.test(head.toString('latin1', 0, 10)))
    return { unread: 'bzip2' }
  if (isZlib(head)) return 'zlib'
  if (isLzma(head)) return { unread: 'LZMA (.lzma)' }
  if (tarHeadIn(head) !== undefined) return 'tar'
  return utf16Of(head) ?? 'plain'
}

/**
 * RFC 1950, as Git writes its objects: two bytes whose number is a multiple of 31, and what is packed by deflate. Two bytes are few, so
 * what follows has to be binary, and to unpack.
 */
function isZlib(head: Buffer): boolean {
  if (head.length < 6 || head[0] !== 0x78 || ((head[1] ?? 0) & 0x20) !== 0) return false
  if (head.readUInt16BE(0) % 31 !== 0 || !head.subarray(1, 64).some((byte) => byte >= 0x7f || byte < 9))
    return false
  try {
    inflateRawSync(head.subarray(2, 1_024), { finishFlush: constants.Z_SYNC_FLUSH })
    return true
  } catch {
    return false
  }
}

/** The one byte of properties that tools write, a dictionary of a power of two, and a size that is not known or under a terabyte. */
function isLzma(head: Buffer): boolean {
  if (head.length < 13 || head[0] !== 0x5d) return false
  const dictionary = head.readUInt32LE(1)
  const isSized = head.readUInt16LE(11) === 0 && head[10] === 0
  return (
    dictionary >= 4_096 &&
    (dictionary & (dictionary - 1)) === 0 &&
    (isSized || head.readBigInt64LE(5) === -1n)
  )
}

/** Whether a file that begins so is a tar, packed or not. Takes its first 512 bytes. */
export function isArchive(head: Buffer): boolean {
  const form = formOf(head)
  return form === 'tar' || form === 'gzip' || form === 'zstd' || form === 'xz'
}

/** Whether a file that begins so has to be unpacked to be read as a tar. Takes its first 512 bytes. */
export function isPacked(head: Buffer): boolean {
  const form = formOf(head)
  return form !== 'tar' && form !== 'plain'
}

const zerosMeanBytes = 256

/** The order of the bytes, if it is a text in UTF-16: by its mark, or since every other byte is zero as in Latin letters. */
function utf16Of(head: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (head.length < 4) return undefined
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  if (!head.includes(0)) return undefined
  const zeros = [0, 0]
  const seen = Math.min(head.length & ~1, zerosMeanBytes)
  for (let at = 0; at < seen; at++) if (head[at] === 0) zeros[at & 1] = (zeros[at & 1] ?? 0) + 1
  const [even = 0, odd = 0] = zeros
  if (odd * 2 >= seen * 0.9 && even === 0) return 'utf-16le'
  return even * 2 >= seen * 0.9 && odd === 0 ? 'utf-16be' : undefined
}

/** How far from its end a zip says where its directory is: a comment may be behind that. */
const searchedBytes = 65_535 + 22

/** Whether a file that begins otherwise ends as a zip: a program that unpacks itself, or a script that is run with what is in it. */
export async function endsAsZip(flow: Flow): Promise<boolean> {
  const bytesInAll = flow.bytes
  if (bytesInAll === undefined || flow.from === undefined) return false
  const tail = flow.from(Math.max(0, bytesInAll - searchedBytes))
  await tail.fill(searchedBytes)
  const at = tail.held.lastIndexOf(bytes('PK\x05\x06'))
  return at !== -1 && tail.held.length - at >= 22
}
