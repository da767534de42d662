import { isReason } from '../../lib/index.ts'
import type { Acceptance } from './model.ts'
import { shownReason } from './reason.ts'

/** What a comment says of a finding. */
export type Ignoring =
  | { readonly ignored: true; readonly acceptance: Acceptance }
  /** There is a comment, and it does not count: why. */
  | { readonly ignored: false; readonly note: string }

const word = 'mayfly: ignore'
const form = /^mayfly: ignore ([a-z0-9]+(?:-[a-z0-9]+)*) until (\d{4}-\d{2}-\d{2}) (\S.*)$/
/** What begins a comment, in any language; it stands at the beginning of the line or after a space. */
const opener = /(?:^|\s)(?:#+!?|\/\/+!?|\/\*+|\*|<!--|--|;+|%+|\{#|\(\*|::|rem)[ \t]*$/i
/** What ends a comment that need not go to the end of its line. */
const closers: Readonly<Record<string, string>> = { '/': '*/', '*': '*/', '<': '-->', '{': '#}', '(': '*)' }
const howTo = 'write "mayfly: ignore RULE until YYYY-MM-DD REASON" in a comment'

/** Bytes of a line that are looked through. */
const lineBytes = 4_096
const dayMs = 86_400_000
const longestDays = 365

/**
 * What the comment on the line of `offset` says, or on the line before where nothing else stands. Undefined if there is none. It names
 * the rule exactly, a day within a year, and a reason, so that nobody ignores by accident, for good, or what comes later.
 */
export function ignoringAt(bytes: Buffer, offset: number, rule: string, nowMs: number): Ignoring | undefined {
  const from = lineStart(bytes, offset)
  const own = commentsIn(lineText(bytes, from, offset))
  const above = from === 0 ? [] : commentsIn(lineText(bytes, lineStart(bytes, from - 1), from - 1))
  const said = [...own, ...above.filter(({ isAlone }) => isAlone)].map(({ text }) =>
    judged(text, rule, nowMs),
  )
  return (
    said.find(({ ignored }) => ignored) ??
    said[0] ??
    nearMiss(lineText(bytes, from, offset)) ??
    ignoringTooFar(bytes, from)
  )
}

/** Whoever writes nearly what counts should not wonder why it does not. */
function nearMiss(line: string): Ignoring | undefined {
  const meant = /(?:^|[\s#/*;%!-])(mayfly[ :_-]{1,3}(?:ignore|allow|skip|disable))\b/i.exec(line)
  if (meant === null) return undefined
  return { ignored: false, note: `"${meant[1]}" does not count: ${howTo}` }
}

const mostEmptyLines = 8

/** A comment that stands alone, with nothing but empty lines behind it, is meant for what comes next, and does not say so. */
function ignoringTooFar(bytes: Buffer, from: number): Ignoring | undefined {
  let start = from
  for (let i = 0; i <= mostEmptyLines && start > 0; i++) {
    const end = start - 1
    start = lineStart(bytes, end)
    const line = lineText(bytes, start, end)
    if (line.trim() === '') continue
    if (i === 0 || !commentsIn(line).some(({ isAlone }) => isAlone)) return undefined
    const note = 'the ignore comment does not count, since there is an empty line between it and this one'
    return { ignored: false, note }
  }
  return undefined
}

/** The line, or lines, of a secret, as far as they are looked at. */
export function lineAt(bytes: Buffer, start: number, end: number): string {
  return lineText(bytes, lineStart(bytes, start), Math.min(end, start + lineBytes))
}

function judged(text: string, rule: string, nowMs: number): Ignoring {
  const [, named = '', until = '', said = ''] = form.exec(text) ?? []
  if (named === '') return { ignored: false, note: `the ignore comment is not in its form: ${howTo}` }
  if (named !== rule)
    return { ignored: false, note: `the ignore comment is for the rule ${named}, and this is ${rule}` }
  if (!isReason(said)) return { ignored: false, note: `the ignore comment has no reason: ${howTo}` }
  const dayStartMs = Date.parse(`${until}T00:00:00Z`)
  if (Number.isNaN(dayStartMs) || new Date(dayStartMs).toISOString().slice(0, 10) !== until)
    return { ignored: false, note: `the ignore comment says until ${until}, which is no day` }
  if (nowMs >= dayStartMs + dayMs) return { ignored: false, note: `the ignore comment ended on ${until}` }
  if (dayStartMs - nowMs > longestDays * dayMs)
    return { ignored: false, note: `the ignore comment says until ${until}: at most a year is accepted` }
  return { ignored: true, acceptance: { by: 'comment', reason: shownReason(said), until } }
}

interface Comment {
  readonly text: string
  /** Nothing stands in front of it in its line, nor behind its end. */
  readonly isAlone: boolean
}

function commentsIn(line: string): Comment[] {
  const found: Comment[] = []
  for (
    let at = line.indexOf(word);
    at !== -1 && found.length < 4;
    at = line.indexOf(word, at + word.length)
  ) {
    const head = line.slice(0, at)
    const mark = opener.exec(head.slice(-64))
    if (mark === null) continue
    const next = line.indexOf(word, at + word.length)
    const rest = line.slice(at, next === -1 ? undefined : next)
    const begin = mark[0].trim()
    const closer = begin.startsWith('//') ? undefined : closers[begin[0] ?? '']
    const end = closer === undefined ? -1 : rest.indexOf(closer)
    const behind = end === -1 ? '' : line.slice(at + end + 2).replace(/^>/, '')
    const isAlone = `${head.slice(0, head.length - mark[0].length)}${behind}`.trim() === ''
    found.push({ text: end === -1 ? rest.trimEnd() : rest.slice(0, end).replace(/[\s*-]+$/, ''), isAlone })
  }
  return found
}

function lineStart(bytes: Buffer, offset: number): number {
  const least = Math.max(0, offset - lineBytes)
  const at = bytes.subarray(least, offset).lastIndexOf(0x0a)
  return at === -1 ? least : least + at + 1
}

/** From there to the end of the line that `offset` is in, or to where it is not looked at any more. */
function lineText(bytes: Buffer, from: number, offset: number): string {
  const window = bytes.subarray(from, offset + lineBytes)
  const end = window.indexOf(0x0a, offset - from)
  return window.toString('utf8', 0, end === -1 ? window.length : end)
}
