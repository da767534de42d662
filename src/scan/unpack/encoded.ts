import {
  encodedStart,
  hexTextEnd,
  isPacked,
  leastCharacters,
  nextRun,
  printable,
  runEnd,
} from './encoded-run.ts'
import { flowOfBytes } from './flow.ts'
import type { Position } from './model.ts'
import { createView, type View } from './view.ts'
import { say, type Walk } from './walk.ts'

/** A part of a text whose decoded parts are looked for. */
export interface Encoded {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  readonly isLast: boolean
  readonly position: (offset: number) => Position
}

/** By the form in which they came. */
export interface DecodedViews {
  base64?: View
  hex?: View
}

/**
 * What stands in base64 and hex in a text, as two texts that can be looked at in its place, with the names that the values have. What is packed
 * in it is opened.
 */
export async function decodedIn(walk: Walk, text: Encoded): Promise<DecodedViews> {
  const { bytes, from, to, isLast } = text
  const views: DecodedViews = {}
  // What began before was found there.
  let least = from === 0 ? 0 : runEnd(bytes, from - 1)
  for (let start = nextRun(bytes, least); start !== -1 && start < to; start = nextRun(bytes, least)) {
    const end = runEnd(bytes, start + leastCharacters)
    least = end
    const hexAt = bytes[start] === zero && bytes[start + 1] === x ? start + 2 : start
    const hexEnd = hexTextEnd(bytes, hexAt, end)
    if (hexEnd !== -1) {
      if (end === bytes.length && !isLast) sayCut(walk, 'hex')
      addHex((views.hex ??= createView()), bytes, hexAt, hexEnd)
      continue
    }
    const at = encodedStart(bytes, start, end)
    if (at === -1) continue
    if (end === bytes.length && !isLast) sayCut(walk, 'base64')
    least = await addBase64(walk, text, (views.base64 ??= createView()), at, end)
  }
  return views
}

/** Of a run that goes on behind the piece of a long text in which it begins. */
export function sayCut(walk: Walk, what: 'base64' | 'hex' | 'a run of escapes'): void {
  say(walk, 'limit', `${what} in it is longer than is decoded at once, and was not looked into`)
}

const [zero, x] = [0x30, 0x78]

function addHex(view: View, bytes: Buffer, start: number, end: number): void {
  const plain = Buffer.from(bytes.toString('latin1', start, end), 'hex')
  addWithName(view, bytes, start, plain, end, () => view.add(plain, start, 'hex'))
}

async function addBase64(
  walk: Walk,
  text: Encoded,
  view: View,
  start: number,
  firstEnd: number,
): Promise<number> {
  const { bytes, position } = text
  const lines = linesOf(bytes, start, firstEnd)
  const encoded = lines.gap === 0 ? bytes.toString('latin1', start, firstEnd) : lines.text
  const plain = Buffer.from(encoded, 'base64')
  if (isPacked(plain))
    await walk.open(
      {
        ...walk,
        decoded: [...walk.decoded, 'base64'],
        encodings: walk.encodings + 1,
        place: position(start),
      },
      flowOfBytes(plain),
    )
  else {
    const narrow = narrowed(plain)
    // Each character of UTF-16 stands for two bytes of base64's: places in it are those of the beginning.
    const as = narrow === plain ? 'base64' : 'as is'
    addWithName(view, bytes, start, narrow, lines.end, () => view.add(narrow, start, as, lines))
  }
  return lines.end
}

/** A text of UTF-16 in ASCII, as PowerShell takes its commands; others as they are. */
function narrowed(plain: Buffer): Buffer {
  const seen = Math.min(plain.length & ~1, 64)
  for (let at = 0; at < seen; at += 2)
    if (plain[at + 1] !== 0 || printable[plain[at] ?? 0] !== 1) return plain
  return Buffer.from(plain.toString('utf16le'))
}

interface Lines {
  readonly line: number
  readonly gap: number
  readonly end: number
  readonly text: string
}

const leastLine = 60

/** Base64 in lines of one length, each after the same indentation. */
function linesOf(bytes: Buffer, start: number, firstEnd: number): Lines {
  const line = firstEnd - start
  const alone = { line: Number.POSITIVE_INFINITY, gap: 0, end: firstEnd, text: '' }
  const between = /^\r?\n[ \t]{0,64}(?=[A-Za-z0-9+/])/.exec(
    bytes.toString('latin1', firstEnd, firstEnd + 80),
  )?.[0]
  if (line < leastLine || line % 4 !== 0 || between === undefined) return alone
  const gap = Buffer.from(between, 'latin1')
  const parts = [bytes.toString('latin1', start, firstEnd)]
  let end = firstEnd
  for (let length = line; length === line;) {
    const at = end + gap.length
    if (!bytes.subarray(end, at).equals(gap)) break
    length = /^[A-Za-z0-9+/_-]*/.exec(bytes.toString('latin1', at, at + line))?.[0].length ?? 0
    if (length === 0) break
    parts.push(bytes.toString('latin1', at, at + length))
    end = at + length
  }
  return parts.length === 1 ? alone : { line, gap: gap.length, end, text: parts.join('') }
}

const maxNameBytes = 64
const [newline, quotes] = [Buffer.from('\n'), [0x22, 0x27, 0x60]]

/** What is decoded, as it would stand in its place: rules go by the name of a value, and by quotes around it. */
export function addWithName(
  view: View,
  bytes: Buffer,
  start: number,
  plain: Buffer,
  end: number,
  add: () => void,
): void {
  if (plain.length === 0) return
  const before = bytes.toString('latin1', Math.max(0, start - maxNameBytes), start)
  const name = /[\w.-]*["']?\s?(?:[:=]|=>|:=)[ \t]{0,8}["'`]?$/.exec(before)?.[0] ?? ''
  const nameAt = start - name.length
  view.add(bytes.subarray(nameAt, start), nameAt, 'as is')
  add()
  if (quotes.includes(bytes[end] ?? 0)) view.add(bytes.subarray(end, end + 1), end, 'as is')
  view.add(newline, end, 'as is')
}
