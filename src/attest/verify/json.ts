import { exactTextOf } from '../../audit/verify/index.ts'
import { Refusal } from './refusal.ts'

const maxDepth = 64

/** What is read at most, before anything is parsed: a few bytes may stand for many values. */
export interface JsonLimits {
  readonly bytes: number
  /** Values, and quotation marks within texts. */
  readonly pieces: number
}

/**
 * JSON that every reader takes for the same: no name twice in one object (of two, one reader takes the first and another the last),
 * no half of a surrogate pair, no byte order mark. What is no text is taken for JSON that somebody has read already.
 */
export function readJson(input: unknown, { bytes: maxBytes, pieces: maxPieces }: JsonLimits): unknown {
  const text = input instanceof Uint8Array ? textOf(input, maxBytes) : input
  const written = typeof text === 'string' ? text : rewritten(text)
  if (written.length > maxBytes || Buffer.byteLength(written) > maxBytes)
    throw new Refusal('too_large', `it is longer than ${maxBytes} bytes`)
  const names = namesIn(written, maxPieces)
  const value = parsed(written)
  if (namesOf(value) !== names) throw new Refusal('name_twice', 'a name stands twice in one object')
  // A half can stand there as it is, or be written as an escape, which is seen in the value alone.
  if (!written.isWellFormed() || (/\\u[dD][89a-fA-F]/.test(written) && !isWellFormed(value)))
    throw new Refusal('malformed', 'a text of it has half of a surrogate pair')
  return value
}

/** Throws `Refusal` for what has more in it than is worth parsing, or is too deep. What is within the limits may still be no JSON. */
export function boundJson(text: string, { bytes, pieces }: JsonLimits): void {
  if (text.length > bytes) throw new Refusal('too_large', `it is longer than ${bytes} bytes`)
  namesIn(text, pieces)
}

function textOf(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.length > maxBytes) throw new Refusal('too_large', `it is longer than ${maxBytes} bytes`)
  const text = exactTextOf(bytes)
  if (text === undefined)
    throw new Refusal(
      'malformed',
      'it is not in UTF-8 (perhaps in UTF-16, as PowerShell writes): save it in UTF-8',
    )
  return text
}

function rewritten(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'undefined'
  } catch (cause) {
    throw new Refusal('malformed', 'it cannot be written as JSON', { cause })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    const mark = text.startsWith('\uFEFF') ? ': it begins with a byte order mark, which JSON has not' : ''
    throw new Refusal('malformed', `it is no JSON${mark}`, { cause })
  }
}

/** How many names the objects of a value have: fewer than were written, where one was written twice. */
function namesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const all: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
  let names = Array.isArray(value) ? 0 : all.length
  for (const one of all) if (typeof one === 'object') names += namesOf(one)
  return names
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, one]) => name.isWellFormed() && isWellFormed(one))
}

const [quote, comma, colon, brace, bracket] = [0x22, 0x2c, 0x3a, 0x7b, 0x5b]
const ends: ReadonlySet<number> = new Set([0x7d, 0x5d])

/** How many names are written in what may be JSON. Throws `Refusal` for what is too deep, or has too much in it. */
function namesIn(json: string, maxPieces: number): number {
  let [names, depth, pieces] = [0, 0, 1]
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === quote) {
      const end = endOfText(json, at, maxPieces - pieces)
      pieces += end.quotes
      at = end.at
    } else if (code === colon) names++
    else if (code === comma) pieces++
    else if (code === brace || code === bracket) {
      pieces++
      if (++depth > maxDepth) throw new Refusal('malformed', `it is nested more than ${maxDepth} deep`)
    } else if (ends.has(code)) depth--
    if (pieces > maxPieces) throw new Refusal('too_large', `it has more than ${maxPieces} values`)
  }
  return names
}

/** Where a text ends, and how many quotation marks are in it; no further than is worth it. */
function endOfText(json: string, start: number, maxQuotes: number): { at: number; quotes: number } {
  let from = start + 1
  for (let quotes = 0; quotes <= maxQuotes; quotes++) {
    const end = json.indexOf('"', from)
    if (end === -1) throw new Refusal('malformed', 'it is no JSON')
    let before = end - 1
    // Only back to the last quote, so each character is looked at once.
    while (before >= from && json.charAt(before) === '\\') before--
    if ((end - 1 - before) % 2 === 0) return { at: end, quotes }
    from = end + 1
  }
  return { at: json.length, quotes: maxQuotes + 1 }
}
