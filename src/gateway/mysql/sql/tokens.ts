/** A piece of SQL. `word`: a name or keyword as it is; `name`: in backticks; `variable`: `@x`, `@@x`, in capitals. */
export interface Token {
  readonly is: 'word' | 'name' | 'string' | 'number' | 'sign' | 'variable'
  /** Of a word in capitals, where it is of ASCII: no keyword has other letters. */
  readonly text: string
  /** Of a word, as it was written. */
  readonly written?: string
  /** It stands for a list of literals, or for rows of them. */
  readonly many?: true
  /** It is within a comment that some servers take for code, and others for a comment: which ones. */
  readonly only?: string
}

/** Why it cannot be taken apart so that every server would do it alike. */
export class Unreadable extends Error {}

/** Lists of literals count as one. */
const maxTokens = 50_000
const looksInATurn = 4_000
/** No name of a server is longer, and no setting. */
const maxNameChars = 1_024

/**
 * Takes SQL apart as MariaDB and MySQL do it where sql_mode has neither ANSI_QUOTES nor NO_BACKSLASH_ESCAPES, and the client speaks
 * UTF-8 (reference manual, "Language Structure"). Throws `Unreadable`.
 */
export function tokensOf(sql: string): Token[] {
  const reading = scan(sql)
  for (;;) {
    const { done, value } = reading.next()
    if (done === true) return value
  }
}

/** The same for a text that may be long: others have their turn in between. */
export async function tokensInTurns(sql: string): Promise<Token[]> {
  const reading = scan(sql)
  for (;;) {
    const { done, value } = reading.next()
    if (done === true) return value
    await new Promise((next) => setImmediate(next))
  }
}

function* scan(sql: string): Generator<undefined, Token[]> {
  if (sql.includes('\0')) throw new Unreadable('it has a zero byte')
  const tokens: Token[] = []
  yield* take(sql, tokens, undefined)
  return tokens
}

/** `only`: the text is that of a comment which is code to a server; to all where it is empty. */
function* take(sql: string, tokens: Token[], only: string | undefined): Generator<undefined, void> {
  let at = 0
  for (let looks = 1; at < sql.length; looks++) {
    if (looks % looksInATurn === 0) yield
    if (tokens.length > maxTokens) throw new Unreadable('it has more words than are judged')
    const char = sql[at] ?? ''
    if (isSpace(char)) {
      space.lastIndex = at
      space.exec(sql)
      at = space.lastIndex
    } else if (char === '#' || (char === '-' && dashes.test(sql.slice(at, at + 3)))) {
      if (only !== undefined) throw new Unreadable('a comment is within a comment')
      at = endOf(sql, '\n', at)
    } else if (char === '/' && sql[at + 1] === '*') {
      const end = sql.indexOf('*/', at + 2)
      if (end === -1) throw new Unreadable('a comment does not end')
      const code = codeIn(sql.slice(at + 2, end))
      if (only !== undefined) throw new Unreadable('a comment is within a comment')
      if (code !== undefined) yield* take(code.sql, tokens, code.only)
      at = end + 2
    } else {
      const { token, end } = tokenAt(sql, at, char, tokens.at(-1))
      at = end
      if (token !== undefined) push(tokens, only === undefined || only === '' ? token : { ...token, only })
    }
  }
}

/** What servers take for white space, and not what JavaScript does: to them a no-break space is a letter. */
const space = /[\t-\r ]+/y
const isSpace = (char: string) => char === ' ' || (char >= '\t' && char <= '\r')
// eslint-disable-next-line no-control-regex -- servers take any control character after the dashes for the gap that a comment needs
const dashes = /^--(?:[\x01-\x20\x7f]|$)/

/**
 * Code in a comment, with which servers have it; undefined if none has. All that speak utf8mb4 are MySQL 5.5 or later, and have what is for
 * that one and earlier; none has what is for version 99.
 */
function codeIn(inner: string): { readonly sql: string; readonly only: string } | undefined {
  // Servers nest them, or do not: `/* /* */` is a whole to one and half to another.
  if (inner.includes('/*')) throw new Unreadable('a comment is within a comment')
  // In a hint a quote hides the end of the comment from the servers that have hints.
  if (inner.startsWith('+') && /["'`]/.test(inner)) throw new Unreadable('a hint has a quote in it')
  const mark = /^(M?)!(\d{5,6})?/.exec(inner)
  if (mark === null) return undefined
  const [whole, ofMariaDb = '', version = ''] = mark
  const sql = inner.slice(whole.length)
  if (/^99999\d$/.test(version)) return undefined
  if (ofMariaDb === '' && version <= '50503' && version.length <= 5) return { sql, only: '' }
  if (ofMariaDb === '' && version.length === 6)
    throw new Unreadable('one server reads five digits of a version, another six')
  return { sql, only: whole }
}

interface Found {
  /** None for a sign before a number in a list. */
  readonly token: Token | undefined
  readonly end: number
}

function tokenAt(sql: string, at: number, char: string, before: Token | undefined): Found {
  if (char === "'" || char === '"') {
    const { text, end } = quoted(sql, at, char, true)
    return { token: { is: 'string', text }, end }
  }
  if (char === '`') {
    const { text, end } = quoted(sql, at, char, false)
    return { token: { is: 'name', text }, end }
  }
  if (char === '@') return variable(sql, at)
  const written = wordAt(sql, at, isSign(before, '.'))
  if (written !== undefined) return written
  if (sql.startsWith(':=', at)) return { token: { is: 'sign', text: ':=' }, end: at + 2 }
  const isOfNumber = (char === '-' || char === '+') && (isSign(before, ',') || isSign(before, '('))
  if (isOfNumber && /\d/.test(sql[at + 1] ?? '')) return { token: undefined, end: at + 1 }
  return { token: { is: 'sign', text: char }, end: at + 1 }
}

function wordAt(sql: string, at: number, isBehindDot: boolean): Found | undefined {
  word.lastIndex = at
  const written = word.exec(sql)?.[0]
  if (written === undefined) return undefined
  const end = at + written.length
  if (written.length > maxNameChars) {
    if (!isBehindDot && /^0x[0-9a-fA-F]+$/.test(written)) return { token: { is: 'number', text: '0x' }, end }
    throw new Unreadable('a name is longer than servers have them')
  }
  number.lastIndex = at
  const text = isBehindDot ? undefined : number.exec(sql)?.[0]
  return text === undefined
    ? { token: { is: 'word', text: inCapitals(written), written }, end }
    : { token: { is: 'number', text }, end: at + text.length }
}

const word = /[A-Za-z0-9_$\u0080-\uffff]+/y
/** Behind a dot a name may be of digits. */
const number =
  /(?:\d{1,400}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,9})?|0x[0-9a-fA-F]{1,1024}|0b[01]{1,1024})(?![A-Za-z0-9_$\u0080-\uffff])/y

/** `ſet` is no SET to a server, though JavaScript says that its capitals are. */
function inCapitals(written: string): string {
  return /^[\x20-\x7e]*$/.test(written) ? written.toUpperCase() : written
}

function endOf(sql: string, what: string, from: number): number {
  const end = sql.indexOf(what, from)
  return end === -1 ? sql.length : end + what.length
}

function quoted(sql: string, from: number, quote: string, escapes: boolean): { text: string; end: number } {
  const mark = quote.charCodeAt(0)
  let doubled = false
  for (let at = from + 1; at < sql.length; at++) {
    const code = sql.charCodeAt(at)
    if (escapes && code === 0x5c) at++
    else if (code === mark && sql.charCodeAt(at + 1) === mark) {
      doubled = true
      at++
    } else if (code === mark) {
      const text = sql.slice(from + 1, at)
      const isLong = text.length > maxNameChars
      if (isLong && !escapes) throw new Unreadable('a name is longer than servers have them')
      return { text: doubled && !isLong ? text.replaceAll(quote + quote, quote) : text, end: at + 1 }
    }
  }
  throw new Unreadable('a quote does not end')
}

/** `@x`, `@@session.x`, @'x': without its quotes, in capitals. */
function variable(sql: string, from: number): Found {
  const marks = sql[from + 1] === '@' ? '@@' : '@'
  const at = from + marks.length
  const quote = sql[at]
  if (quote === "'" || quote === '"' || quote === '`') {
    const { text, end } = quoted(sql, at, quote, quote !== '`')
    return { token: { is: 'variable', text: marks + inCapitals(text) }, end }
  }
  nameAt.lastIndex = at
  const name = nameAt.exec(sql)?.[0] ?? ''
  return { token: { is: 'variable', text: marks + inCapitals(name) }, end: at + name.length }
}

const nameAt = /[A-Za-z0-9_.$\u0080-\uffff]*/y

/** `1, 2` becomes one literal, and so does `(1, 'x'), (2, 'y')`: a dump has a million of them, and no grant is about any. */
function push(tokens: Token[], token: Token): void {
  const last = tokens.at(-1)
  // _binary '...'
  if (token.is === 'string' && last?.is === 'word' && /^_[A-Z0-9]+$/.test(last.text)) tokens.pop()
  if (tokens[0]?.text === 'SET') return void tokens.push(token)
  const first = tokens.at(-2)
  if (isLiteral(token) && isSign(tokens.at(-1), ',') && isLiteral(first) && first?.only === token.only) {
    tokens.pop()
    if (first !== undefined && first.many !== true) tokens[tokens.length - 1] = { ...first, many: true }
  } else {
    tokens.push(token)
    if (isSign(token, ')')) foldRows(tokens)
  }
}

function foldRows(tokens: Token[]): void {
  const [one, other] = [tokens.at(-6), tokens.at(-2)]
  if (one === undefined || !isLiteral(one) || !isLiteral(other) || other?.only !== one.only) return
  const signs = ['(', undefined, ')', ',', '(']
  if (!signs.every((sign, at) => sign === undefined || isSign(tokens.at(at - 7), sign))) return
  tokens.length -= 4
  if (one.many !== true) tokens[tokens.length - 2] = { ...one, many: true }
}

function isLiteral(token: Token | undefined): boolean {
  if (token?.is === 'string' || token?.is === 'number' || isSign(token, '?')) return true
  return token?.is === 'word' && token.text === 'NULL'
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.is === 'sign' && token.text === text
}
