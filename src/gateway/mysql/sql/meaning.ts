import { settingsIn, type SavedSettings } from './settings.ts'
import { tokensOf, type Token } from './tokens.ts'

export type Verb = 'read' | 'write' | 'ddl'

/** What a statement does, as far as grants have a say. */
export interface Meaning {
  readonly verb: Verb
  /** Databases that it names; the current one is meant besides unless `isOfSession`. */
  readonly databases: readonly string[]
  /** Nothing of a database: a transaction begins, a setting changes. */
  readonly isOfSession?: true
  /** The current database from here on. */
  readonly uses?: string
  /** What it ends: connections, by number. */
  readonly kills?: number
}

export interface Surroundings {
  /** All that there are, as they are written, but information_schema, which shows what the account may see. */
  readonly databases: ReadonlySet<string>
  /** The server refuses what writes; what would lift that is refused here. */
  readonly readOnly: boolean
  readonly saved: SavedSettings
}

/** Why a limited session has it not; `mysql:connect` has. */
export interface Refused {
  readonly why: string
}

/**
 * What one statement does. It errs on the side of more: what it does not know is refused, and a name that is a database's counts
 * as one wherever it stands in front of a dot. Throws `Unreadable`.
 */
export function meaningOf(sql: string, surroundings: Surroundings): Meaning | Refused {
  let tokens: readonly Token[] = tokensOf(sql)
  // mysqldump's own way: the whole of it for servers that are new enough, nothing for others.
  const [only] = tokens
  if (only?.is === 'executable' && tokens.slice(1).every(({ text }) => text === ';'))
    tokens = tokensOf(only.text)
  tokens = tokens.filter(({ is, text }) => is !== 'executable' || !harmless.has(text.toUpperCase()))
  if (tokens.some(({ is }) => is === 'executable'))
    return { why: 'a part of it is for some servers only (/*! */): what it does cannot be told' }
  while (tokens.at(-1)?.text === ';') tokens = tokens.slice(0, -1)
  if (tokens.some(({ is, text }) => is === 'sign' && text === ';'))
    return { why: 'it is more than one statement' }
  if (tokens.length === 0) return session
  const found = judge(tokens, surroundings)
  if ('why' in found) return found
  const named = databasesIn(tokens, found, surroundings.databases)
  return { ...found, databases: [...new Set([...found.databases, ...named])] }
}

const harmless: ReadonlySet<string> = new Set([
  'SQL_NO_CACHE',
  'SQL_CACHE',
  'STRAIGHT_JOIN',
  'WITH CONSISTENT SNAPSHOT',
])
const session: Meaning = { verb: 'read', databases: [], isOfSession: true }

function judge(tokens: readonly Token[], surroundings: Surroundings): Meaning | Refused {
  // What is said of a variable elsewhere than in SET may be anything.
  if (wordAt(tokens, 0) !== 'SET')
    for (const { is, text } of tokens) if (is === 'variable') surroundings.saved.delete(text)
  const first = wordAt(tokens, 0) ?? (tokens[0]?.text === '(' ? 'SELECT' : '')
  const file = fileUse(tokens)
  if (file !== undefined) return { why: file }
  switch (first) {
    case 'SELECT':
    case 'WITH':
    case 'TABLE':
    case 'VALUES':
    case 'SHOW':
    case 'DESC':
    case 'DESCRIBE':
    case 'EXPLAIN':
    case 'HELP':
    case 'CHECKSUM':
      return { verb: writesWithin(tokens) ? 'write' : 'read', databases: [] }
    case 'ANALYZE':
      return { verb: wordAt(tokens, 1) === 'TABLE' || writesWithin(tokens) ? 'write' : 'read', databases: [] }
    case 'INSERT':
    case 'REPLACE':
    case 'UPDATE':
    case 'DELETE':
    case 'TRUNCATE':
    case 'OPTIMIZE':
    case 'CHECK':
    case 'REPAIR':
    case 'LOCK':
      return { verb: 'write', databases: [] }
    case 'UNLOCK':
    case 'COMMIT':
    case 'ROLLBACK':
    case 'SAVEPOINT':
    case 'RELEASE':
      return session
    case 'BEGIN':
      return tokens.length === 1 || (tokens.length === 2 && wordAt(tokens, 1) === 'WORK') ? session : block
    case 'START':
      return startsTransaction(tokens, surroundings)
    case 'SET':
      return setting(tokens, surroundings)
    case 'USE':
      return uses(tokens)
    case 'KILL':
      return kills(tokens)
    case 'CREATE':
    case 'ALTER':
    case 'DROP':
    case 'RENAME':
      return definition(first, tokens)
    default:
      return { why: `${first === '' ? 'it' : first} is done by mysql:connect alone` }
  }
}

const block: Refused = { why: 'a block of statements is code, which is not taken apart' }

function wordAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at]
  return token?.is === 'word' ? token.text : undefined
}

/** Statements that change something may stand within others: WITH ... DELETE, EXPLAIN ANALYZE UPDATE, SELECT ... FOR UPDATE. */
function writesWithin(tokens: readonly Token[]): boolean {
  return tokens.some(({ is, text }, at) => {
    if (is !== 'word' || tokens[at - 1]?.text === '.') return false
    if (['UPDATE', 'DELETE', 'NEXTVAL', 'SETVAL'].includes(text)) return true
    if (text === 'NEXT' && wordAt(tokens, at + 1) === 'VALUE') return true
    if (text === 'SHARE' || (text === 'LOCK' && wordAt(tokens, at + 1) === 'IN')) return true
    // Both are functions, too.
    return (text === 'INSERT' || text === 'REPLACE') && tokens[at + 1]?.text !== '('
  })
}

function fileUse(tokens: readonly Token[]): string | undefined {
  for (const [at, { is, text }] of tokens.entries()) {
    if (is !== 'word') continue
    if (text === 'OUTFILE' || text === 'DUMPFILE') return 'it writes a file of the server'
    if (text === 'LOAD_FILE' && tokens[at + 1]?.text === '(') return 'it reads a file of the server'
    if (text === 'PROCEDURE' && wordAt(tokens, at + 1) === 'ANALYSE') return 'PROCEDURE ANALYSE is not passed'
  }
  return undefined
}

function startsTransaction(tokens: readonly Token[], { readOnly }: Surroundings): Meaning | Refused {
  const words = tokens.map(({ text }) => text)
  if (words[1] !== 'TRANSACTION') return { why: `START ${words[1]} is done by mysql:connect alone` }
  const known = ['START', 'TRANSACTION', 'READ', 'ONLY', 'WRITE', 'WITH', 'CONSISTENT', 'SNAPSHOT', ',']
  if (words.some((word) => !known.includes(word))) return block
  return readOnly && words.includes('WRITE') ? noWrite : session
}

const noWrite: Refused = { why: 'the session is read-only, since its role has no mysql:write there' }

function setting(tokens: readonly Token[], { readOnly, saved }: Surroundings): Meaning | Refused {
  const why = settingsIn(tokens, saved)
  if (why !== undefined) return { why }
  if (readOnly && tokens.some(({ text }) => text === 'WRITE')) return noWrite
  // A value may be asked of tables.
  return tokens.some(({ is, text }) => is === 'word' && asking.has(text))
    ? { verb: 'read', databases: [] }
    : session
}

const asking: ReadonlySet<string> = new Set(['SELECT', 'TABLE', 'VALUES', 'WITH'])

function uses(tokens: readonly Token[]): Meaning | Refused {
  const [, name, ...more] = tokens
  if (name === undefined || more.length > 0 || !['word', 'name'].includes(name.is))
    return { why: 'USE names no database' }
  return { verb: 'read', databases: [], isOfSession: true, uses: nameIn(name) }
}

/** Of connections of the step its own. */
function kills(tokens: readonly Token[]): Meaning | Refused {
  const [, ...rest] = tokens.filter(({ text }) => !['QUERY', 'CONNECTION', 'SOFT', 'HARD'].includes(text))
  const [number] = rest
  if (rest.length !== 1 || number?.is !== 'number')
    return { why: 'KILL is passed with the number of a connection' }
  return { ...session, kills: Number(number.text) }
}

/** What may be defined: tables and what belongs to them. Code that runs with somebody's rights is for mysql:connect. */
const objects: ReadonlySet<string> = new Set('TABLE TABLES VIEW INDEX SEQUENCE DATABASE SCHEMA'.split(' '))
const between: ReadonlySet<string> = new Set(
  'OR REPLACE TEMPORARY UNIQUE FULLTEXT SPATIAL ONLINE OFFLINE IGNORE ALGORITHM UNDEFINED MERGE TEMPTABLE SQL SECURITY INVOKER ='.split(
    ' ',
  ),
)
const engines: ReadonlySet<string> = new Set('INNODB ARIA MYISAM MEMORY ROCKSDB MYROCKS ARCHIVE'.split(' '))

function definition(first: string, tokens: readonly Token[]): Meaning | Refused {
  let at = 1
  while (between.has(tokens[at]?.text ?? '')) at++
  const object = wordAt(tokens, at) ?? ''
  if (!objects.has(object)) return { why: `${first} ${object} is done by mysql:connect alone` }
  const words = tokens.map(({ is, text }) => (is === 'word' ? text : ''))
  for (const [index, word] of words.entries()) {
    if (word === 'DEFINER') return { why: 'DEFINER gives it the rights of another' }
    if (word === 'DIRECTORY' || word === 'CONNECTION')
      return { why: `${word} of a table reaches out of the database` }
    if (word !== 'ENGINE') continue
    const value = tokens[index + (tokens[index + 1]?.text === '=' ? 2 : 1)]
    if (!engines.has(value?.text.toUpperCase() ?? ''))
      return { why: `the engine ${value?.text.slice(0, 40)} may reach out of the database` }
  }
  if (object !== 'DATABASE' && object !== 'SCHEMA') return { verb: 'ddl', databases: [] }
  const name = tokens
    .slice(at + 1)
    .find(({ is, text }) => is === 'name' || (is === 'word' && !['IF', 'NOT', 'EXISTS'].includes(text)))
  return name === undefined ? { why: 'it names no database' } : { verb: 'ddl', databases: [nameIn(name)] }
}

/** Names in front of a dot that are databases'; where a statement may name one without a dot, any name. */
function databasesIn(
  tokens: readonly Token[],
  { verb, uses }: Meaning,
  known: ReadonlySet<string>,
): string[] {
  const first = wordAt(tokens, 0) ?? ''
  const anywhere = verb === 'ddl' || ['SHOW', 'DESC', 'DESCRIBE'].includes(first)
  const named = tokens.flatMap((token, at) => {
    if (token.is !== 'word' && token.is !== 'name') return []
    const isFirst = tokens[at + 1]?.text === '.' && tokens[at - 1]?.text !== '.'
    return anywhere || isFirst ? meant(nameIn(token), known) : []
  })
  return uses === undefined ? named : [...named, ...databaseMeant(uses, known)]
}

function nameIn({ text, written }: Token): string {
  return written ?? text
}

/** Of names that differ in case alone a server may take any for the one: it is that which is written so, or else all of them. */
function meant(name: string, known: ReadonlySet<string>): string[] {
  if (known.has(name)) return [name]
  const lower = name.toLowerCase()
  return [...known].filter((one) => one.toLowerCase() === lower)
}

/** The same for what is a database's name whether or not it is known; what is everybody's has no grant. */
export function databaseMeant(name: string, known: ReadonlySet<string>): string[] {
  if (name.toLowerCase() === 'information_schema') return []
  const found = meant(name, known)
  return found.length === 0 ? [name] : found
}
