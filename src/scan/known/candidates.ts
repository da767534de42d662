import { stride, type Fingerprint } from './fingerprint.ts'
import { hashWindow, type WindowKey } from './keys.ts'
import { isSameShape, type Candidate, type Shape } from './shapes.ts'
import { unwrappedAround } from './wrapped.ts'

/**
 * What a thread is given that scans: which windows to look at more closely. It can be sent to one as it is, and holds neither a
 * secret nor what proves one.
 */
export interface WindowTable {
  readonly key: WindowKey
  /** A bit for each hash, by its highest bits: most windows are passed over by it alone. */
  readonly bits: Int32Array
  /** By hash: how the form lies around the window. */
  readonly shapes: ReadonlyMap<number, readonly Shape[]>
}

/** As many bits as keep nearly every window out, for as many secrets as there are. */
const leastBitsLog = 16
const mostBitsLog = 25

export function windowTableOf(key: WindowKey, fingerprints: Iterable<Fingerprint>): WindowTable {
  const shapes = new Map<number, Shape[]>()
  for (const { bytes, at, isSpaced, isWrapped, hashes } of fingerprints)
    for (const [i, hash] of hashes.entries()) {
      const known = shapes.get(hash) ?? []
      shapes.set(hash, known)
      const shape = { bytes, at: at + i, isSpaced, isWrapped }
      if (!known.some((one) => isSameShape(one, shape))) known.push(shape)
    }
  const log = Math.min(mostBitsLog, Math.max(leastBitsLog, Math.ceil(Math.log2(shapes.size * 96 + 1))))
  const bits = new Int32Array(2 ** (log - 5))
  for (const hash of shapes.keys()) {
    const bit = hash >>> (32 - log)
    bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31))
  }
  return { key, bits, shapes }
}

/**
 * Every text in `bytes` that may be a form of a secret, at most `most` of them; false if there were more. Of every four bytes
 * eight are hashed.
 */
export function findCandidates(
  table: WindowTable,
  bytes: Uint8Array,
  found: (candidate: Candidate) => void,
  most: number,
): boolean {
  const { key, shapes } = table
  if (shapes.size === 0) return true
  // Words are read where they are aligned in memory.
  const skipped = (stride - (bytes.byteOffset % stride)) % stride
  const count = (bytes.length - skipped) >> 2
  if (count < 2) return true
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + skipped, count)
  let left = most
  for (let i = nextWindow(table, words, 0); i < count - 1; i = nextWindow(table, words, i + 1)) {
    const hash = hashWindow(key, words[i] as number, words[i + 1] as number)
    for (const shape of shapes.get(hash) ?? []) {
      for (const around of formsAround(bytes, skipped + i * stride, shape)) {
        if (left-- === 0) return false
        found({ ...around, window: hash })
      }
    }
  }
  return true
}

/** The next word at which a window begins whose bit is set, or the last word. */
function nextWindow({ key, bits }: WindowTable, words: Int32Array, from: number): number {
  const keys = key.words
  const [k0, k1, k2] = [keys[0] as number, keys[1] as number, keys[2] as number]
  const [k3, k4] = [keys[3] as number, keys[4] as number]
  const shift = Math.clz32(bits.length * 32) + 1
  const last = words.length - 1
  let low = words[from] as number
  for (let i = from; i < last; i++) {
    const high = words[i + 1] as number
    // `hashWindow`, written out: a call for every four bytes would cost as much again.
    const mixed = (Math.imul(low ^ k0, k1) + Math.imul(high ^ k2, k3)) | 0
    const once = Math.imul(mixed ^ (mixed >>> 15), k4)
    const bit = (once ^ (once >>> 13)) >>> shift
    if ((((bits[bit >>> 5] as number) >>> (bit & 31)) & 1) !== 0) return i
    low = high
  }
  return last
}

/** Between two bytes of a wrapped form: an end of line and the indentation of the next. */
const maxGap = 40

function formsAround(bytes: Uint8Array, place: number, shape: Shape): Omit<Candidate, 'window'>[] {
  if (shape.isWrapped) return unwrappedAround(bytes, place, shape)
  const one = formAround(bytes, place, shape)
  return one === undefined ? [] : [one]
}

function formAround(bytes: Uint8Array, place: number, shape: Shape): Omit<Candidate, 'window'> | undefined {
  if (!shape.isSpaced) {
    const start = place - shape.at
    const end = start + shape.bytes
    if (start < 0 || end > bytes.length) return undefined
    return { start, end, form: Buffer.from(bytes.subarray(start, end)) }
  }
  const form = Buffer.alloc(shape.bytes)
  const start = gather(bytes, place - 1, -1, form, shape.at - 1)
  const end = gather(bytes, place, 1, form, shape.at)
  return start === undefined || end === undefined ? undefined : { start: start + 1, end, form }
}

/** Fills `form` from `to` on to its end, or back to its beginning, with what is no white space; returns where it stopped. */
function gather(bytes: Uint8Array, from: number, step: 1 | -1, form: Buffer, to: number): number | undefined {
  let [at, gap] = [from, 0]
  for (let i = to; i >= 0 && i < form.length; at += step) {
    const byte = bytes[at]
    if (byte === undefined) return undefined
    if (byte > 0x20) {
      form[i] = byte
      i += step
      gap = 0
    } else if (++gap > maxGap) return undefined
  }
  return at
}
