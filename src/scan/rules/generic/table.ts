import type { Place } from './places.ts'

const [maxHeader, maxRow, maxRows] = [512, 1_024, 50]
const header =
  /^(?:\xef\xbb\xbf)?"?[\w .-]{1,40}"?(?:([,;\t])"?[\w .-]{1,40}"?(?:\1"?[\w .-]{1,40}"?){0,40})\r?$/

const quoteMark = 0x22

/** Whether the name may be of the first line of a text, or be the first field of another one. */
export function mayBeInTable(bytes: Buffer, { start, end }: Place): boolean {
  const before = bytes[start - 1] === quoteMark ? bytes[start - 2] : bytes[start - 1]
  if (before === 0x0a) return isSeparator[(bytes[end] === quoteMark ? bytes[end + 1] : bytes[end]) ?? 0] === 1
  return start < maxHeader && bytes.subarray(0, start).indexOf(0x0a) === -1
}

const isSeparator = new Uint8Array(256)
for (const byte of Buffer.from(',;\t')) isSeparator[byte] = 1

/**
 * Of a table of fields (RFC 4180): the first value of its column, if its first line is `name,password`; that of its row, if its first line is
 * `name,value`.
 */
export function valueInTable(
  bytes: Buffer,
  place: Place,
  isOne: (value: string) => boolean,
): Place | undefined {
  if (!mayBeInTable(bytes, place)) return undefined
  const firstEnd = bytes.subarray(0, maxHeader).indexOf(0x0a)
  if (firstEnd === -1) return undefined
  const separator = header.exec(bytes.toString('latin1', 0, firstEnd))?.[1]
  if (separator === undefined) return undefined
  const nameOf = (field: string) => field.replaceAll(/["\r\xef\xbb\xbf]/g, '').trim()
  const names = bytes.toString('latin1', 0, firstEnd).split(separator).map(nameOf)
  const shape = { separator, columns: names.length, isOne }
  if (place.start > firstEnd) {
    const column = names.findIndex((name) => /^value$/i.test(name))
    if (column < 1 || !/^(?:name|key|variable|setting|parameter|property|option)$/i.test(names[0] ?? ''))
      return undefined
    const row = bytes.lastIndexOf(0x0a, place.start) + 1
    return firstIn(bytes, row, { ...shape, column, rows: 1 })
  }
  const column = bytes.toString('latin1', 0, place.start).split(separator).length - 1
  // `password` is the name of a column; in `password hint` it is not.
  if (names[column] !== bytes.toString('latin1', place.start, place.end)) return undefined
  return firstIn(bytes, firstEnd + 1, { ...shape, column, rows: maxRows })
}

interface Shape {
  readonly separator: string
  readonly column: number
  readonly columns: number
  readonly rows: number
  readonly isOne: (value: string) => boolean
}

function firstIn(
  bytes: Buffer,
  first: number,
  { separator, column, columns, rows, isOne }: Shape,
): Place | undefined {
  const field = new RegExp(`(?:"(?:[^"]|"")*"|[^"${separator}]*)(?:${separator}|$)`, 'y')
  for (let [at, row] = [first, 0]; row < rows; row++) {
    const length = bytes.subarray(at, at + maxRow).indexOf(0x0a)
    const line = bytes.toString('latin1', at, length === -1 ? at + maxRow : at + length).replace(/\r$/, '')
    field.lastIndex = 0
    const fields: { readonly text: string; readonly from: number }[] = []
    while (fields.length <= columns && field.lastIndex < line.length) {
      const from = field.lastIndex
      const text = field.exec(line)?.[0]
      if (text === undefined || text === '') return undefined
      fields.push({ text: text.endsWith(separator) ? text.slice(0, -1) : text, from })
    }
    const { text = '', from = 0 } = fields[column] ?? {}
    const isQuoted = text.startsWith('"')
    const value = isQuoted ? text.slice(1, -1) : text
    const start = at + from + Number(isQuoted)
    if (fields.length === columns && isOne(value)) return { start, end: start + value.length }
    if (length === -1) return undefined
    at += length + 1
  }
  return undefined
}
