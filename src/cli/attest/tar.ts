import { createHash } from 'node:crypto'

/** One member of an archive, as far as two are compared. */
export interface Member {
  readonly path: string
  readonly bytes: number
  /** Of its content; of a link, where it leads. */
  readonly sha256: string
  /** Whatever else its place in the archive says, in words: mode, owner, time, kind. */
  readonly about: Readonly<Record<string, string>>
}

/** What makes an archive one that is not compared. */
export class Unreadable extends Error {}

export const maxMembers = 100_000
/** Of all that is unpacked, together. */
export const maxUnpackedBytes = 8_589_934_592
const maxHeaderBytes = 1_048_576

const block = 512

/** Members of a tar (POSIX.1-2001 with pax, ustar, GNU's long names) in their order; only ever one block of it is held. Throws `Unreadable`. */
export async function* tarMembers(chunks: AsyncIterable<Buffer>): AsyncGenerator<Member> {
  const input = createInput(chunks)
  let pax: Record<string, string> = {}
  let long: { path?: string; link?: string } = {}
  let count = 0
  for (;;) {
    const header = await input.take(block)
    if (header === undefined || header.every((byte) => byte === 0)) return
    if (++count > maxMembers) throw new Unreadable(`more than ${maxMembers} members`)
    refuseNoHeader(header)
    const type = String.fromCharCode(header[156] ?? 0)
    const size = sizeOf(header, pax)
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      const text = await readText(input, size)
      if (type === 'x') pax = { ...pax, ...paxRecords(text) }
      if (type === 'L') long = { ...long, path: untilNul(text) }
      if (type === 'K') long = { ...long, link: untilNul(text) }
      continue
    }
    const link = pax['linkpath'] ?? long.link ?? text(header, 157, 100)
    const sha256 = await hashContent(input, size, link)
    yield {
      path: pax['path'] ?? long.path ?? nameOf(header),
      bytes: size,
      sha256,
      about: aboutOf(header, type, pax),
    }
    pax = {}
    long = {}
  }
}

interface Input {
  /** So many bytes, or undefined at the very end. */
  take(count: number): Promise<Buffer | undefined>
  /** So many bytes, piece by piece. */
  pieces(count: number): AsyncGenerator<Buffer>
}

function createInput(chunks: AsyncIterable<Buffer>): Input {
  const source = chunks[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  let total = 0
  const more = async (): Promise<boolean> => {
    const next = await source.next()
    if (next.done === true) return false
    total += next.value.length
    if (total > maxUnpackedBytes) throw new Unreadable(`more than ${maxUnpackedBytes} bytes`)
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value])
    return true
  }
  return {
    async take(count) {
      while (held.length < count) {
        if (await more()) continue
        if (held.length === 0) return undefined
        throw new Unreadable('it ends within a member')
      }
      const taken = held.subarray(0, count)
      held = held.subarray(count)
      return taken
    },
    async *pieces(count) {
      let left = count
      while (left > 0) {
        if (held.length === 0 && !(await more())) throw new Unreadable('it ends within a member')
        const piece = held.subarray(0, left)
        held = held.subarray(piece.length)
        left -= piece.length
        yield piece
      }
    },
  }
}

const padded = (size: number) => Math.ceil(size / block) * block

async function hashContent(input: Input, size: number, link: string): Promise<string> {
  const hash = createHash('sha256').update(link)
  for await (const piece of input.pieces(size)) hash.update(piece)
  for await (const _ of input.pieces(padded(size) - size)) continue
  return hash.digest('hex')
}

async function readText(input: Input, size: number): Promise<string> {
  if (size > maxHeaderBytes) throw new Unreadable('a name in it is too long')
  const bytes = (await input.take(padded(size))) ?? Buffer.alloc(0)
  return bytes.subarray(0, size).toString()
}

/** The sum of a header's bytes, its own field counted as blanks. */
function refuseNoHeader(header: Buffer): void {
  const sum = header.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 0x20 : byte), 0)
  if (octal(header, 148, 8) !== sum) throw new Unreadable('it is no tar, or damaged')
}

function sizeOf(header: Buffer, pax: Readonly<Record<string, string>>): number {
  const { size } = pax
  const bytes = size === undefined ? octal(header, 124, 12) : Number(size)
  // Of links and folders some write a size, and no content follows.
  const hasContent = !['1', '2', '3', '4', '5', '6'].includes(String.fromCharCode(header[156] ?? 0))
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new Unreadable('a member has no size')
  return hasContent ? bytes : 0
}

/** Octal digits, or GNU's binary for what does not fit. */
function octal(header: Buffer, at: number, length: number): number {
  if (((header[at] ?? 0) & 0x80) !== 0) {
    const big = header.subarray(at + 1, at + length).reduce((all, byte) => all * 256n + BigInt(byte), 0n)
    return Number(big)
  }
  const digits = text(header, at, length).trim()
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits === '' ? '0' : digits, 8) : Number.NaN
}

function aboutOf(
  header: Buffer,
  type: string,
  pax: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    kind: type === '\0' ? '0' : type,
    mode: octal(header, 100, 8).toString(8),
    owner: `${pax['uid'] ?? octal(header, 108, 8)}:${pax['gid'] ?? octal(header, 116, 8)} ${pax['uname'] ?? text(header, 265, 32)}:${pax['gname'] ?? text(header, 297, 32)}`,
    time: pax['mtime'] ?? String(octal(header, 136, 12)),
  }
}

function nameOf(header: Buffer): string {
  const prefix = text(header, 257, 5) === 'ustar' && header[262] === 0 ? text(header, 345, 155) : ''
  const name = text(header, 0, 100)
  return prefix === '' ? name : `${prefix}/${name}`
}

function text(header: Buffer, at: number, length: number): string {
  return untilNul(header.subarray(at, at + length).toString())
}

function untilNul(value: string): string {
  const end = value.indexOf('\0')
  return end === -1 ? value : value.slice(0, end)
}

/** `LENGTH KEY=VALUE\n`, one after the other. */
function paxRecords(value: string): Record<string, string> {
  const records: Record<string, string> = {}
  let rest = Buffer.from(value)
  while (rest.length > 0) {
    const length = Number(/^(\d{1,7}) /.exec(rest.subarray(0, 9).toString())?.[1] ?? 0)
    if (length === 0 || length > rest.length) throw new Unreadable('a header in it cannot be read')
    const [, key = '', member = ''] = /^\d+ ([^=]+)=([^]*)\n$/.exec(rest.subarray(0, length).toString()) ?? []
    if (['path', 'linkpath', 'size', 'uid', 'gid', 'uname', 'gname', 'mtime'].includes(key))
      records[key] = member
    rest = rest.subarray(length)
  }
  return records
}
