import { MayflyError } from '../../lib/index.ts'
import { isPlainName } from './plain-name.ts'
import { holdExtra } from './zip-extra.ts'
import { wrong } from './wrong.ts'

export interface Entry {
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

const centralBytes = 46
/** Linux opens no longer path. */
const maxNameBytes = 4_096
const slash = 0x2f

/** What the directory of a zip says of its entries. Throws `bad_input`. */
export function directoryOf(directory: Buffer, count: number): Entry[] {
  const entries: Entry[] = []
  const names = new Set<string>()
  let at = 0
  while (at < directory.length) {
    const head = directory.subarray(at, at + centralBytes)
    if (head.length < centralBytes || head.readUInt32BE(0) !== 0x504b0102)
      throw wrong('the directory of its zip is broken')
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => head.readUInt16LE(field))
    const nameEnd = at + centralBytes + (nameBytes ?? 0)
    if ((nameBytes ?? 0) > maxNameBytes) throw wrong(`it has a name of over ${maxNameBytes} bytes`)
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
  holdNoFileAround(entries)
  return entries
}

/** No file has others within it. Of 65,000 long names each is looked at a few times, and not once for every folder that it is in. */
function holdNoFileAround(entries: readonly Entry[]): void {
  // What is within a file comes right behind it then: no name has a NUL.
  const sorted = entries.map(({ raw }) => withNuls(raw)).toSorted((a, b) => Buffer.compare(a, b))
  for (const [i, name] of sorted.entries()) {
    const before = sorted[i - 1]
    if (before?.equals(name.subarray(0, before.length)) !== true || name[before.length] !== 0) continue
    const inner = name.toString().replaceAll('\0', '/').slice(0, 100)
    throw wrong(`it has ${JSON.stringify(inner)}, a part of which is a file`)
  }
}

function withNuls(raw: Buffer): Buffer {
  const name = Buffer.from(raw)
  for (let at = raw.indexOf(slash); at !== -1; at = raw.indexOf(slash, at + 1)) name[at] = 0
  return name
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
  const name = nameIn(raw, (flags & 0x0800) !== 0)
  const isFolder = name.endsWith('/')
  // The kind of file in Unix, or none.
  const kind = head.readUInt16LE(40) & 0xf000
  if (kind !== 0 && kind !== (isFolder ? 0x4000 : 0x8000)) throw wrong('its zip has links or devices')
  if (isFolder ? bytes !== 0 : method === 0 && packed !== bytes)
    throw wrong('a folder in its zip has content, or a file has two sizes')
  return {
    name,
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
  // Without the flag it is in a code page of 1981, or in whatever its reader takes.
  if (!isPlainName(name) || (!isUtf8 && raw.some((byte) => byte > 0x7e)))
    throw wrong(`its file ${JSON.stringify(name.slice(0, 100))} has a name that readers do not agree on`)
  return name
}
