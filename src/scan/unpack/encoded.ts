import {
  behindEscape,
  encodedStart,
  hexEnd,
  isPacked,
  leastCharacters,
  nextRun,
  runEnd,
} from './encoded-run.ts'
import { flowOfBytes } from './flow.ts'
import type { Position } from './model.ts'
import { createView, type View } from './view.ts'
import { say, type Walk } from './walk.ts'
import { narrowed } from './wide.ts'

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
    const hex = hexIn(bytes, start, end)
    if (hex !== undefined) {
      if (end === bytes.length && !isLast) sayCut(walk, 'hex')
      least = await addDecoded(walk, text, (views.hex ??= createView()), 'hex', hex)
      continue
    }
    const at = encodedStart(bytes, start, end)
    if (at === -1) continue
    if (end === bytes.length && !isLast) sayCut(walk, 'base64')
    least = await addDecoded(walk, text, (views.base64 ??= createView()), 'base64', { at, end })
  }
  return views
}

/** Of a run that goes on behind the piece of a long text in which it begins. */
export function sayCut(walk: Walk, what: 'base64' | 'hex' | 'a run of escapes'): void {
  say(walk, 'limit', `${what} in it is longer than is decoded at once, and was not looked into`)
}

const [zero, x] = [0x30, 0x78]

interface Run {
  readonly at: number
  readonly end: number
}

/** The run of hex that a run is, but for `0x` or an escape in front. */
function hexIn(bytes: Buffer, start: number, last: number): Run | undefined {
  const first = bytes[start] === zero && bytes[start + 1] === x ? start + 2 : start
  const end = hexEnd(bytes, first, last)
  if (end !== -1) return { at: first, end }
  const behind = behindEscape(bytes, start)
  const endBehind = behind === start ? -1 : hexEnd(bytes, behind, last)
  return endBehind === -1 ? undefined : { at: behind, end: endBehind }
}

const alphabets = { base64: /^[A-Za-z0-9+/_-]*/, hex: /^[0-9A-Fa-f]*/ }

/** Opens what is packed, adds what is a text; answers where it ends. */
async function addDecoded(
  walk: Walk,
  { bytes, position }: Encoded,
  view: View,
  how: 'base64' | 'hex',
  run: Run,
): Promise<number> {
  const lines = linesOf(bytes, run, alphabets[how])
  const encoded = lines.gap === 0 ? bytes.toString('latin1', run.at, run.end) : lines.text
  const plain = Buffer.from(encoded, how)
  if (isPacked(plain))
    await walk.open(
      {
        ...walk,
        decoded: [...walk.decoded, how],
        encodings: walk.encodings + 1,
        place: position(run.at),
      },
      flowOfBytes(plain),
    )
  else {
    const narrow = narrowed(plain)
    // Each character of UTF-16 stands for two bytes: places in it are those of the beginning.
    const as = narrow === plain ? how : 'as is'
    addWithName(view, bytes, run.at, narrow, lines.end, () => view.add(narrow, run.at, as, lines))
  }
  return lines.end
}

interface Lines {
  readonly line: number
  readonly gap: number
  readonly end: number
  readonly text: string
}

const leastLine = 60

/** Lines of one length, each after the same indentation, or in a string. */
function linesOf(bytes: Buffer, { at: start, end: firstEnd }: Run, alphabet: RegExp): Lines {
  const line = firstEnd - start
  const alone = { line: Number.POSITIVE_INFINITY, gap: 0, end: firstEnd, text: '' }
  const between = /^(?:\r?\n[ \t]{0,64}|(?:\\{1,4}r)?\\{1,4}n)(?=[A-Za-z0-9+/])/.exec(
    bytes.toString('latin1', firstEnd, firstEnd + 80),
  )?.[0]
  if (line < leastLine || line % 4 !== 0 || between === undefined) return alone
  const gap = Buffer.from(between, 'latin1')
  const parts = [bytes.toString('latin1', start, firstEnd)]
  let end = firstEnd
  for (let length = line; length === line;) {
    const at = end + gap.length
    if (!bytes.subarray(end, at).equals(gap)) break
    length = alphabet.exec(bytes.toString('latin1', at, at + line))?.[0].length ?? 0
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
