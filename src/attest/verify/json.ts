import { exactTextOf } from '../../audit/verify/index.ts'
import { Refusal } from './refusal.ts'

const maxDepth = 64

/**
 * JSON that every reader takes for the same: no name twice in one object (of two, one reader takes the first and another the last),
 * no half of a surrogate pair, no byte order mark. What is no text is taken for JSON that somebody has read already.
 */
export function readJson(input: unknown, maxBytes: number): unknown {
  const text = input instanceof Uint8Array ? textOf(input, maxBytes) : input
  const written = typeof text === 'string' ? text : rewritten(text)
  if (written.length > maxBytes || Buffer.byteLength(written) > maxBytes)
    throw new Refusal('too_large', `it is longer than ${maxBytes} bytes`)
  const value = parsed(written)
  if (namesOf(value, 0) !== namesIn(written))
    throw new Refusal('name_twice', 'a name stands twice in one object')
  return value
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
function namesOf(value: unknown, depth: number): number {
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value !== 'object' || value === null) return 0
  if (depth === maxDepth) throw new Refusal('malformed', `it is nested more than ${maxDepth} deep`)
  if (Array.isArray(value)) {
    let names = 0
    for (const one of value) names += namesOf(one, depth + 1)
    return names
  }
  const entries = Object.entries(value)
  let names = entries.length
  for (const [name, one] of entries) names += wellFormed(name) + namesOf(one, depth + 1)
  return names
}

function wellFormed(text: string): 0 {
  if (!text.isWellFormed()) throw new Refusal('malformed', 'a text of it has half of a surrogate pair')
  return 0
}

/** How many texts of what is JSON for sure have a colon behind them. */
function namesIn(json: string): number {
  let names = 0
  for (let at = json.indexOf('"'); at !== -1; at = json.indexOf('"', at)) {
    at = endOfText(json, at) + 1
    while (/[ \t\r\n]/.test(json.charAt(at))) at++
    if (json.charAt(at) === ':') names++
  }
  return names
}

function endOfText(json: string, start: number): number {
  let from = start + 1
  for (;;) {
    const end = json.indexOf('"', from)
    let before = end - 1
    // Only back to the last quote, so each character is looked at once.
    while (before >= from && json.charAt(before) === '\\') before--
    if ((end - 1 - before) % 2 === 0) return end
    from = end + 1
  }
}
