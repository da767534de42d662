import { isLikelyRow, maxRowBytes, mayBeRow, parseRow, type DumpRow, type RowOrder } from './dump-rows.ts'

/** Looks through decoded bytes; offsets count from its first byte on. */
export interface DecodedBytes {
  write(bytes: Uint8Array): void
  flushIdle(): void
  end(): void
  /** Before it nothing is held: what stands there is no secret, or was told. */
  heldFrom(): number
}

interface HeldRow {
  readonly line: Buffer
  readonly bodyAt: number
  readonly start: Readonly<Record<RowOrder, number>>
  readonly end: Readonly<Record<RowOrder, number>>
  isMasked: boolean
}

const orders: readonly RowOrder[] = ['big', 'little']
const empty = Buffer.alloc(0)

/**
 * Takes dumps apart, whose numbers no other view can follow over the ends of their rows, the offsets and the column of text:
 * each row is decoded, the bytes are looked through, and of a row that holds a part of a secret only the offset is left. A
 * row is held while a secret may go on in the next; all other output passes as it comes.
 */
export class Dumps {
  readonly #open: (onMask: (start: number, end: number) => void) => DecodedBytes
  readonly #replacement: Buffer
  #decoded: Record<RowOrder, DecodedBytes> | undefined
  #written: Record<RowOrder, number> = { big: 0, little: 0 }
  #rows: HeldRow[] = []
  /** The beginning of a line that may become a row. */
  #line = empty
  #isLineStart = true
  #out: Buffer[] = []

  constructor(open: (onMask: (start: number, end: number) => void) => DecodedBytes, replacement: Buffer) {
    this.#open = open
    this.#replacement = replacement
  }

  /** Returns what may go on; it may be a part of `chunk` itself. */
  write(chunk: Uint8Array): Uint8Array {
    const bytes = this.#line.length === 0 ? asBuffer(chunk) : Buffer.concat([this.#line, chunk])
    this.#isLineStart ||= this.#line.length > 0
    this.#line = empty
    // Most chunks hold no row, and go on as they are.
    let passed = 0
    let at = 0
    while (at < bytes.length) {
      const end = endOfLine(bytes, at)
      const isWhole = end <= bytes.length
      if (this.#isLineStart && (this.#decoded !== undefined || mayBeRowAt(bytes, at))) {
        const line = bytes.subarray(at, isWhole ? end : bytes.length)
        const text = line.length > maxRowBytes ? '' : line.toString('latin1')
        const row = isWhole && text !== '' ? parseRow(text) : undefined
        const isPending = !isWhole && text !== '' && mayBeRow(text)
        if (row !== undefined || isPending) {
          this.#pass(bytes, passed, at)
          if (row !== undefined) this.#take(line, row)
          else this.#line = Buffer.from(line)
          passed = isWhole ? end : bytes.length
          // The rows that are left go before what follows them.
        } else this.#endDump()
      }
      this.#isLineStart = isWhole
      at = isWhole ? end : bytes.length
    }
    if (this.#out.length === 0 && passed === 0) return bytes
    this.#pass(bytes, passed, bytes.length)
    return this.#flush()
  }

  /** Nothing came for a while: what is held, save rows in which a secret may be under way, and the beginning of a row. */
  flushIdle(): Uint8Array {
    if (this.#decoded !== undefined) {
      for (const order of orders) this.#decoded[order].flushIdle()
      this.#release()
    }
    const isRow = isLikelyRow(this.#line.toString('latin1'))
    if (this.#line.length > 0 && this.#rows.length === 0 && !isRow) {
      this.#out.push(this.#line)
      this.#line = empty
      this.#isLineStart = false
    }
    return this.#flush()
  }

  end(): Uint8Array {
    const row = this.#line.length > 0 ? parseRow(this.#line.toString('latin1')) : undefined
    if (row !== undefined) this.#take(this.#line, row)
    this.#endDump()
    if (row === undefined && this.#line.length > 0) this.#out.push(this.#line)
    this.#line = empty
    return this.#flush()
  }

  #pass(bytes: Buffer, start: number, end: number): void {
    if (end > start) this.#out.push(bytes.subarray(start, end))
  }

  #take(line: Buffer, { bodyAt, decoded }: DumpRow): void {
    const into = (this.#decoded ??= { big: this.#lookThrough('big'), little: this.#lookThrough('little') })
    const start = { ...this.#written }
    for (const order of orders) this.#written[order] += decoded[order].length
    this.#rows.push({ line: Buffer.from(line), bodyAt, start, end: { ...this.#written }, isMasked: false })
    for (const order of orders) into[order].write(decoded[order])
    this.#release()
  }

  #lookThrough(order: RowOrder): DecodedBytes {
    return this.#open((start, end) => {
      for (const row of this.#rows) if (row.start[order] < end && row.end[order] > start) row.isMasked = true
    })
  }

  #release(): void {
    const decoded = this.#decoded
    if (decoded === undefined) return
    let count = 0
    for (const row of this.#rows) {
      if (orders.some((order) => decoded[order].heldFrom() < row.end[order])) break
      this.#out.push(...this.#shown(row))
      count++
    }
    this.#rows.splice(0, count)
  }

  #shown({ line, bodyAt, isMasked }: HeldRow): Buffer[] {
    if (!isMasked) return [line]
    const lineEnd = /[\r\n]*$/.exec(line.toString('latin1'))?.[0] ?? ''
    return [line.subarray(0, bodyAt), Buffer.from('  '), this.#replacement, Buffer.from(lineEnd)]
  }

  #endDump(): void {
    if (this.#decoded === undefined) return
    for (const order of orders) this.#decoded[order].end()
    for (const row of this.#rows) this.#out.push(...this.#shown(row))
    this.#rows = []
    this.#decoded = undefined
    this.#written = { big: 0, little: 0 }
  }

  #flush(): Buffer {
    const out = this.#out.length === 1 ? (this.#out[0] as Buffer) : Buffer.concat(this.#out)
    this.#out = []
    return out
  }
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
}

/** The offset after the end of the line, or one beyond the bytes when it has not come. */
function endOfLine(bytes: Buffer, at: number): number {
  const end = bytes.indexOf(0x0a, at)
  return end === -1 ? bytes.length + 1 : end + 1
}

// Most lines, those with a time in front or indented, too, are turned away here.
function mayBeRowAt(bytes: Buffer, at: number): boolean {
  if (isBlank(bytes[at] as number)) return mayBeBareAt(bytes, at)
  const end = Math.min(at + 16, bytes.length)
  let i = at
  while (i < end && isHexDigit(bytes[i] as number)) i++
  if (i === bytes.length) return true
  if (i - at < 4) return false
  const byte = bytes[i] as number
  return isBlank(byte) || byte === 0x3a
}

const maxIndent = 64
const maxCell = 3

// The first word of a row of `od -An` is a number, or ends with a column of four.
function mayBeBareAt(bytes: Buffer, at: number): boolean {
  let start = at
  while (start - at < maxIndent && isBlank(bytes[start] as number)) start++
  let end = start
  let isNumber = true
  while (end < bytes.length && (bytes[end] as number) > 0x20) {
    const byte = bytes[end] as number
    isNumber &&= isHexDigit(byte) || byte === 0x2d
    if (end - start >= (isNumber ? 16 : maxCell)) return false
    end++
  }
  return isNumber || (end - at) % 4 === 0 || end === bytes.length
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09
}

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
}
