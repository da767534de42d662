const esc = 0x1b
// Longer ones are not sequences: what is held back for an unfinished one has to end somewhere.
const maxControlBytes = 64
const maxStringBytes = 2048

/**
 * The length of the ANSI sequence (ECMA-48) whose ESC is at `at`: 0 when there is none,
 * -1 when the bytes up to `end` may still become one.
 */
export function ansiLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return -1
  const kind = bytes[at + 1] as number
  if (kind === 0x5b) return controlLength(bytes, at, end)
  // OSC, DCS, SOS, PM, APC: text up to BEL or ESC \.
  if (kind === 0x5d || kind === 0x50 || kind === 0x58 || kind === 0x5e || kind === 0x5f) {
    return stringLength(bytes, at, end)
  }
  let i = at + 1
  while (i < end && i - at < 4 && inRange(bytes[i] as number, 0x20, 0x2f)) i++
  if (i === end) return -1
  return inRange(bytes[i] as number, 0x30, 0x7e) ? i - at + 1 : 0
}

function controlLength(bytes: Uint8Array, at: number, end: number): number {
  const limit = at + maxControlBytes
  for (let i = at + 2; i < limit; i++) {
    if (i >= end) return -1
    const byte = bytes[i] as number
    if (inRange(byte, 0x40, 0x7e)) return i - at + 1
    if (!inRange(byte, 0x20, 0x3f)) return 0
  }
  return 0
}

function stringLength(bytes: Uint8Array, at: number, end: number): number {
  const limit = at + maxStringBytes
  for (let i = at + 2; i < limit; i++) {
    if (i >= end) return -1
    const byte = bytes[i] as number
    if (byte === 0x07) return i - at + 1
    if (byte !== esc) continue
    if (i + 1 >= end) return -1
    return bytes[i + 1] === 0x5c ? i - at + 2 : 0
  }
  return 0
}

function inRange(byte: number, low: number, high: number): boolean {
  return byte >= low && byte <= high
}

/** Output without its ANSI sequences, and the way back to the offsets in the output. */
export class CleanView {
  bytes = Buffer.alloc(0)
  length = 0
  /** Offset in the output of an unfinished sequence, or -1. The view ends before it. */
  pendingAt = -1
  // Segment k holds the bytes from #clean[k] on, which stand at #raw[k] in the output.
  #clean: number[] = []
  #raw: number[] = []

  /** Fills the view from `output[from, end)`. False, and no view, when there is no ESC to remove. */
  fill(output: Buffer, from: number, end: number, last: boolean): boolean {
    let at = indexOfEsc(output, from, end)
    if (at === -1) return false
    this.#reset(end - from)
    let start = from
    while (at !== -1) {
      const length = ansiLength(output, at, end)
      if (length === -1 && !last) {
        this.pendingAt = at
        break
      }
      if (length > 0) {
        this.#append(output, start, at)
        start = at + length
      }
      at = indexOfEsc(output, Math.max(at + 1, start), end)
    }
    this.#append(output, start, at === -1 ? end : at)
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

function indexOfEsc(output: Buffer, from: number, end: number): number {
  const at = output.indexOf(esc, from)
  return at === -1 || at >= end ? -1 : at
}
