import { orderOf, printable } from './wide.ts'

/** Runs shorter than this are not decoded. */
export const leastCharacters = 24

/** The value of each character of base64 and of base64url; 64 for others. */
const values = new Uint8Array(256).fill(64)
/** Of a byte: 0 if it is none of these characters; 2 if it also separates words and parts of a path. */
const kinds = new Uint8Array(256)
for (const alphabet of [
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
])
  for (let i = 0; i < 64; i++) {
    values[alphabet.charCodeAt(i)] = i
    kinds[alphabet.charCodeAt(i)] = i < 62 ? 1 : 2
  }

const hexValues = new Uint8Array(256).fill(16)
for (const digits of ['0123456789abcdef', '0123456789ABCDEF'])
  for (let i = 0; i < 16; i++) hexValues[digits.charCodeAt(i)] = i

/**
 * Where the next run of at least 24 characters of base64 or hex begins, from `least` on, before which no such character stands; -1 if there is
 * none. The last byte that such a run would have is looked at first (Boyer and Moore): where it is of none, all that was skipped is not either.
 */
export function nextRun(bytes: Buffer, least: number): number {
  const { length } = bytes
  // A run may begin at `from`; up to `known` its bytes were looked at.
  for (let [from, known] = [least, least]; ;) {
    const last = from + leastCharacters - 1
    if (last >= length) return -1
    let at = last
    while (at >= known && kinds[bytes[at] as number] !== 0) at--
    if (at < known) return from
    from = at + 1
    known = last + 1
  }
}

/** Where the run ends that this byte is of. */
export function runEnd(bytes: Buffer, at: number): number {
  let end = at
  while (end < bytes.length && kinds[bytes[end] as number] !== 0) end++
  return end
}

/** Where in a run base64 of a text begins: an escape, and `/`, `-`, `_` and `+`, may be of what stands in front. -1 if there is none. */
export function encodedStart(bytes: Buffer, start: number, end: number): number {
  if (isEncodedText(bytes, start)) return start
  const last = end - leastCharacters
  const behind = behindEscape(bytes, start)
  if (behind > start && behind <= last && isEncodedText(bytes, behind)) return behind
  for (let at = start + 1; at <= last; at++)
    if (kinds[bytes[at - 1] as number] === 2 && isEncodedText(bytes, at)) return at
  return -1
}

const [backslash, percent] = [0x5c, 0x25]

/** Where a run begins whose first characters are the last ones of `\n`, `\u0022`, `\x22` or `%3D`. */
export function behindEscape(bytes: Buffer, start: number): number {
  const lead = bytes[start - 1]
  return lead === backslash || lead === percent ? escapeEnd(bytes, start, lead) : start
}

function escapeEnd(bytes: Buffer, start: number, lead: number): number {
  const text = bytes.toString('latin1', start, start + 5)
  const rest = lead === percent ? /^(?:25)?[0-9A-Fa-f]{2}/ : /^(?:[abefnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})/
  return start + (rest.exec(text)?.[0].length ?? 0)
}

const [leastTexts, mostOthers] = [16, 2]

/** Whether the 24 characters from there are base64 of a text, or of something that is packed. */
function isEncodedText(bytes: Buffer, at: number): boolean {
  const first = bitsAt(bytes, at)
  if (first === 0x1f8b08 || first === 0x504b03 || first === 0x28b52f || first === 0xfd377a) return true
  let texts = textsIn(first)
  for (let i = 4; i < leastCharacters; i += 4) {
    if (texts < (i * 3) / 4 - mostOthers) return isOtherText(bytes, at, first)
    texts += textsIn(bitsAt(bytes, at + i))
  }
  return texts >= leastTexts || isOtherText(bytes, at, first)
}

/** Of letters that are not ASCII's. */
function isOtherText(bytes: Buffer, at: number, first: number): boolean {
  return isWideText(bytes, at, first) || isUtf8Text(bytes, at)
}

/** In UTF-8 (RFC 3629), whose last letter may be cut off: of bytes at random one in ten million is, and the third already shows it. */
function isUtf8Text(bytes: Buffer, at: number): boolean {
  // Bytes of a letter that are to come yet.
  let rest = 0
  for (let i = 0; i < leastCharacters; i += 4) {
    const bits = bitsAt(bytes, at + i)
    for (let shift = 16; shift >= 0; shift -= 8) {
      const byte = (bits >> shift) & 0xff
      if (rest > 0) {
        if (byte >> 6 !== 2) return false
        rest--
      } else if (byte < 0x80) {
        if (printable[byte] === 0) return false
      } else if (byte < 0xc2 || byte > 0xf4) return false
      else rest = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
    }
  }
  return true
}

function textsIn(bits: number): number {
  return (
    (printable[bits >> 16] as number) +
    (printable[(bits >> 8) & 0xff] as number) +
    (printable[bits & 0xff] as number)
  )
}

/** In UTF-16 (RFC 2781): behind its mark, or of letters of which each has a byte that is zero. Asked of most runs, so in two parts. */
function isWideText(bytes: Buffer, at: number, first: number): boolean {
  const isWide = (first & 0x00ff00) === 0 || (first & 0xff00ff) === 0
  return isWide ? isWideUnmarked(bytes, at) : first >> 8 === 0xfffe || first >> 8 === 0xfeff
}

function isWideUnmarked(bytes: Buffer, at: number): boolean {
  return orderOf(Buffer.from(bytes.toString('latin1', at, at + leastCharacters), 'base64')) !== undefined
}

function bitsAt(bytes: Buffer, at: number): number {
  return (
    ((values[bytes[at] as number] as number) << 18) |
    ((values[bytes[at + 1] as number] as number) << 12) |
    ((values[bytes[at + 2] as number] as number) << 6) |
    (values[bytes[at + 3] as number] as number)
  )
}

const packed = ['1f8b08', '504b0304', '28b52ffd', 'fd377a58']

export function isPacked(plain: Buffer): boolean {
  const begin = plain.toString('hex', 0, 4)
  return packed.some((magic) => begin.startsWith(magic))
}

/** Longer than any digest: by chance one of those begins as what is packed. */
const leastPackedCharacters = 160

/** Where a run of hex ends that begins there, and is that of a text, or of something that is packed; -1 if it is none. */
export function hexEnd(bytes: Buffer, at: number, end: number): number {
  let stop = at
  while (stop < end && (hexValues[bytes[stop] as number] as number) < 16) stop++
  stop -= (stop - at) % 2
  if (stop - at < leastCharacters) return -1
  const [first, second] = [hexByteAt(bytes, at), hexByteAt(bytes, at + 2)]
  const mark = (first << 8) | second
  if (mark === 0xfffe || mark === 0xfeff) return stop
  if (
    stop - at >= leastPackedCharacters &&
    isPacked(Buffer.from(bytes.toString('latin1', at, at + 8), 'hex'))
  )
    return stop
  const seen = Math.min(stop - at, 256)
  if (first === 0 || second === 0)
    return orderOf(Buffer.from(bytes.toString('latin1', at, at + seen), 'hex')) === undefined ? -1 : stop
  let texts = 0
  for (let i = at; i < at + seen; i += 2) texts += printable[hexByteAt(bytes, i)] as number
  return texts * 2 >= seen * 0.9 ? stop : -1
}

function hexByteAt(bytes: Buffer, at: number): number {
  return ((hexValues[bytes[at] as number] as number) << 4) | (hexValues[bytes[at + 1] as number] as number)
}
