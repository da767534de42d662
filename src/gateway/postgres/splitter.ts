import { ProtocolFault } from '../read-exactly.ts'
import { headerBytes } from './wire.ts'

/** A message that is looked at: all of it, or its beginning. */
export interface Seen {
  readonly type: string
  /** Of its body. */
  readonly length: number
  /** The beginning of its body, as much as was asked for. */
  readonly head: Buffer
  /** The same with its type and length. */
  readonly raw: Buffer
}

/**
 * How many bytes of a body must be there before the message is looked at; undefined: it passes as it comes. Called once for each
 * message, in order, before a byte of its body is read. Throws `ProtocolFault` for what may not come.
 */
export type Wanted = (type: string, length: number) => number | undefined

/** Takes a stream of messages apart, in memory that does not grow with them. */
export class Splitter {
  readonly #wanted: Wanted
  /** Bytes still to come of a message that passes, or was looked at. */
  #rest = 0
  #dropping = false
  /** A message that is not there yet as far as it is needed; of a header that is not whole, `#needed` is 0. */
  #partial: Buffer[] = []
  #partialBytes = 0
  #needed = 0

  constructor(wanted: Wanted) {
    this.#wanted = wanted
  }

  /** What follows of the message that was seen last does not pass. */
  dropRest(): void {
    this.#dropping = true
  }

  /** Bytes that pass, of any number of messages together, and between them messages that are looked at. */
  *split(chunk: Buffer): Generator<Buffer | Seen> {
    let at = 0
    // What lies between `from` and `at` passes.
    let from = 0
    while (at < chunk.length) {
      if (this.#rest > 0) {
        const bytes = Math.min(this.#rest, chunk.length - at)
        this.#rest -= bytes
        if (this.#dropping && from < at) yield chunk.subarray(from, at)
        at += bytes
        if (this.#dropping) from = at
        continue
      }
      if (this.#partialBytes === 0 && chunk.length - at >= headerBytes) {
        const head = this.#open(chunk, at)
        if (head === undefined) {
          at += headerBytes
          continue
        }
        if (from < at) yield chunk.subarray(from, at)
        from = at
        const end = at + headerBytes + head
        if (end <= chunk.length) {
          at = end
          from = end
          yield this.#look(chunk.subarray(end - headerBytes - head, end))
          continue
        }
        this.#needed = headerBytes + head
      }
      if (from < at) yield chunk.subarray(from, at)
      const needed = this.#needed === 0 ? headerBytes : this.#needed
      const end = Math.min(chunk.length, at + needed - this.#partialBytes)
      this.#partial.push(chunk.subarray(at, end))
      this.#partialBytes += end - at
      at = end
      from = end
      const piece = this.#partialBytes === needed ? this.#complete() : undefined
      if (piece !== undefined) yield piece
    }
    if (from < at) yield chunk.subarray(from, at)
  }

  /** Reads a header; as much of its body is to be looked at, undefined for none. */
  #open(bytes: Buffer, at: number): number | undefined {
    const type = typeAt(bytes, at)
    const length = lengthAt(bytes, at)
    if (length < 0) throw new ProtocolFault(`a message of type ${JSON.stringify(type)} has no length`)
    const wanted = this.#wanted(type, length)
    if (wanted !== undefined) return Math.min(wanted, length)
    this.#rest = length
    this.#dropping = false
    return undefined
  }

  #look(raw: Buffer): Seen {
    const type = typeAt(raw, 0)
    const length = lengthAt(raw, 0)
    this.#rest = length + headerBytes - raw.length
    this.#dropping = false
    return { type, length, head: raw.subarray(headerBytes), raw }
  }

  /** What was collected: a header, after which there may be more to collect, or all that was needed. */
  #complete(): Buffer | Seen | undefined {
    const raw = Buffer.concat(this.#partial)
    const head = this.#needed === 0 ? this.#open(raw, 0) : 0
    if (head !== undefined && head > 0) {
      this.#partial = [raw]
      this.#needed = headerBytes + head
      return undefined
    }
    this.#partial = []
    this.#partialBytes = 0
    this.#needed = 0
    return head === undefined ? raw : this.#look(raw)
  }
}

const types = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))

function typeAt(bytes: Buffer, at: number): string {
  return types[bytes[at] ?? 0] ?? ''
}

function lengthAt(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + 1) - 4
}
