import { ansiLength } from './ansi.ts'

const esc = 0x1b
const equals = 0x3d

/**
 * The length of what is left out at `at`: an ANSI sequence, or a soft line break of quoted-printable (RFC 2045, section 6.7), with
 * which a line goes on in the next. 0 and -1 as in `ansiLength`.
 */
export function leftOutLength(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === esc) return ansiLength(bytes, at, end)
  if (bytes[at] !== equals) return 0
  if (at + 1 === end) return -1
  if (bytes[at + 1] === 0x0a) return 2
  if (bytes[at + 1] !== 0x0d) return 0
  if (at + 2 === end) return -1
  return bytes[at + 2] === 0x0a ? 3 : 0
}

/** Output without its ANSI sequences and soft line breaks, and the way back to the offsets in the output. */
export class CleanView {
  bytes = Buffer.alloc(0)
  length = 0
  /** Offset in the output of what may become a sequence, or -1. The view ends before it. */
  pendingAt = -1
  // Segment k holds the bytes from #clean[k] on, which stand at #raw[k] in the output.
  #clean: number[] = []
  #raw: number[] = []

  /** Fills the view from `output[from, end)`. False, and no view, when there is nothing to leave out. */
  fill(output: Buffer, from: number, end: number, last: boolean): boolean {
    const next = createFinder(output, end)
    let at = next(from)
    if (at === end) return false
    this.#reset(end - from)
    let start = from
    while (at < end) {
      const length = leftOutLength(output, at, end)
      if (length === -1 && !last) {
        this.pendingAt = at
        break
      }
      if (length > 0) {
        this.#append(output, start, at)
        start = at + length
      }
      at = next(Math.max(at + 1, start))
    }
    this.#append(output, start, at)
    return true
  }

  /** The offset in the output of the byte at `offset` in the view. */
  toOutput(offset: number): number {
    let low = 0
    let high = this.#clean.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#clean[middle] as number) <= offset) low = middle
      else high = middle
    }
    return (this.#raw[low] ?? 0) + offset - (this.#clean[low] ?? 0)
  }

  /** The first offset in the view of a byte that stands at `offset` in the output or after it. */
  fromOutput(offset: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.toOutput(middle) < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The start of the sequence that `offset` in the output lies within, else `offset` itself. */
  outsideSequence(offset: number): number {
    for (let k = 0; k < this.#raw.length; k++) {
      const next = this.#raw[k + 1]
      const segmentEnd =
        (this.#raw[k] as number) + ((this.#clean[k + 1] ?? this.length) - (this.#clean[k] as number))
      if (offset <= segmentEnd) return offset
      if (next !== undefined && offset < next) return segmentEnd
    }
    return offset
  }

  /**
   * Calls back with the stretches of the view that reach `visibleBytes` bytes above 0x20 to either side of
   * where a sequence was removed. They ascend and are apart; every byte is looked at twice at most.
   */
  eachSeam(visibleBytes: number, visit: (start: number, end: number) => void): void {
    let start = 0
    let end = 0
    for (let k = 1; k < this.#clean.length; k++) {
      const seam = this.#clean[k] as number
      const reach = this.#reach(seam, -1, visibleBytes, end)
      if (reach > end) {
        if (end > start) visit(start, end)
        start = reach
      }
      end = this.#reach(seam, 1, visibleBytes, this.#clean[k + 1] ?? this.length)
    }
    if (end > start) visit(start, end)
  }

  #reach(from: number, step: 1 | -1, visibleBytes: number, limit: number): number {
    let at = from
    let seen = 0
    while (at !== limit && seen < visibleBytes) {
      if ((this.bytes[step === 1 ? at : at - 1] as number) > 0x20) seen++
      at += step
    }
    return at
  }

  #reset(capacity: number): void {
    if (this.bytes.length < capacity) this.bytes = Buffer.allocUnsafe(capacity)
    this.length = 0
    this.pendingAt = -1
    this.#clean = []
    this.#raw = []
  }

  #append(output: Buffer, start: number, end: number): void {
    this.#clean.push(this.length)
    this.#raw.push(start)
    if (end > start) this.length += output.copy(this.bytes, this.length, start, end)
  }
}

const softBreaks: readonly Buffer[] = [Buffer.from('=\n'), Buffer.from('=\r')]

/** Finds where something may be left out, from a place on that ascends from call to call; `end` if there is nothing. */
function createFinder(output: Buffer, end: number): (from: number) => number {
  const bytes = output.subarray(0, end)
  const next = [esc, ...softBreaks].map((what) => ({ what, at: -1 }))
  const last = bytes[end - 1] === equals ? end - 1 : end
  return (from) => {
    let first = last
    for (const each of next) {
      if (each.at < from) {
        const at = bytes.indexOf(each.what, from)
        each.at = at === -1 ? end : at
      }
      if (each.at < first) first = each.at
    }
    return first < from ? end : first
  }
}
