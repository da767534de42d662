import type { Candidate, Shape } from './shapes.ts'

/** Of what tools wrap: no form of it has another byte. Padding stands at its end alone, and is left off. */
const alphabet = /^[A-Za-z0-9+/_-]{40,}$/

/** Whether tools break such a form into lines, and others put these into what has lines of its own. */
export function isWrappable(form: Buffer): boolean {
  return alphabet.test(form.toString('latin1'))
}

const [letter, sign, other] = [0, 1, 2]
const kinds = Uint8Array.from({ length: 256 }, (_, byte) => {
  const text = String.fromCharCode(byte)
  return /[A-Za-z0-9]/.test(text) ? letter : /[+/_-]/.test(text) ? sign : other
})

/** So much longer a form may be for what stands between its lines. */
const stretch = 3
const slack = 96

/**
 * A form around its window at `place`, without what stands between its lines: white space, a mark of comments or quotations, the
 * quotes and signs of a program, an escaped end of line. A sign of base64 belongs to that where none of its bytes is beside it. Where
 * lines begin with a mark of their own right before the text, as in a patch, also as it is without that.
 */
export function unwrappedAround(
  bytes: Uint8Array,
  place: number,
  { bytes: length, at }: Shape,
): Omit<Candidate, 'window'>[] {
  const start = place - at
  if (isUnbroken(bytes, start, start + length))
    return [{ start, end: start + length, form: Buffer.from(bytes.subarray(start, start + length)) }]
  const from = Math.max(0, place - stretch * at - slack)
  const to = Math.min(bytes.length, place + stretch * (length - at) + slack)
  const plain = gathered(bytes, { from, to, place, at, length }, false)
  const marked = hasMarks(bytes, from, to)
    ? gathered(bytes, { from, to, place, at, length }, true)
    : undefined
  return [plain, marked].filter((one) => one !== undefined)
}

function isUnbroken(bytes: Uint8Array, start: number, end: number): boolean {
  if (start < 0 || end > bytes.length) return false
  for (let i = start; i < end; i++) if (kinds[bytes[i] as number] === other) return false
  return true
}

interface Around {
  readonly from: number
  readonly to: number
  readonly place: number
  readonly at: number
  readonly length: number
}

function gathered(bytes: Uint8Array, around: Around, isMarked: boolean) {
  const { from, to, place, at, length } = around
  const kept = new Int32Array(to - from)
  let [count, window] = [0, -1]
  for (let i = from; i < to;) {
    const next = isMarked && isMark(bytes, i) ? i + 1 : endOfGap(bytes, i, to)
    if (next > i) {
      // What is met there is no window of it.
      if (i <= place && place < next) return undefined
      i = next
      continue
    }
    const end = kinds[bytes[i] as number] === sign ? endOfSigns(bytes, i, to) : i + 1
    for (; i < end; i++) {
      if (i === place) window = count
      kept[count++] = i
    }
  }
  const first = window - at
  if (window < 0 || first < 0 || first + length > count) return undefined
  const places = kept.subarray(first, first + length)
  const form = Buffer.alloc(length)
  for (const [i, one] of places.entries()) form[i] = bytes[one] as number
  return { start: places[0] as number, end: (places[length - 1] as number) + 1, form }
}

function endOfSigns(bytes: Uint8Array, at: number, to: number): number {
  let end = at
  while (end < to && kinds[bytes[end] as number] === sign) end++
  return end
}

/** Where what is no part of it and begins at `at` ends; `at` itself if it is one. */
function endOfGap(bytes: Uint8Array, at: number, to: number): number {
  const byte = bytes[at] as number
  const kind = kinds[byte]
  if (kind === letter) return at
  if (kind === sign) {
    const end = endOfSigns(bytes, at, to)
    // What a piece begins or ends with may go on in the next.
    const isAlone =
      at > 0 && kinds[bytes[at - 1] as number] === other && end < to && kinds[bytes[end] as number] === other
    return isAlone ? end : at
  }
  return byte === 0x5c || byte === 0x25 || byte === 0x26 ? endOfEscape(bytes, at) : at + 1
}

/** Of a backslash, `%` or `&` with what it stands for, if that is the end of a line, a tab or a blank. */
const escape =
  /^(?:\\+(?:[nrt]|u00(?:0[9ad]|20)|x(?:0[9ad]|20))?|%(?:0[9ad]|20)|&#(?:x[9ad]|9|10|13|x?20|32);|.)/is

function endOfEscape(bytes: Uint8Array, at: number): number {
  const text = Buffer.from(bytes.subarray(at, at + 12)).toString('latin1')
  return at + (escape.exec(text)?.[0].length ?? 1)
}

/** `+` or `-` at the beginning of a line of a patch, or of several. */
function isMark(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at]
  return (byte === 0x2b || byte === 0x2d) && (at === 0 || bytes[at - 1] === 0x0a)
}

function hasMarks(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (isMark(bytes, i)) return true
  return false
}
