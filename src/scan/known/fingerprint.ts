import { MayflyError } from '../../lib/index.ts'
import { formsOfText, type Form } from '../../mask/index.ts'
import { hashWindow, proofBytes, windowBytes, type ProofKey, type WindowKey } from './keys.ts'
import { partsOf, type Part } from './parts.ts'

/** How one form of a secret is found again without the secret. */
export interface Fingerprint {
  /** The form, or of a long one the piece in its middle that is looked for. */
  readonly bytes: number
  /** Where in it the first of the four windows begins. */
  readonly at: number
  /** White space may stand between any two bytes of it, as in wrapped base64. */
  readonly isSpaced: boolean
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
export const reckonedVersion = 2

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
      const isSpaced = form.kind !== 'exact'
      const piece = middleOf(isSpaced ? withoutSpace(form.bytes) : form.bytes)
      if (piece.length < spanBytes || made.size >= most) continue
      for (const at of placesIn(piece, isSpaced)) {
        const one = fingerprintAt(piece, at, window, proof)
        const key = `${one.proof.toString('latin1')} ${at} ${isSpaced}`
        if (!made.has(key)) made.set(key, { ...one, isSpaced, isCertain: part.isCertain })
      }
    }
  }
  return [...made.values()]
}

function formsOfPart({ text }: Part): Form[] {
  // A key of many lines is met with its lines as they are, or joined in another way.
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim())
  const texts = lines.length === 1 ? [text] : ['\n', '', '\\n', '\r\n'].map((end) => lines.join(end))
  return [...new Set(texts.map(middleOfText))].flatMap((one) => formsOfText(one))
}

/** Whatever a long text is encoded as has the encoding of its middle in it. */
const longestText = 240

function middleOfText(text: string): string {
  const start = Math.max(0, (text.length - longestText) >> 1)
  return text.slice(start, start + longestText).toWellFormed()
}

function withoutSpace(bytes: Buffer): Buffer {
  return Buffer.from(bytes.filter((byte) => byte > 0x20))
}

function middleOf(bytes: Buffer): Buffer {
  const start = Math.max(0, (bytes.length - longestBytes) >> 1)
  return bytes.subarray(start, start + longestBytes)
}

/** Where its windows are least like those of others; of what may be wrapped two places, since one line may end in one. */
function placesIn(piece: Buffer, isSpaced: boolean): number[] {
  const last = piece.length - spanBytes
  const half = last >> 1
  const best = (from: number, to: number) => {
    let [place, most] = [from, -1]
    for (let at = from; at <= to; at++) {
      const distinct = new Set(piece.subarray(at, at + spanBytes)).size
      if (distinct > most) [place, most] = [at, distinct]
    }
    return place
  }
  if (!isSpaced || half < spanBytes) return [best(0, last)]
  return [best(0, half - spanBytes), best(half, last)]
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
  for (const [i, { bytes, at, isSpaced, isCertain, hashes, proof }] of all.entries()) {
    const start = 1 + i * packedBytes
    packed.writeUInt16LE(bytes, start)
    packed.writeUInt16LE(at, start + 2)
    packed[start + 4] = (isSpaced ? 1 : 0) | (isCertain ? 2 : 0)
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
      hashes: [hash(0), hash(1), hash(2), hash(3)] as const,
      proof: Buffer.from(packed.subarray(start + 5 + 4 * stride, start + packedBytes)),
    }
  })
}
