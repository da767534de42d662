/**
 * How the numbers of a row stand for bytes: in their order, or each number with its lowest byte first. Single bytes have no
 * order; of these `little` reads them as decimal, where that may be meant, too.
 */
export type RowOrder = 'big' | 'little'

/** One row of a dump: `hexdump`, `hexdump -C`, `od` with any of -a -b -c -o -x -t x1 -t x2 -t x4 -t x8 -t u1 -t d1, `xxd`, Format-Hex; `od -An`. */
export interface DumpRow {
  /** Where the numbers begin: what stands before is the offset. */
  readonly bodyAt: number
  readonly decoded: Readonly<Record<RowOrder, Buffer>>
}

/** A longer line is no row. */
export const maxRowBytes = 1_024

const offset = /^[0-9a-fA-F]{4,16}(:?)(?=[ \t])/

/** The bytes that a line shows, or undefined when it is no row of a dump. */
export function parseRow(line: string): DumpRow | undefined {
  const head = offset.exec(line)
  if (head === null && !/^[ \t]/.test(line)) return undefined
  const bodyAt = head?.[0].length ?? 0
  const body = line.slice(bodyAt).replace(/\r?\n$/, '')
  const numbers = numbersOf(body.trimEnd(), head?.[1] === ':', head === null)
  const decoded = numbers ?? bytesOf(body)
  return decoded === undefined ? undefined : { bodyAt, decoded }
}

/** Whether a line that begins so may become a row. */
export function mayBeRow(line: string): boolean {
  if (/^[ \t]/.test(line)) return mayBeBare(line)
  return /^[0-9a-fA-F]{0,16}$/.test(line) || offset.test(line) || /^[0-9a-fA-F]{4,16}:$/.test(line)
}

/** Whether a line that begins so is most likely a row: no prompt that somebody waits for looks like this. */
export function isLikelyRow(line: string): boolean {
  return (
    /^[0-9a-f]{6,16}:?[ \t]+[^ \t]/i.test(line) || /^(?: {3}\S| {2}\S\S| \S{3}| [0-9a-f]{4,16}){3}/.test(line)
  )
}

// A row of `od -An`.
function mayBeBare(line: string): boolean {
  if (/^[ \t]+(?:[0-9a-fA-F-]+[ \t]+)*(?:[0-9a-fA-F-]*$|>)/.test(line)) return true
  return cellsOf(line.slice(0, line.length - (line.length % 4))) !== undefined
}

const number = /([ \t]+)([0-9a-fA-F]+)(?=[ \t]|$)/y

// What follows the numbers after two blanks is their text.
function numbersOf(body: string, isXxd: boolean, isBare: boolean): DumpRow['decoded'] | undefined {
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
  // Without an offset such a row is a wrapped form like any other, and found as one.
  if (isBare && width === 2 && rest === '') return undefined
  if (![2, 4, 8, 16].includes(width) || (words.at(-1)?.length ?? 0) % 2 === 1) return undefined
  const big = Buffer.from(words.join(''), 'hex')
  // `84 104` may also be decimal.
  const little =
    width === 2
      ? Buffer.from(decimalsOf(body) ?? [])
      : Buffer.concat(words.map((word) => Buffer.from(word, 'hex').reverse()))
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

function bytesOf(body: string): DumpRow['decoded'] | undefined {
  const [big, little] = [cellsOf(body.padEnd(Math.ceil(body.length / 4) * 4)), decimalsOf(body)]
  if (big === undefined && little === undefined) return undefined
  return { big: Buffer.from(big ?? []), little: Buffer.from(little ?? []) }
}

function decimalsOf(body: string): number[] | undefined {
  const words = body.trim().split(/[ \t]+/)
  return words.every((word) => /^-?\d{1,3}$/.test(word)) ? words.map(Number) : undefined
}

// `od -c`, `od -a` and `od -b`: four columns for each byte.
function cellsOf(body: string): number[] | undefined {
  const bytes: number[] = []
  for (let at = 0; at < body.length; at += 4) {
    const byte = byteOfCell(body.slice(at, at + 4))
    if (byte === undefined) return undefined
    bytes.push(byte)
  }
  return bytes
}

const names =
  'nul soh stx etx eot enq ack bel bs ht nl vt ff cr so si dle dc1 dc2 dc3 dc4 nak syn etb can em sub esc fs gs rs us sp'.split(
    ' ',
  )

function byteOfCell(cell: string): number | undefined {
  if (/^ {3}[\x20-\x7e]$/.test(cell)) return cell.charCodeAt(3)
  if (/^ [0-3][0-7]{2}$/.test(cell)) return Number.parseInt(cell, 8)
  if (cell.startsWith('  \\')) return escapes[cell.slice(2)]
  const named = names.indexOf(cell.trim())
  return named === -1 ? undefined : named
}
