/** A set of bytes: `set[byte]` is 1 if it is in there. Never changed once it is made. */
export type ByteSet = Uint8Array

export function bytesOf(...ranges: readonly (readonly [from: number, to: number])[]): ByteSet {
  const set = new Uint8Array(256)
  for (const [from, to] of ranges) set.fill(1, from, to + 1)
  return set
}

export function inverted(set: ByteSet): ByteSet {
  return set.map((is) => 1 - is)
}

export function union(sets: readonly ByteSet[]): ByteSet {
  const all = new Uint8Array(256)
  for (const set of sets)
    for (let byte = 0; byte < 256; byte++) all[byte] = (all[byte] as number) | (set[byte] as number)
  return all
}

/** With each letter the other case of it, too. */
export function withoutCase(set: ByteSet): ByteSet {
  const folded = set.slice()
  for (let upper = 0x41; upper <= 0x5a; upper++) {
    const either = (set[upper] as number) | (set[upper + 0x20] as number)
    folded[upper] = either
    folded[upper + 0x20] = either
  }
  return folded
}

export function membersOf(set: ByteSet): number[] {
  const members: number[] = []
  for (let byte = 0; byte < 256; byte++) if (set[byte] === 1) members.push(byte)
  return members
}

export function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
}

const singles: (ByteSet | undefined)[] = []
const foldedSingles: (ByteSet | undefined)[] = []

/** The set of one byte, or of a letter and its other case; always the same one. */
export function byteSet(byte: number, ignoreCase: boolean): ByteSet {
  if (ignoreCase) return (foldedSingles[byte] ??= withoutCase(bytesOf([byte, byte])))
  return (singles[byte] ??= bytesOf([byte, byte]))
}

/** A class of more bytes says too little to spell a keyword out: `[78]Q~` does, `[a-z]{3}` does not. */
export const maxSpelled = 12

const sizes = new WeakMap<ByteSet, number>()

export function sizeOf(set: ByteSet): number {
  let size = sizes.get(set)
  if (size === undefined) sizes.set(set, (size = set.reduce((sum, is) => sum + is)))
  return size
}

const digits = bytesOf([0x30, 0x39])
const lower = bytesOf([0x61, 0x7a])
const upper = bytesOf([0x41, 0x5a])
const alpha = union([lower, upper])
const alnum = union([alpha, digits])
const word = union([alnum, bytesOf([0x5f, 0x5f])])
const graph = bytesOf([0x21, 0x7e])
const space = bytesOf([0x09, 0x0a], [0x0c, 0x0d], [0x20, 0x20])

/** RE2's, of one letter. */
export const perlSets: Readonly<Record<string, ByteSet>> = {
  d: digits,
  D: inverted(digits),
  w: word,
  W: inverted(word),
  s: space,
  S: inverted(space),
}

/** POSIX's, of a name: `[[:alnum:]]`. */
export const namedSets: Readonly<Record<string, ByteSet>> = {
  alnum,
  alpha,
  ascii: bytesOf([0, 0x7f]),
  blank: bytesOf([0x09, 0x09], [0x20, 0x20]),
  cntrl: bytesOf([0, 0x1f], [0x7f, 0x7f]),
  digit: digits,
  graph,
  lower,
  print: bytesOf([0x20, 0x7e]),
  punct: bytesOf([0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e]),
  space: union([space, bytesOf([0x0b, 0x0b])]),
  upper,
  word,
  xdigit: union([digits, bytesOf([0x61, 0x66], [0x41, 0x46])]),
}

/** Unicode's, as far as they say something of bytes: the ASCII part. */
export const unicodeSets: Readonly<Record<string, ByteSet>> = {
  L: alpha,
  Ll: lower,
  Lu: upper,
  N: digits,
  Nd: digits,
}

export const anyByte = bytesOf([0, 255])
export const anyButNewline = inverted(bytesOf([0x0a, 0x0a]))
