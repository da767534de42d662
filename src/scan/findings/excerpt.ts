import { escapeUnseen } from '../../lib/index.ts'
import type { Found } from './model.ts'

/** Bytes of the line that are shown before and after the secret. */
const before = 80
const after = 60
/** Of a secret so many bytes are shown, and of one that is shorter than `shortBytes` none. */
const shownBytes = 4
const shortBytes = 16
const mask = '****'

/** Bytes that are not shown. */
interface Hidden {
  readonly start: number
  end: number
  showsHead: boolean
}

/**
 * Shows where a secret stands, without it: the hits of the same bytes are hidden, and all else that looks like no word. Nothing that a
 * file says reaches a terminal as it is.
 */
export function excerptsOf(bytes: Buffer, hits: readonly Found[], isBinary: boolean): (hit: Found) => string {
  const hidden = mergedSpans(hits.map((hit) => (hit.known === undefined ? hit : withEdges(bytes, hit))))
  return (hit) => {
    const [from, to] = isBinary ? printableAround(bytes, hit) : lineAround(bytes, hit)
    const spans = mergedSpans([...spansIn(hidden, from, to), ...copiesOf(bytes, hit, from, to)])
    let [text, at] = ['', from]
    for (const span of spans) {
      text += contextText(bytes, at, Math.max(at, span.start)) + headOf(bytes, span) + mask
      at = Math.max(at, span.end)
    }
    return (text + contextText(bytes, at, Math.max(at, to))).trim()
  }
}

/**
 * What is known stands there in whatever form, of which the characters at the edges are of it and of its neighbours (base64): they are hidden,
 * with the padding behind.
 */
function withEdges(bytes: Buffer, { start, end }: Found): Hidden {
  let [from, to] = [start, end]
  while (from > start - edge && isOfForm(bytes[from - 1])) from--
  while (to < end + edge && isOfForm(bytes[to])) to++
  while (to < end + 2 * edge && bytes[to] === 0x3d) to++
  return { start: from, end: to, showsHead: end - start >= shortBytes && from === start }
}

/** So many characters of base64 may have bits of a secret's first, or last, byte. */
const edge = 2

function isOfForm(byte: number | undefined): boolean {
  return byte !== undefined && /[\w+/-]/.test(String.fromCharCode(byte))
}

function mergedSpans(hits: readonly (Found | Hidden)[]): Hidden[] {
  const merged: Hidden[] = []
  for (const hit of hits.toSorted((a, b) => a.start - b.start)) {
    const showsHead = 'showsHead' in hit ? hit.showsHead : hit.end - hit.start >= shortBytes
    const last = merged.at(-1)
    if (last === undefined || hit.start >= last.end)
      merged.push({ start: hit.start, end: hit.end, showsHead })
    else {
      last.end = Math.max(last.end, hit.end)
      last.showsHead &&= showsHead
    }
  }
  return merged
}

function spansIn(hidden: readonly Hidden[], from: number, to: number): Hidden[] {
  let [low, high] = [0, hidden.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((hidden[middle]?.end ?? 0) <= from) low = middle + 1
    else high = middle
  }
  const found: Hidden[] = []
  for (let at = low; at < hidden.length; at++) {
    const span = hidden[at]
    if (span === undefined || span.start >= to) break
    // What began in front of the window shows no head: its first bytes are not here.
    found.push({ ...span, showsHead: span.showsHead && span.start >= from })
  }
  return found
}

/** The same value again in its line, where no rule expects it. */
function copiesOf(bytes: Buffer, hit: Found, from: number, to: number): Hidden[] {
  const [window, secret] = [bytes.subarray(from, to), bytes.subarray(hit.start, hit.end)]
  const found: Hidden[] = []
  if (secret.length === 0) return found
  for (let at = window.indexOf(secret); at !== -1; at = window.indexOf(secret, at + secret.length))
    found.push({
      start: from + at,
      end: from + at + secret.length,
      showsHead: secret.length >= shortBytes,
    })
  return found
}

function headOf(bytes: Buffer, { start, end, showsHead }: Hidden): string {
  if (!showsHead || end - start < shortBytes) return ''
  const head = bytes.toString('latin1', start, start + shownBytes)
  return /^[\x21-\x7e]*/.exec(head)?.[0] ?? ''
}

/** The line of the secret as far as it is shown; a word that would be cut is left out, since its half is no longer known for a secret. */
function lineAround(bytes: Buffer, { start, end }: Found): [number, number] {
  const lineStart = bytes.subarray(Math.max(0, start - before), start).lastIndexOf(0x0a)
  let from = lineStart === -1 ? Math.max(0, start - before) : Math.max(0, start - before) + lineStart + 1
  const lineEnd = bytes.subarray(start, end + after).indexOf(0x0a)
  let to = lineEnd === -1 ? Math.min(bytes.length, end + after) : Math.max(end, start + lineEnd)
  if (lineEnd !== -1 && to > end && bytes[to - 1] === 0x0d) to--
  if (from > 0 && isOfWord(bytes[from - 1])) while (from < start && isOfWord(bytes[from])) from++
  if (to < bytes.length && isOfWord(bytes[to])) while (to > end && isOfWord(bytes[to - 1])) to--
  return [from, to]
}

/** Of a binary file only what is text without a gap. */
function printableAround(bytes: Buffer, { start, end }: Found): [number, number] {
  let [from, to] = [start, end]
  while (from > Math.max(0, start - before) && isPrintable(bytes[from - 1])) from--
  while (to < Math.min(bytes.length, end + after) && isPrintable(bytes[to])) to++
  if (isPrintable(bytes[from - 1]) && isOfWord(bytes[from - 1]))
    while (from < start && isOfWord(bytes[from])) from++
  if (isPrintable(bytes[to]) && isOfWord(bytes[to])) while (to > end && isOfWord(bytes[to - 1])) to--
  return [from, to]
}

/** A character of a word, and every byte of a character that is not ASCII. */
function isOfWord(byte: number | undefined): boolean {
  return byte !== undefined && (byte >= 0x80 || /[\w+-]/.test(String.fromCharCode(byte)))
}

function isPrintable(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x20 && byte < 0x7f
}

/** What no rule knows may be a secret, too. */
function contextText(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, to)
  return escapeUnseen(text.replaceAll(/[\w+-]{20,}/g, (word) => (isOpaque(word) ? mask : word)))
}

function isOpaque(word: string): boolean {
  const digits = word.replaceAll(/\D/g, '').length
  return digits >= 4 || (digits > 0 && /[a-z]/.test(word) && /[A-Z]/.test(word))
}
