import { DerError, type DerNode } from './read.ts'

export const tags = {
  ...{ boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, null: 0x05, oid: 0x06, enumerated: 0x0a },
  ...{ utf8: 0x0c, printable: 0x13, ia5: 0x16, utcTime: 0x17, generalizedTime: 0x18 },
  ...{ sequence: 0x30, set: 0x31 },
} as const

function contentOf(node: DerNode | undefined, tag: number): Buffer {
  if (node?.tag !== tag) throw new DerError(`expected a value of tag 0x${tag.toString(16)}`)
  return node.content
}

/** As `1.2.840.113549`. Throws `DerError`. */
export function oidOf(node: DerNode | undefined): string {
  const bytes = contentOf(node, tags.oid)
  const arcs: bigint[] = []
  let arc: bigint | undefined
  for (const byte of bytes) {
    if (arc === undefined && byte === 0x80)
      throw new DerError('an object identifier that is longer than it takes')
    arc = ((arc ?? 0n) << 7n) | BigInt(byte & 0x7f)
    if (arc >> 128n !== 0n) throw new DerError('an object identifier with too large a number')
    if ((byte & 0x80) !== 0) continue
    arcs.push(arc)
    arc = undefined
  }
  const [head, ...rest] = arcs
  if (head === undefined || arc !== undefined) throw new DerError('not an object identifier')
  const root = head < 40n ? 0n : head < 80n ? 1n : 2n
  return [root, head - root * 40n, ...rest].join('.')
}

/** A whole number from 0. Throws `DerError` for a negative one, and one with needless zeros in front. */
export function unsignedOf(node: DerNode | undefined): bigint {
  return unsignedUnder(node, tags.integer)
}

/** The same under another tag: `[0] IMPLICIT INTEGER`. */
export function unsignedUnder(node: DerNode | undefined, tag: number): bigint {
  const bytes = integerBytesOf(node, tag)
  if ((bytes[0] ?? 0) >= 0x80) throw new DerError('not a whole number from 0')
  return BigInt(`0x${bytes.toString('hex')}`)
}

/** Of UTF8String, PrintableString and IA5String. Throws `DerError` for what is no text. */
export function textOf(node: DerNode | undefined): string {
  const { tag, content } = node ?? { tag: -1, content: Buffer.alloc(0) }
  if (tag !== tags.utf8 && tag !== tags.printable && tag !== tags.ia5) throw new DerError('expected a text')
  const text = content.toString(tag === tags.utf8 ? 'utf8' : 'latin1')
  if (!Buffer.from(text, 'utf8').equals(content)) throw new DerError('a text that is none')
  return text
}

/** A list of named bits (X.690, sections 11.2.1 and 11.2.2) of up to 16, the first as 0x8000. Throws `DerError`, also for zeros behind the last 1. */
export function namedBitsOf(node: DerNode | undefined): number {
  const [unused, ...bytes] = contentOf(node, tags.bits)
  const bits = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  // What of the last byte is used ends with a 1.
  const last = bytes.at(-1) ?? 0x80
  const isShortest =
    unused !== undefined && unused < 8 && (last & (0xff >> (8 - unused))) === 0 && (last >> unused) % 2 === 1
  if (bytes.length > 2 || !(bytes.length === 0 ? unused === 0 : isShortest))
    throw new DerError('a list of bits that is not DER')
  return bits
}

/** DER writes `true` as 0xff alone, and `false` not at all where it is what a missing one means. Throws `DerError`. */
export function refuseFalse(node: DerNode | undefined): void {
  if (!contentOf(node, tags.boolean).equals(Buffer.of(0xff))) throw new DerError('a value that is not DER')
}

/** The bytes of a whole number, also of a negative one. Throws `DerError` unless they are the fewest. */
export function integerBytesOf(node: DerNode | undefined, tag: number = tags.integer): Buffer {
  const bytes = contentOf(node, tag)
  const [first, second = 0] = bytes
  const isPadded = bytes.length > 1 && first === (second < 0x80 ? 0 : 0xff)
  if (first === undefined || isPadded) throw new DerError('a number that is longer than it takes')
  return bytes
}

/** GeneralizedTime or UTCTime in DER's form (UTC, with seconds; RFC 5280, section 4.1.2.5), in milliseconds since 1970. Throws `DerError`. */
export function timeOf(node: DerNode | undefined): number {
  const { tag, content } = node ?? { tag: -1, content: Buffer.alloc(0) }
  const form =
    tag === tags.utcTime
      ? /^(?<year>\d{2})(?<rest>\d{10})Z$/
      : tag === tags.generalizedTime
        ? /^(?<year>\d{4})(?<rest>\d{10})(?:\.(?<fraction>\d{0,8}[1-9]))?Z$/
        : undefined
  const { year, rest, fraction = '' } = form?.exec(content.toString('latin1'))?.groups ?? {}
  if (year === undefined || rest === undefined) throw new DerError('not a time')
  const fullYear = year.length === 4 ? year : Number(year) < 50 ? `20${year}` : `19${year}`
  const [month, day, hour, minute, second] = rest.match(/../g) ?? []
  const iso = `${fullYear}-${month}-${day}T${hour}:${minute}:${second}.000Z`
  const seconds = Date.parse(iso)
  // A day that there is not would become another one.
  if (Number.isNaN(seconds) || new Date(seconds).toISOString() !== iso) throw new DerError('not a time')
  return seconds + Number(fraction.padEnd(3, '0').slice(0, 3))
}
