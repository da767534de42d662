import { MayflyError } from '../../lib/index.ts'
import { formsOfBytes, formsOfText, type Form } from '../../mask/index.ts'
import { hashWindow, proofBytes, windowBytes, type ProofKey, type WindowKey } from './keys.ts'
import { partsOf, type Part } from './parts.ts'
import { isWrappable } from './wrapped.ts'

/** How one form of a secret is found again without the secret. */
export interface Fingerprint {
  /** The form, or of a long one the piece in its middle that is looked for. */
  readonly bytes: number
  /** Where in it the first of the four windows begins. */
  readonly at: number
  /** White space may stand between any two bytes of it, as in wrapped base64. */
  readonly isSpaced: boolean
  /** So may whatever tools put between the lines of what they wrap; see `wrapped.ts`. */
  readonly isWrapped: boolean
  readonly isCertain: boolean
  /** Of the windows at `at`, `at` + 1, + 2 and + 3: one of them begins at a multiple of four, wherever the form stands. */
  readonly hashes: readonly [number, number, number, number]
  readonly proof: Buffer
}

/** Every fourth place is looked at, so each form has four windows. */
export const stride = 4
const spanBytes = windowBytes + stride - 1
/** Of a long form so much of its middle: the beginning of every key of a kind is the same. */
export const longestBytes = 256
/** Forms of one part that are kept; a key of many lines has thousands, of which the first are the likely ones. */
const maxFingerprints = 600
/** Of all parts together. */
const maxOfSecret = 6_000
/** Which parts and forms fingerprints are reckoned from: what an older one made is made anew. */
export const reckonedVersion = 3

/**
 * Those of all forms of the parts of a secret that count, and of what is `found` in it. None for what is too short, or too easy to guess.
 */
export function fingerprintsOf(
  secret: string,
  { window, proof }: { readonly window: WindowKey; readonly proof: ProofKey },
  found: readonly string[] = [],
): Fingerprint[] {
  const made = new Map<string, Fingerprint>()
  for (const part of partsOf(secret, found)) {
    const most = Math.min(maxOfSecret, made.size + maxFingerprints)
    for (const form of formsOfPart(part)) {
      const isWrapped = isWrappable(form.bytes)
      const isSpaced = isWrapped || form.kind !== 'exact'
      const piece = middleOf(isSpaced ? withoutSpace(form.bytes) : form.bytes)
      if (piece.length < spanBytes || made.size >= most) continue
      for (const at of placesIn(piece, isSpaced)) {
        const one = fingerprintAt(piece, at, window, proof)
        const key = `${one.proof.toString('latin1')} ${at} ${isSpaced} ${isWrapped}`
        if (!made.has(key)) made.set(key, { ...one, isSpaced, isWrapped, isCertain: part.isCertain })
      }
    }
  }
  return [...made.values()]
}

function formsOfPart({ text }: Part): Form[] {
  // A key of many lines is met with its lines as they are, or joined in another way.
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim())
  const texts = lines.length === 1 ? [text] : ['', '\n', '\\n', '\r\n'].map((end) => lines.join(end))
  // As it is kept in a file of its own, or wrapped in another way, has the same bytes in it.
  const bytes = base64Bytes(texts[0] ?? '')
  return [
    ...(bytes === undefined ? [] : formsOfBytes(middleOf(bytes, longestDecoded))),
    ...[...new Set(texts.map(middleOfText))].flatMap((one) => formsOfText(one)),
  ]
}

/** What a long text in base64 stands for, as the body of a key. */
function base64Bytes(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/_-]{64,}={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

/** Its base64 is no longer than `longestBytes`. */
const longestDecoded = 180

/** Whatever a long text is encoded as has the encoding of its middle in it. */
const longestText = 240

function middleOfText(text: string): string {
  const start = Math.max(0, (text.length - longestText) >> 1)
  return text.slice(start, start + longestText).toWellFormed()
}

function withoutSpace(bytes: Buffer): Buffer {
  return Buffer.from(bytes.filter((byte) => byte > 0x20))
}

function middleOf(bytes: Buffer, longest = longestBytes): Buffer {
  const start = Math.max(0, (bytes.length - longest) >> 1)
  return bytes.subarray(start, start + longest)
}

/**
 * Where its windows are least like those of others; of what may be wrapped two places so near to each other that a line of 42 bytes and
 * more ends in one of them at most.
 */
function placesIn(piece: Buffer, isSpaced: boolean): number[] {
  const last = piece.length - spanBytes
  if (!isSpaced || last < spanBytes) return [mostDistinct(piece, 0, last)]
  const first = mostDistinct(piece, 0, last - spanBytes)
  return [first, mostDistinct(piece, first + spanBytes, Math.min(last, first + 20 + spanBytes))]
}

/** The first place from `from` to `to` whose span has the most different bytes. */
function mostDistinct(piece: Buffer, from: number, to: number): number {
  const counts = new Uint8Array(256)
  let [place, most, distinct] = [from, -1, 0]
  const count = (i: number, by: 1 | -1) => {
    const byte = piece[i] as number
    if (by === 1 && counts[byte] === 0) distinct++
    counts[byte] = (counts[byte] as number) + by
    if (by === -1 && counts[byte] === 0) distinct--
  }
  for (let i = from; i < from + spanBytes; i++) count(i, 1)
  for (let at = from; at <= to; at++) {
    if (distinct > most) [place, most] = [at, distinct]
    count(at, -1)
    if (at < to) count(at + spanBytes, 1)
  }
  return place
}

function fingerprintAt(piece: Buffer, at: number, window: WindowKey, proof: ProofKey) {
  const hash = (i: number) =>
    hashWindow(window, piece.readInt32LE(at + i), piece.readInt32LE(at + i + windowBytes / 2))
  return {
    bytes: piece.length,
    at,
    hashes: [hash(0), hash(1), hash(2), hash(3)] as const,
    proof: proof.proofOf(piece),
  }
}

const packedBytes = 2 + 2 + 1 + 4 * stride + proofBytes
/** In front of packed ones: what is packed otherwise, or reckoned from other forms, is reckoned anew. */
export const packedVersion = 1

export function packFingerprints(all: readonly Fingerprint[]): Buffer {
  const packed = Buffer.alloc(1 + all.length * packedBytes)
  packed[0] = packedVersion
  for (const [i, { bytes, at, isSpaced, isWrapped, isCertain, hashes, proof }] of all.entries()) {
    const start = 1 + i * packedBytes
    packed.writeUInt16LE(bytes, start)
    packed.writeUInt16LE(at, start + 2)
    packed[start + 4] = (isSpaced ? 1 : 0) | (isCertain ? 2 : 0) | (isWrapped ? 4 : 0)
    for (const [j, hash] of hashes.entries()) packed.writeUInt32LE(hash, start + 5 + 4 * j)
    proof.copy(packed, start + 5 + 4 * stride)
  }
  return packed
}

/** Throws `bad_input` for what was packed otherwise. */
export function unpackFingerprints(packed: Buffer): Fingerprint[] {
  if (packed[0] !== packedVersion || (packed.length - 1) % packedBytes !== 0)
    throw new MayflyError('bad_input', 'fingerprints of a secret are not as this version packs them')
  return Array.from({ length: (packed.length - 1) / packedBytes }, (_, i) => {
    const start = 1 + i * packedBytes
    const flags = packed[start + 4] ?? 0
    const hash = (j: number) => packed.readUInt32LE(start + 5 + 4 * j)
    return {
      bytes: packed.readUInt16LE(start),
      at: packed.readUInt16LE(start + 2),
      isSpaced: (flags & 1) !== 0,
      isCertain: (flags & 2) !== 0,
      isWrapped: (flags & 4) !== 0,
      hashes: [hash(0), hash(1), hash(2), hash(3)] as const,
      proof: Buffer.from(packed.subarray(start + 5 + 4 * stride, start + packedBytes)),
    }
  })
}
