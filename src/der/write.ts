import { tags } from './values.ts'

/* Each gives the bytes of one value. */

export function value(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.of(tag), lengthBytes(length), ...content])
}

function lengthBytes(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  const minimal = bytes.subarray(bytes.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.of(0x80 | minimal.length), minimal])
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return value(tags.sequence, ...parts)
}

/** SET OF: DER has its parts sorted by their bytes (X.690, section 11.6). */
export function setOf(...parts: readonly Uint8Array[]): Buffer {
  return value(tags.set, ...parts.toSorted((one, other) => Buffer.compare(one, other)))
}

/** `[number]` around whole values, or (IMPLICIT, `isConstructed` as its type is) instead of a value's own tag. */
export function context(number: number, content: Uint8Array, isConstructed = true): Buffer {
  return value(0x80 | (isConstructed ? 0x20 : 0) | number, content)
}

/** From 0; of bytes: as a number without a sign. */
export function integer(number: bigint | number | Uint8Array): Buffer {
  const hex = typeof number === 'object' ? Buffer.from(number).toString('hex') : number.toString(16)
  if (hex.startsWith('-')) throw new RangeError('negative numbers are not written')
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  const bytes = Buffer.from(even.replace(/^(?:00)+(?=..)/, ''), 'hex')
  return value(tags.integer, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes)
}

export function oid(text: string): Buffer {
  const [root = 0n, second = 0n, ...rest] = text.split('.').map(BigInt)
  const arcs = [root * 40n + second, ...rest].flatMap((arc) => {
    const bytes = [Number(arc & 0x7fn)]
    for (let left = arc >> 7n; left > 0n; left >>= 7n) bytes.unshift(Number(left & 0x7fn) | 0x80)
    return bytes
  })
  return value(tags.oid, Buffer.from(arcs))
}

export function octets(bytes: Uint8Array): Buffer {
  return value(tags.octets, bytes)
}

/** Whole bytes: none of the last one is unused unless said so. */
export function bits(bytes: Uint8Array, unusedBits = 0): Buffer {
  return value(tags.bits, Buffer.of(unusedBits), bytes)
}

export function boolean(isTrue: boolean): Buffer {
  return value(tags.boolean, Buffer.of(isTrue ? 0xff : 0))
}

export const nothing = value(tags.null)

export function utf8(text: string): Buffer {
  return value(tags.utf8, Buffer.from(text))
}

export function ia5(text: string): Buffer {
  return value(tags.ia5, Buffer.from(text, 'latin1'))
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280, section 4.1.2.5); whole seconds. */
export function time(ms: number): Buffer {
  const text = digitsOf(ms)
  return text.startsWith('19') || Number(text.slice(0, 4)) >= 2050
    ? generalizedTime(ms)
    : value(tags.utcTime, Buffer.from(`${text.slice(2)}Z`, 'latin1'))
}

/** With milliseconds only where there are any, and without zeros at their end (X.690, section 11.7). */
export function generalizedTime(ms: number): Buffer {
  const fraction = (ms % 1000).toString().padStart(3, '0').replace(/0+$/, '')
  return value(
    tags.generalizedTime,
    Buffer.from(`${digitsOf(ms)}${fraction === '' ? '' : `.${fraction}`}Z`, 'latin1'),
  )
}

function digitsOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, '')
}
