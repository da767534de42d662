import type { Token } from './tokens.ts'

/** A name that may be a database's. */
export interface Qualifier {
  readonly name: string
  /** It stands where a database's name does, and not only the alias of a table. */
  readonly isPlace: boolean
  readonly hasDot: boolean
}

/**
 * Names in front of a dot, or with `anywhere` all names. Within expressions `a.b` is a column of what FROM names, so that only these
 * are places of databases: those where tables are named, `a.b.c`, a function `a.b(`, and the sequences of NEXTVAL and its like.
 */
export function qualifiersIn(tokens: readonly Token[], anywhere: boolean): Qualifier[] {
  const found: Qualifier[] = []
  const outer: Clause[] = []
  let clause: Clause = 'tables'
  for (const [at, token] of tokens.entries()) {
    if (token.is === 'sign') clause = afterSign(token.text, clause, outer, tokens[at - 1])
    if (token.is !== 'word' && token.is !== 'name') continue
    const isBehindDot = isSignAt(tokens, at - 1, '.')
    if (token.is === 'word' && !isBehindDot) clause = afterWord(tokens, at, clause)
    const isFirst = !isBehindDot && isSignAt(tokens, at + 1, '.')
    if (!isFirst && !anywhere) continue
    const goesOn = isSignAt(tokens, at + 3, '.') || isSignAt(tokens, at + 3, '(')
    found.push({
      ...{ name: token.written ?? token.text, hasDot: isFirst },
      isPlace: anywhere || clause === 'tables' || goesOn,
    })
  }
  return found
}

/** `joined`: an expression among tables, after which a comma brings the next table. */
type Clause = 'tables' | 'joined' | 'expression'

function afterSign(sign: string, clause: Clause, outer: Clause[], before: Token | undefined): Clause {
  if (sign === '(') {
    outer.push(clause)
    if (before?.is === 'word' && ofSequence.has(before.text)) return 'tables'
    return clause === 'tables' ? 'tables' : 'expression'
  }
  if (sign === ')') return outer.pop() ?? 'tables'
  return sign === ',' && clause === 'joined' ? 'tables' : clause
}

const ofSequence: ReadonlySet<string> = new Set(['NEXTVAL', 'LASTVAL', 'SETVAL'])
/** Words that are reserved everywhere, so that none is an alias. */
const expressions: ReadonlySet<string> = new Set(['SELECT', 'WHERE', 'HAVING', 'SET'])
const tables: ReadonlySet<string> = new Set(
  'FROM JOIN STRAIGHT_JOIN INTO UPDATE TABLE TABLES FOR USING REFERENCES DELETE'.split(' '),
)

function afterWord(tokens: readonly Token[], at: number, clause: Clause): Clause {
  const word = tokens[at]?.text ?? ''
  if (word === 'UPDATE' && tokens[at - 1]?.text === 'KEY') return 'expression'
  if (tables.has(word)) return 'tables'
  if (expressions.has(word)) return 'expression'
  if (word === 'ON') return clause === 'tables' ? 'joined' : clause
  // FROM a USE INDEX FOR ORDER BY (i), b
  return word === 'BY' && tokens[at - 2]?.text !== 'FOR' ? 'expression' : clause
}

function isSignAt(tokens: readonly Token[], at: number, text: string): boolean {
  const token = tokens[at]
  return token?.is === 'sign' && token.text === text
}
