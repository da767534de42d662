/** A piece of SQL. `word`: a name or keyword as it is, in capitals; `name`: in backticks; `inside`: what an executable comment has. */
export interface Token {
  readonly is: 'word' | 'name' | 'string' | 'number' | 'sign' | 'variable' | 'executable'
  readonly text: string
  /** Of a word, as it was written. */
  readonly written?: string
}

/** Why it cannot be taken apart so that every server would do it alike. */
export class Unreadable extends Error {}

/**
 * Takes SQL apart as MariaDB and MySQL do it where sql_mode has neither ANSI_QUOTES nor NO_BACKSLASH_ESCAPES, and the client speaks
 * UTF-8 (reference manual, "Language Structure"). Throws `Unreadable`.
 */
export function tokensOf(sql: string): Token[] {
  if (sql.includes('\0')) throw new Unreadable('it has a zero byte')
  const tokens: Token[] = []
  let at = 0
  while (at < sql.length) {
    const rest = sql.slice(at, at + 4)
    const [char = ''] = rest
    if (/\s/.test(char)) at++
    else if (char === '#' || /^--(?:[\s\p{Cc}]|$)/u.test(rest.slice(0, 3))) at = endOf(sql, '\n', at)
    else if (rest.startsWith('/*')) {
      const end = sql.indexOf('*/', at + 2)
      if (end === -1) throw new Unreadable('a comment does not end')
      const inner = sql.slice(at + 2, end)
      // Servers nest them, or do not: `/* /* */` is a whole to one and half to another.
      if (inner.includes('/*')) throw new Unreadable('a comment is within a comment')
      const code = /^(?:M?!)(?:\d{5,6})?(.*)$/s.exec(inner)?.[1]
      if (code !== undefined) tokens.push({ is: 'executable', text: code.trim() })
      at = end + 2
    } else if (char === "'" || char === '"') {
      const { text, end } = quoted(sql, at, char, true)
      tokens.push({ is: 'string', text })
      at = end
    } else if (char === '`') {
      const { text, end } = quoted(sql, at, char, false)
      tokens.push({ is: 'name', text })
      at = end
    } else if (char === '@') {
      const { text, end } = variable(sql, at)
      tokens.push({ is: 'variable', text })
      at = end
    } else {
      // No slices of the rest: a text of a megabyte is looked at once.
      wordAt.lastIndex = at
      const word = wordAt.exec(sql)?.[0]
      if (word === undefined) {
        tokens.push({ is: 'sign', text: sql.startsWith(':=', at) ? ':=' : char })
        at += sql.startsWith(':=', at) ? 2 : 1
      } else {
        tokens.push(wordOrNumber(word, tokens.at(-1)))
        at += word.length
      }
    }
  }
  return tokens
}

const wordAt = /[A-Za-z0-9_$\u0080-\uffff]+/y

/** Digits alone are a number, but behind a dot: there a name may be so. */
function wordOrNumber(word: string, before: Token | undefined): Token {
  const isNumber = /^(?:\d+|\d+[eE]\d+|0x[0-9a-fA-F]+|0b[01]+)$/.test(word) && before?.text !== '.'
  return isNumber ? { is: 'number', text: word } : { is: 'word', text: word.toUpperCase(), written: word }
}

function endOf(sql: string, what: string, from: number): number {
  const end = sql.indexOf(what, from)
  return end === -1 ? sql.length : end + what.length
}

function quoted(sql: string, from: number, quote: string, escapes: boolean): { text: string; end: number } {
  let text = ''
  for (let at = from + 1; at < sql.length; at++) {
    const char = sql[at] ?? ''
    if (escapes && char === '\\') {
      text += sql.slice(at, at + 2)
      at++
    } else if (char !== quote) text += char
    else if (sql[at + 1] === quote) {
      text += quote
      at++
    } else return { text, end: at + 1 }
  }
  throw new Unreadable('a quote does not end')
}

/** `@x`, `@@session.x`, @'x': without its quotes, in capitals. */
function variable(sql: string, from: number): { text: string; end: number } {
  const marks = sql[from + 1] === '@' ? '@@' : '@'
  const at = from + marks.length
  const quote = sql[at]
  if (quote === "'" || quote === '"' || quote === '`') {
    const { text, end } = quoted(sql, at, quote, quote !== '`')
    return { text: `${marks}${text.toUpperCase()}`, end }
  }
  nameAt.lastIndex = at
  const name = nameAt.exec(sql)?.[0] ?? ''
  return { text: `${marks}${name.toUpperCase()}`, end: at + name.length }
}

const nameAt = /[A-Za-z0-9_.$\u0080-\uffff]*/y

const shapeChars = 2_000

/** The statement with `?` for each literal: what the record says of it. Of a long one it is the beginning. */
export function shapeOf(tokens: readonly Token[]): { readonly shape: string; readonly isWhole: boolean } {
  const words = tokens.map(({ is, text, written }) => {
    if (is === 'string' || is === 'number') return '?'
    if (is === 'name') return `\`${text}\``
    return is === 'executable' ? `/*! ${shapeOf(tokensOf(text)).shape} */` : (written ?? text)
  })
  const text = words.join(' ').replaceAll(/ ?([.,()]) ?/g, '$1')
  // A list of values is one shape, however long it is.
  const short = text
    .replaceAll(/\?(?:,\?)+/g, '?,...')
    .replaceAll(/\(\?(?:,\.\.\.)?\)(?:,\(\?(?:,\.\.\.)?\))+/g, '(?,...)')
  return { shape: short.slice(0, shapeChars), isWhole: short.length <= shapeChars }
}
