import { crc32, inflateRawSync } from 'node:zlib'
import { MayflyError } from '../../lib/index.ts'
import { wrong } from './tar-header.ts'

/** Bytes of the file from an offset: as many as are asked for, or the file is shorter. */
export type ReadAt = (at: number, bytes: number) => Promise<Buffer>

export interface ZipContents {
  /** Of all files and folders, each once. */
  readonly names: readonly string[]
  /** Throws `bad_input` and `limit_exceeded`. */
  file(name: string, maxBytes: number): Promise<Buffer>
}

interface Entry {
  readonly name: string
  /** What local header and directory have to say alike: flags to sizes, and the name. */
  readonly common: Buffer
  readonly raw: Buffer
  readonly packed: number
  readonly bytes: number
  readonly method: number
  readonly checksum: number
  readonly at: number
}

const [endBytes, centralBytes, localBytes] = [22, 46, 30]
const maxDirectoryBytes = 33_554_432

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
  const entries = directoryOf(await read(from, length), count)
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

function directoryOf(directory: Buffer, count: number): Entry[] {
  const entries: Entry[] = []
  const names = new Set<string>()
  let at = 0
  while (at < directory.length) {
    const head = directory.subarray(at, at + centralBytes)
    if (head.length < centralBytes || head.readUInt32BE(0) !== 0x504b0102)
      throw wrong('the directory of its zip is broken')
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => head.readUInt16LE(field))
    const nameEnd = at + centralBytes + (nameBytes ?? 0)
    const raw = directory.subarray(at + centralBytes, nameEnd)
    at = nameEnd + (extraBytes ?? 0)
    if (at > directory.length || commentBytes !== 0 || head.readUInt16LE(34) !== 0)
      throw wrong('an entry of its zip has a comment, or is in another part')
    holdExtra(directory.subarray(nameEnd, at))
    const entry = entryOf(head, raw)
    if (names.size === names.add(entry.name).size)
      throw wrong(`it has ${JSON.stringify(entry.name.slice(0, 100))} twice`)
    entries.push(entry)
  }
  if (entries.length !== count)
    throw wrong('the directory of its zip has another number of entries than it says')
  return entries
}

function entryOf(head: Buffer, raw: Buffer): Entry {
  const [flags, method] = [head.readUInt16LE(8), head.readUInt16LE(10)]
  // How well it was packed, and that names are in UTF-8. A length that comes behind the content is not there for who reads on.
  if ((flags & ~0x0806) !== 0)
    throw wrong('an entry of its zip is encrypted, or says its length behind itself: pack it to a file')
  if (method !== 0 && method !== 8)
    throw wrong('an entry of its zip is packed in another way than by deflate')
  const [packed, bytes, at] = [head.readUInt32LE(20), head.readUInt32LE(24), head.readUInt32LE(42)]
  if ([packed, bytes, at].includes(0xffffffff)) throw wrong('its zip is larger than 4 GB')
  return {
    name: nameIn(raw, (flags & 0x0800) !== 0),
    common: head.subarray(8, 28),
    ...{ raw, packed, bytes, method, at, checksum: head.readUInt32LE(16) },
  }
}

function nameIn(raw: Buffer, isUtf8: boolean): string {
  let name: string
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch (cause) {
    throw new MayflyError('bad_input', 'a name in its zip is in no encoding that is known', { cause })
  }
  const parts = name.replace(/\/$/, '').split('/')
  // eslint-disable-next-line no-control-regex
  const isPlain =
    !/[\\\u0000-\u001f\u007f]/.test(name) && parts.every((part) => !['', '.', '..'].includes(part))
  // Without the flag it is in a code page of 1981, or in whatever its reader takes.
  if (!isPlain || (!isUtf8 && raw.some((byte) => byte > 0x7e)))
    throw wrong(`its file ${JSON.stringify(name.slice(0, 100))} has a name that readers do not agree on`)
  return name
}

/** Times alone: others give the entry another name, or other sizes. */
function holdExtra(extra: Buffer): void {
  for (let at = 0; at < extra.length;) {
    const isWhole = at + 4 <= extra.length && at + 4 + extra.readUInt16LE(at + 2) <= extra.length
    if (!isWhole || ![0x5455, 0x7875, 0x000a].includes(extra.readUInt16LE(at)))
      throw wrong('an entry of its zip has a field that readers do not agree on')
    at += 4 + extra.readUInt16LE(at + 2)
  }
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
    holdExtra(extra)
    at += head.length + extra.length + entry.packed
    if (at > end) throw wrong('an entry of its zip breaks off')
  }
  if (at !== end) throw wrong('something stands between the entries of its zip')
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
    if (engine.bytesWritten !== content.length) throw wrong('bytes stand behind a file in its zip')
    return buffer
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new MayflyError('bad_input', 'a file in its zip cannot be unpacked', { cause })
  }
}
