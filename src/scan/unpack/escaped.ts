import { addWithName, sayCut, type Encoded } from './encoded.ts'
import { createView, type View } from './view.ts'
import type { Walk } from './walk.ts'
import { narrowed, printable } from './wide.ts'

/** Fewer in a row are of a text that is read as it is. */
const leastEscapes = 20
/** So long is each escape at most, and a run of them at least. */
const [mostBytes, leastBytes] = [7, 3 * leastEscapes]
const apart = leastBytes - mostBytes

const hexValues = new Int8Array(256).fill(-1)
for (const digits of ['0123456789abcdef', '0123456789ABCDEF'])
  for (let i = 0; i < 16; i++) hexValues[digits.charCodeAt(i)] = i

const [percent, backslash, ampersand, hash, semicolon, x, u, zero] = Buffer.from(
  '%\\&#;xu0',
) as unknown as Bytes
type Bytes = readonly [number, number, number, number, number, number, number, number]

const leads = new Uint8Array(256)
for (const byte of [percent, backslash, ampersand]) leads[byte] = 1

/** Texts that stand as escapes alone: `\x67`, `%67`, `\u0067`, `&#103;`, `&#x67;`, twenty and more. Undefined if there are none. */
export function escapedIn(
  walk: Walk,
  { bytes, from, to, isLast }: Omit<Encoded, 'position'>,
): View | undefined {
  let view: View | undefined
  const last = Math.min(to + leastBytes, bytes.length)
  for (let probe = from, floor = 0; probe < last; probe += apart) {
    // Of a run, these bytes have the first one of an escape.
    const lead = leadFrom(bytes, probe)
    // The second of two backslashes, of which the first is outside of the window.
    const at = lead > floor && bytes[lead] === backslash && bytes[lead - 1] === backslash ? lead - 1 : lead
    if (at === -1 || escapeAt(bytes, at) === 0) continue
    const start = firstOf(bytes, at, floor)
    const { end, values } = readRun(bytes, start)
    const plain = narrowed(values)
    // What began before was found there.
    if (start >= from && start < to && isText(plain)) {
      if (!isLast && mayGoOn(bytes, end)) sayCut(walk, 'a run of escapes')
      const into = (view ??= createView())
      addWithName(into, bytes, start, plain, end, () => into.add(plain, start, (end - start) / plain.length))
    }
    floor = end
    probe = Math.max(probe, end - apart)
  }
  return view
}

function leadFrom(bytes: Buffer, probe: number): number {
  for (let at = probe; at < probe + mostBytes; at++) if (leads[bytes[at] ?? 0] === 1) return at
  return -1
}

/** How long the escape is that begins there, times 256, and the byte that it stands for; 0 if there is none. */
function escapeAt(bytes: Buffer, at: number): number {
  switch (bytes[at]) {
    case percent:
      return sized(3, hexAt(bytes, at + 1))
    case backslash: {
      // In JSON that is a string of JSON, it is doubled.
      const more = bytes[at + 1] === backslash ? 1 : 0
      const letter = bytes[at + 1 + more]
      if (letter === x) return sized(4 + more, hexAt(bytes, at + 2 + more))
      const isByte = letter === u && bytes[at + 2 + more] === zero && bytes[at + 3 + more] === zero
      return isByte ? sized(6 + more, hexAt(bytes, at + 4 + more)) : 0
    }
    case ampersand:
      return bytes[at + 1] === hash ? referenceAt(bytes, at) : 0
    default:
      return 0
  }
}

function referenceAt(bytes: Buffer, at: number): number {
  if (((bytes[at + 2] ?? 0) | 0x20) === x)
    return bytes[at + 5] === semicolon ? sized(6, hexAt(bytes, at + 3)) : 0
  const end = bytes[at + 4] === semicolon ? at + 4 : bytes[at + 5] === semicolon ? at + 5 : -1
  if (end === -1) return 0
  const digits = bytes.toString('latin1', at + 2, end)
  const value = /^[0-9]+$/.test(digits) ? Number(digits) : 256
  return sized(end + 1 - at, value < 256 ? value : -1)
}

function hexAt(bytes: Buffer, at: number): number {
  const [high, low] = [hexValues[bytes[at] ?? 0] as number, hexValues[bytes[at + 1] ?? 0] as number]
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function sized(length: number, value: number): number {
  return value === -1 ? 0 : length * 256 + value
}

function firstOf(bytes: Buffer, at: number, floor: number): number {
  for (let start = at; ;) {
    const before = startBefore(bytes, start, floor)
    if (before === -1) return start
    start = before
  }
}

function startBefore(bytes: Buffer, end: number, floor: number): number {
  for (let length = mostBytes; length >= 3; length--) {
    const start = end - length
    if (start >= floor && escapeAt(bytes, start) >> 8 === length) return start
  }
  return -1
}

function readRun(bytes: Buffer, start: number): { readonly end: number; readonly values: Buffer } {
  const values: number[] = []
  let end = start
  for (let one = escapeAt(bytes, end); one !== 0; one = escapeAt(bytes, end)) {
    values.push(one & 0xff)
    end += one >> 8
  }
  return { end, values: Buffer.from(values) }
}

/** The piece of the text ends there, or in the next escape. */
function mayGoOn(bytes: Buffer, end: number): boolean {
  return end === bytes.length || (bytes.length - end < mostBytes && leads[bytes[end] ?? 0] === 1)
}

/** Programs and other languages are written so, too. */
function isText(plain: Buffer): boolean {
  let length = 0
  for (const byte of plain) {
    length = printable[byte] === 1 ? length + 1 : 0
    if (length === leastEscapes) return true
  }
  return false
}
