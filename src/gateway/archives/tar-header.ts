import { wrong } from './wrong.ts'

export interface TarEntry {
  /** `pax` and `long` say what the next entry is called. */
  readonly kind: 'file' | 'folder' | 'pax' | 'long'
  readonly name: string
  /** The name stands in two fields, the second of which some readers put before a long name, too. */
  readonly hasPrefix: boolean
  readonly bytes: number
}

const kinds: Readonly<Record<string, TarEntry['kind']>> = {
  ...{ '0': 'file', '\0': 'file', '5': 'folder', x: 'pax', L: 'long' },
}

/** The header of one entry (POSIX ustar, or GNU tar's), its checksum checked. Throws `bad_input` for what is none, and for links. */
export function readHeader(header: Buffer): TarEntry {
  const type = String.fromCharCode(header[156] ?? 0)
  const kind = kinds[type]
  if (checksumOf(header) !== numberAt(header, 148, 8)) throw wrong('it is no tar')
  if (kind === undefined)
    throw wrong(`it has an entry of type ${JSON.stringify(type)}: only files and folders are read`)
  const magic = header.toString('latin1', 257, 265)
  if (magic !== 'ustar\u000000' && magic !== 'ustar  \0')
    throw wrong('it is no tar of the kind that packers write')
  const name = textAt(header, 0, 100)
  const prefix = textAt(header, 345, 155)
  // What stands there is something else in GNU's form; and behind it, in that of star.
  const isOther = prefix !== '' && magic === 'ustar  \0'
  if (isOther || header.subarray(500).some((byte) => byte !== 0))
    throw wrong('it is no tar of the kind that packers write')
  // Python's reader takes a header with a number that is none for the end of the file.
  for (const [at, length] of otherNumbers) if (header[at] !== 0) numberAt(header, at, length)
  const bytes = numberAt(header, 124, 12)
  if (kind === 'folder' && bytes !== 0) throw wrong('a folder in it has content')
  // Of the oldest kind, Python's reader takes it for a folder, whatever name it has besides.
  if (type === '\0' && name.endsWith('/')) throw wrong('a file in it is called like a folder')
  return { kind, name: prefix === '' ? name : `${prefix}/${name}`, hasPrefix: prefix !== '', bytes }
}

/** Mode, owner, group and time, which may be empty: where they stand, and how long they are. */
const otherNumbers = [
  [100, 8],
  [108, 8],
  [116, 8],
  [136, 12],
] as const

function checksumOf(header: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < 512; at++) if (at < 148 || at >= 156) sum += header[at] ?? 0
  return sum
}

/** Octal. GNU's binary form for sizes over 8 GiB is not taken. */
function numberAt(header: Buffer, at: number, length: number): number {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(header.toString('latin1', at, at + length))?.[1]
  if (digits === undefined) throw wrong('a number in its headers is none')
  return Number.parseInt(digits, 8)
}

/** Up to its NUL; nothing may stand behind. */
function textAt(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length)
  const end = field.indexOf(0)
  if (end !== -1 && field.subarray(end).some((byte) => byte !== 0))
    throw wrong('a name in its headers has bytes behind its end')
  return field.toString('utf8', 0, end === -1 ? length : end)
}
