import type { Span } from '../model.ts'
import { OverBound, bounds } from './bounds.ts'

export interface Token extends Span {
  readonly kind: 'name' | 'string' | 'mark' | 'line'
  /** A name or mark as it stands there; of a string what it means. */
  readonly text: string
  /** Of a string: Groovy puts values into it before the shell sees it. */
  readonly isInterpolated: boolean
}

const name = /[A-Za-z_][\w]*/y
const blank = /[ \t\r\f\uFEFF]+/y
const comment = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|#![^\n]*/y
const number = /\d[\w.]*/y

/** The words of a Groovy text. Throws `OverBound` for one with too many. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < text.length;) {
    if (tokens.length > bounds.visits) throw new OverBound(`it has more than ${bounds.visits} words`)
    const skipped = lengthOf(blank, text, at) || lengthOf(comment, text, at)
    if (skipped > 0) {
      at += skipped
      continue
    }
    const token = stringAt(text, at, tokens) ?? wordAt(text, at)
    tokens.push(token)
    at = token.end
  }
  return tokens
}

function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}

function wordAt(text: string, at: number): Token {
  const length = lengthOf(name, text, at)
  if (length > 0) return token('name', text.slice(at, at + length), at, at + length)
  const digits = lengthOf(number, text, at)
  if (digits > 0) return token('mark', text.slice(at, at + digits), at, at + digits)
  const [character = ''] = text.slice(at, at + 1)
  return token(character === '\n' ? 'line' : 'mark', character, at, at + 1)
}

function token(kind: Token['kind'], text: string, start: number, end: number, isInterpolated = false): Token {
  return { kind, text, start, end, isInterpolated }
}

const quotes = ["'''", '"""', "'", '"', '$/'] as const

function stringAt(text: string, at: number, before: readonly Token[]): Token | undefined {
  const quote =
    quotes.find((one) => text.startsWith(one, at)) ?? (isSlashy(text, at, before) ? '/' : undefined)
  if (quote === undefined) return undefined
  const closing = quote === '$/' ? '/$' : quote
  const start = at + quote.length
  const end = endOf(text, start, closing, !quote.startsWith("'"))
  const raw = text.slice(start, end)
  const value = closing.includes('/') ? raw : unescaped(raw)
  const isInterpolated = !quote.startsWith("'") && /(?<!\\)\$[{A-Za-z_]/.test(raw)
  return token('string', value, at, Math.min(end + closing.length, text.length), isInterpolated)
}

/** A slash begins a string only where no value can stand before it. */
function isSlashy(text: string, at: number, before: readonly Token[]): boolean {
  const last = before.at(-1)
  return text[at] === '/' && last !== undefined && /^[=(,[~:]$/.test(last.text) && last.kind === 'mark'
}

function endOf(text: string, start: number, closing: string, isInterpolated: boolean): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text.startsWith(closing, at)) return at
    else if (isInterpolated && text.startsWith('${', at)) at = endOfBraces(text, at + 1)
    // A string of one line that has no end: only its own line is lost.
    else if (text[at] === '\n' && closing.length === 1 && closing !== '/') return at
  }
  return text.length
}

const maxBraceChars = 500

/** Where the brace that opens at `open` closes; `open` itself if that is not on its line, or too far. */
function endOfBraces(text: string, open: number): number {
  const part = text.slice(open, open + maxBraceChars)
  let depth = 0
  for (let at = 0; at < part.length; at++) {
    const character = part[at]
    if (character === '\n') break
    if (character === '{') depth++
    else if (character === '}' && --depth === 0) return open + at
    else if (character === "'" || character === '"') {
      // A string in it may have braces of its own.
      const end = part.indexOf(character, at + 1)
      if (end === -1) break
      at = end
    }
  }
  return open
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\n': '' }

function unescaped(raw: string): string {
  return raw.replaceAll(/\\([\s\S])/g, (_, character: string) => escapes[character] ?? character)
}
