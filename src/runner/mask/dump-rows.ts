/** How the numbers of a row stand for bytes: in their order, or each number with its lowest byte first. */
export type RowOrder = 'big' | 'little'

/** One row of a dump: `hexdump`, `hexdump -C`, `od` with any of -b -c -o -x -t x1 -t x2 -t x4 -t x8, `xxd`, Format-Hex. */
export interface DumpRow {
  /** Where the numbers begin: what stands before is the offset. */
  readonly bodyAt: number
  readonly decoded: Readonly<Record<RowOrder, Buffer>>
}

// Single bytes have no order, and are looked through once.
const nothing = Buffer.alloc(0)

/** A longer line is no row. */
export const maxRowBytes = 1_024

const offset = /^[0-9a-fA-F]{4,16}(:?)(?=[ \t])/

/** The bytes that a line shows, or undefined when it is no row of a dump. */
export function parseRow(line: string): DumpRow | undefined {
  const head = offset.exec(line)
  if (head === null) return undefined
  const bodyAt = head[0].length
  const body = line.slice(bodyAt).trimEnd()
  const decoded = numbersOf(body, head[1] === ':') ?? cellsOf(body)
  return decoded === undefined ? undefined : { bodyAt, decoded }
}

/** Whether a line that begins so may become a row. */
export function mayBeRow(line: string): boolean {
  return /^[0-9a-fA-F]{0,16}$/.test(line) || offset.test(line) || /^[0-9a-fA-F]{4,16}:$/.test(line)
}

const number = /([ \t]+)([0-9a-fA-F]+)(?=[ \t]|$)/y

// What follows the numbers after two blanks is their text.
function numbersOf(body: string, isXxd: boolean): DumpRow['decoded'] | undefined {
  const words: string[] = []
  let end = 0
  let count = 0
  number.lastIndex = 0
  for (let match = number.exec(body); match !== null; match = number.exec(body)) {
    const [whole, gap = '', word = ''] = match
    const first = words[0]?.length ?? word.length
    const isText = words.length > 0 && gap.length > 1 && (isXxd || count >= 16)
    if (isText || word.length > first) break
    words.push(word)
    end += whole.length
    count += word.length >> 1
    if (word.length < first) break
  }
  const rest = body.slice(end)
  const width = words[0]?.length ?? 0
  if (words.length === 0 || !/^(?:[ \t]{2}|[ \t]*[|>]|$)/.test(rest)) return undefined
  if (width === 6 && words.every((word) => /^[0-7]{6}$/.test(word))) return octalWords(words)
  if (![2, 4, 8, 16].includes(width) || (words.at(-1)?.length ?? 0) % 2 === 1) return undefined
  const big = Buffer.from(words.join(''), 'hex')
  const little =
    width === 2 ? nothing : Buffer.concat(words.map((word) => Buffer.from(word, 'hex').reverse()))
  return { big, little }
}

function octalWords(words: readonly string[]): DumpRow['decoded'] {
  const big = Buffer.alloc(words.length * 2)
  for (const [i, word] of words.entries()) big.writeUInt16BE(Number.parseInt(word, 8) & 0xffff, i * 2)
  return { big, little: Buffer.from(big).swap16() }
}

const escapes: Readonly<Record<string, number>> = {
  '\\0': 0,
  '\\a': 7,
  '\\b': 8,
  '\\t': 9,
  '\\n': 10,
  '\\v': 11,
  '\\f': 12,
  '\\r': 13,
}

// `od -c` and `od -b`: four columns for each byte.
function cellsOf(body: string): DumpRow['decoded'] | undefined {
  const bytes: number[] = []
  for (let at = 0; at < body.length; at += 4) {
    const cell = body.slice(at, at + 4).padEnd(4)
    const byte = byteOfCell(cell)
    if (byte === undefined) return undefined
    bytes.push(byte)
  }
  if (bytes.length === 0) return undefined
  const big = Buffer.from(bytes)
  return { big, little: nothing }
}

function byteOfCell(cell: string): number | undefined {
  if (/^ {3}[\x20-\x7e]$/.test(cell)) return cell.charCodeAt(3)
  if (/^ [0-3][0-7]{2}$/.test(cell)) return Number.parseInt(cell, 8)
  return cell.startsWith('  \\') ? escapes[cell.slice(2)] : undefined
}
