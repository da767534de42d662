import { crc32, inflateRawSync } from 'node:zlib'
import { MayflyError } from '../../lib/index.ts'
import { pieces, type ReadAt } from './read-at.ts'
import { wrong } from './wrong.ts'
import { inflatedLength } from './zip-content.ts'
import { directoryOf, type Entry } from './zip-directory.ts'
import { holdExtra } from './zip-extra.ts'

export interface ZipContents {
  /** Of all files and folders, each once. */
  readonly names: readonly string[]
  /** Throws `bad_input` and `limit_exceeded`. */
  file(name: string, maxBytes: number): Promise<Buffer>
}

const [endBytes, localBytes] = [22, 30]
const maxDirectoryBytes = 33_554_432
const maxUnpackedBytes = 4 * 1024 ** 3
/** Packed and unpacked; more than that is unpacked in pieces. */
const maxAtOnce = 1_048_576
/** How far from its end readers look for where a zip ends: a comment may stand there. */
const searchedBytes = 65_535 + endBytes + 20

/**
 * A zip file (PKWARE APPNOTE 6.3) in the one form that who reads it from its directory and who reads it from its beginning take alike: the
 * entries stand one behind the other, each is said in both places in the same words, and nothing is between, in front or behind. Throws
 * `bad_input` for any other.
 */
export async function readZip(read: ReadAt, bytes: number): Promise<ZipContents> {
  if (bytes < endBytes) throw wrong('it is no zip file')
  const end = await read(bytes - endBytes, endBytes)
  const [disks, here, count] = [end.readUInt32LE(4), end.readUInt16LE(8), end.readUInt16LE(10)]
  const [length, from] = [end.readUInt32LE(12), end.readUInt32LE(16)]
  if (end.readUInt32BE(0) !== 0x504b0506 || end.readUInt16LE(20) !== 0)
    throw wrong('it is no zip file, or something stands behind its end')
  if (disks !== 0 || here !== count || count === 0xffff)
    throw wrong('its zip is in several parts, or too large')
  if (length > maxDirectoryBytes || from + length !== bytes - endBytes)
    throw wrong('something stands behind the directory of its zip')
  const directory = await read(from, length)
  await holdOneEnd(read, directory, bytes)
  const entries = directoryOf(directory, count)
  if (entries.reduce((sum, entry) => sum + entry.bytes, 0) > maxUnpackedBytes)
    throw new MayflyError('limit_exceeded', `it has over ${maxUnpackedBytes} bytes when it is unpacked`)
  await holdLocal(read, entries, from)
  const byName = new Map(entries.map((entry) => [entry.name, entry]))
  return {
    names: entries.map(({ name }) => name),
    async file(name, maxBytes) {
      const entry = byName.get(name)
      if (entry === undefined) throw wrong(`it has no ${JSON.stringify(name.slice(0, 100))}`)
      return unpacked(read, entry, maxBytes)
    },
  }
}

const ends = ['PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07'].map((text) => Buffer.from(text, 'latin1'))

/** There is no other end, nor one of the form for large files, for which a reader could take what stands before the one end. */
async function holdOneEnd(read: ReadAt, directory: Buffer, bytes: number): Promise<void> {
  const many = () => wrong('its zip has a second end')
  if (ends.some((end) => directory.includes(end))) throw many()
  const from = Math.max(0, bytes - searchedBytes)
  const tail = await read(from, bytes - from)
  const last = tail.length - endBytes
  // Of large files: where their end is stands right in front of this one.
  if (last >= 20 && ends.some((end) => tail.subarray(last - 20, last - 16).equals(end))) throw many()
  for (
    let at = tail.indexOf('PK\x05\x06', 0, 'latin1');
    at < last;
    at = tail.indexOf('PK\x05\x06', at + 1, 'latin1')
  )
    // A zip within this one is none, but one for which all behind it would be a comment.
    if (at + endBytes + tail.readUInt16LE(at + 20) === tail.length) throw many()
}

/** What who reads from the beginning finds is what the directory says, and all of it. */
async function holdLocal(read: ReadAt, entries: readonly Entry[], end: number): Promise<void> {
  let at = 0
  for (const entry of entries.toSorted((a, b) => a.at - b.at)) {
    const head = await read(at, localBytes + entry.raw.length)
    const isSame =
      entry.at === at &&
      head.readUInt32BE(0) === 0x504b0304 &&
      head.subarray(6, 26).equals(entry.common) &&
      head.readUInt16LE(26) === entry.raw.length &&
      head.subarray(localBytes).equals(entry.raw)
    if (!isSame) throw wrong('its zip says of an entry one thing in its directory and another in front of it')
    const extra = await read(at + head.length, head.readUInt16LE(28))
    holdExtra(extra, entry)
    at += head.length + extra.length
    if (at + entry.packed > end) throw wrong('an entry of its zip breaks off')
    await holdContent(read, entry, at)
    at += entry.packed
  }
  if (at !== end) throw wrong('something stands between the entries of its zip')
}

/** It unpacks to as much as is said, and all of it: who reads on where the packed content ends finds the next entry there. */
async function holdContent(read: ReadAt, entry: Entry, at: number): Promise<void> {
  const { packed, bytes, method } = entry
  if (method === 0) return
  if (packed + bytes <= maxAtOnce) return void inflated(await read(at, packed), bytes)
  const found = await inflatedLength(pieces(read, at, packed), bytes)
  if (found.bytes !== bytes || found.packed !== packed) throw wrong('bytes stand behind a file in its zip')
}

async function unpacked(read: ReadAt, entry: Entry, maxBytes: number): Promise<Buffer> {
  const { packed, bytes, method, checksum, at, raw } = entry
  if (bytes > maxBytes || packed > maxBytes + 1_024)
    throw new MayflyError('limit_exceeded', `a file in it that is to be read is over ${maxBytes} bytes`)
  const extraBytes = (await read(at + 28, 2)).readUInt16LE(0)
  const content = await read(at + localBytes + raw.length + extraBytes, packed)
  const plain = method === 0 ? content : inflated(content, bytes)
  if (plain.length !== bytes || crc32(plain) !== checksum)
    throw wrong('a file in its zip is not what its directory says')
  return plain
}

function inflated(content: Buffer, bytes: number): Buffer {
  try {
    const { buffer, engine } = inflateRawSync(content, {
      info: true,
      maxOutputLength: Math.max(bytes, 1),
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
    if (engine.bytesWritten !== content.length || buffer.length !== bytes)
      throw wrong('bytes stand behind a file in its zip')
    return buffer
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new MayflyError('bad_input', 'a file in its zip cannot be unpacked', { cause })
  }
}
