import type { ScanResult } from 'libpg-query'

/** What one entry of the record says of a statement; longer ones end with their number of bytes. */
const shapeChars = 1_000
/** Longer texts are not looked through, but named by how they begin. */
const scannedChars = 20_000

const literal = /^['$0-9.]|^[eEbBxXnN]'|^[uU]&'/

/**
 * A text of SQL without literals and comments: what was asked, and no value of it. Repeated lists are one, so that a statement is
 * the same with any number of rows.
 */
export function shapeOf(sql: string, scan: (sql: string) => ScanResult): string {
  if (sql.length > scannedChars) return `${beginning(sql)} ... (${Buffer.byteLength(sql)} bytes)`
  let tokens: ScanResult['tokens']
  try {
    ;({ tokens } = scan(sql))
  } catch {
    return `${beginning(sql)} ... (${Buffer.byteLength(sql)} bytes)`
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
  if (shape.length <= shapeChars) return shape
  return `${shape.slice(0, shapeChars)} ... (${Buffer.byteLength(sql)} bytes)`
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
