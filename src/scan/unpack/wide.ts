/** Of a byte: 1 if it is of a text in ASCII. */
export const printable = new Uint8Array(256)
for (let byte = 0x20; byte < 0x7f; byte++) printable[byte] = 1
for (const byte of [0x09, 0x0a, 0x0d]) printable[byte] = 1

/** So much of what has no mark is looked at. */
const mostSeen = 64

/** The order of the bytes of a text in UTF-16: by its mark, or since each other byte is zero, and the rest ASCII. Undefined if it is none. */
export function orderOf(plain: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (plain.length < 4) return undefined
  if (plain[0] === 0xff && plain[1] === 0xfe) return 'utf-16le'
  if (plain[0] === 0xfe && plain[1] === 0xff) return 'utf-16be'
  if (isAscii(plain, 0)) return 'utf-16le'
  return isAscii(plain, 1) ? 'utf-16be' : undefined
}

/** Of two bytes, `first` is of the character, and the other one zero. */
function isAscii(plain: Buffer, first: 0 | 1): boolean {
  const seen = Math.min(plain.length & ~1, mostSeen)
  for (let at = 0; at < seen; at += 2)
    if (plain[at + 1 - first] !== 0 || printable[plain[at + first] as number] !== 1) return false
  return true
}

/** A text in UTF-16 in UTF-8, without its mark; what else it is, as it is. */
export function narrowed(plain: Buffer): Buffer {
  const order = orderOf(plain)
  return order === undefined ? plain : Buffer.from(new TextDecoder(order).decode(plain))
}
