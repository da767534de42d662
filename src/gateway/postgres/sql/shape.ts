import type { ScanResult } from 'libpg-query'

/** What one entry of the record says of a text; longer ones end with their number of bytes. */
const shapeChars = 6_000
/** Longer texts are not looked through, but named by how they begin. */
const scannedChars = 20_000

export interface Shape {
  readonly shape: string
  /** Nothing of it but literals and comments is left out. */
  readonly isWhole: boolean
}

const literal = /^['$0-9.]|^[eEbBxXnN]'|^[uU]&'/

/**
 * A text of SQL without literals and comments: what was asked, and no value of it. Repeated lists are one, so that a statement is
 * the same with any number of rows.
 */
export function shapeOf(sql: string, scan: (sql: string) => ScanResult): Shape {
  const cut = (shape: string) => ({ shape: `${shape} ... (${Buffer.byteLength(sql)} bytes)`, isWhole: false })
  if (sql.length > scannedChars) return cut(beginning(sql))
  let tokens: ScanResult['tokens']
  try {
    ;({ tokens } = scan(sql))
  } catch {
    return cut(beginning(sql))
  }
  const words = tokens
    .filter(({ tokenName }) => tokenName !== 'SQL_COMMENT' && tokenName !== 'C_COMMENT')
    .map(({ text }) => (isLiteral(text) ? '?' : text))
  const shape = words
    .join(' ')
    .replaceAll(/\?(?: , \?)+/g, '?, ...')
    .replaceAll(/ ([,;)])/g, '$1')
    .replaceAll(/(\() /g, '$1')
    .replaceAll(/(?<=["\w]) ?\. ?(?=["\w*])/g, '.')
    .replaceAll(/\(\?(?:, \.\.\.)?\)(?:, \(\?(?:, \.\.\.)?\))+/g, '(?, ...), ...')
  return shape.length <= shapeChars ? { shape, isWhole: true } : cut(shape.slice(0, shapeChars))
}

/** `$1` is a parameter; `$$text$$` and `$tag$text$tag$` are literals. */
function isLiteral(text: string): boolean {
  return literal.test(text) && !/^\$\d+$/.test(text) && !/^\.{1,2}$/.test(text)
}

/** Only words before anything that may be a value. */
function beginning(sql: string): string {
  return (
    /^\s*([A-Za-z]+(?:\s+[A-Za-z_]+){0,3})/.exec(sql.slice(0, 200))?.[1]?.replaceAll(/\s+/g, ' ') ??
    'statement'
  )
}
