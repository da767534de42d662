import { plainName, type Databases } from './databases.ts'
import { qualifiersIn } from './qualifiers.ts'
import { settingsIn } from './settings.ts'
import { schemaRefused, showRefused } from './show.ts'
import { Unreadable, type Token } from './tokens.ts'

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
  /** Whether the server reads the next statement as before shows once it is done. */
  readonly isOpen?: true
  /** It names what would be a database, if there were one of that name: is there by now? */
  readonly asksAnew?: true
}

export interface Surroundings {
  readonly databases: Databases
  /** The server refuses what writes; what would lift that is refused here. */
  readonly readOnly: boolean
}

/** Why a limited session has it not; `mysql:connect` has. */
export interface Refused {
  readonly why: string
}

/** Readings double with each version that a part is for. */
const maxVersions = 2

/**
 * What one statement does. It errs on the side of more: what it does not know is refused, and a name that is a database's counts
 * as one wherever it stands in front of a dot. Where parts are for some servers only, what it does on any. Throws `Unreadable`.
 */
export function meaningOf(tokens: readonly Token[], surroundings: Surroundings): Meaning | Refused {
  const versions = [...new Set(tokens.flatMap(({ only }) => only ?? []))]
  if (versions.length > maxVersions) throw new Unreadable('it has parts for servers of too many versions')
  let whole: Meaning | undefined
  for (let mask = 0; mask < 2 ** versions.length; mask++) {
    const found = ofReading(
      versions.length === 0
        ? tokens
        : tokens.filter(({ only }) => only === undefined || ((mask >> versions.indexOf(only)) & 1) === 1),
      surroundings,
    )
    if ('why' in found) return found
    whole = whole === undefined ? found : both(whole, found)
    if (whole === undefined) return { why: 'to one server it is another statement than to the next' }
  }
  return whole ?? session
}

const session: Meaning = { verb: 'read', databases: [], isOfSession: true }
const verbs: readonly Verb[] = ['read', 'write', 'ddl']

/** A server does the one or the other. Undefined where no word covers both. */
function both(one: Meaning, other: Meaning): Meaning | undefined {
  if (one.uses !== other.uses || one.kills !== other.kills) return undefined
  const { isOfSession: _, ...rest } = { ...one, ...other }
  return {
    ...rest,
    verb: verbs[Math.max(verbs.indexOf(one.verb), verbs.indexOf(other.verb))] ?? 'ddl',
    databases: [...new Set([...one.databases, ...other.databases])],
    ...(one.isOfSession === true && other.isOfSession === true ? { isOfSession: true } : {}),
  }
}

function ofReading(all: readonly Token[], surroundings: Surroundings): Meaning | Refused {
  let end = all.length
  while (all[end - 1]?.text === ';') end--
  const tokens = withoutTimeLimit(all.slice(0, end))
  if (tokens.some(({ is, text }) => is === 'sign' && text === ';'))
    return { why: 'it is more than one statement' }
  if (tokens.length === 0) return session
  const found = judge(tokens, surroundings)
  if ('why' in found) return found
  const why = schemaRefused(tokens)
  if (why !== undefined) return { why }
  const { names, asksAnew } = databasesIn(tokens, found, surroundings.databases)
  const databases = [...new Set([...found.databases, ...names])]
  if (databases.length > maxDatabases) return { why: 'it names too many databases' }
  return { ...found, databases, ...(asksAnew ? { asksAnew } : {}) }
}

const maxDatabases = 100

/** SET STATEMENT max_statement_time = 1 FOR SELECT ...: how MariaDB's drivers limit one statement. Other settings than that one are refused. */
function withoutTimeLimit(tokens: readonly Token[]): readonly Token[] {
  const [set, statement, name, equals, value, until] = tokens
  const isLimit =
    set?.text === 'SET' &&
    statement?.text === 'STATEMENT' &&
    name?.text === 'MAX_STATEMENT_TIME' &&
    equals?.text === '=' &&
    value?.is === 'number' &&
    until?.text === 'FOR'
  return isLimit ? tokens.slice(6) : tokens
}

function judge(tokens: readonly Token[], surroundings: Surroundings): Meaning | Refused {
  const first = wordAt(tokens, 0) ?? (tokens[0]?.text === '(' ? 'SELECT' : '')
  const file = fileUse(tokens)
  if (file !== undefined) return { why: file }
  switch (first) {
    case 'SHOW': {
      const why = showRefused(tokens)
      return why === undefined ? { verb: 'read', databases: [] } : { why }
    }
    case 'DESC':
    case 'DESCRIBE':
    case 'EXPLAIN':
      if (wordAt(tokens, 1) === 'FOR' || (wordAt(tokens, 1) === 'FORMAT' && wordAt(tokens, 4) === 'FOR'))
        return { why: 'EXPLAIN FOR shows the statement of another connection' }
      return { verb: writesWithin(tokens) ? 'write' : 'read', databases: [] }
    case 'SELECT':
    case 'WITH':
    case 'TABLE':
    case 'VALUES':
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
  for (const [at, { is, text, written }] of tokens.entries()) {
    // A function of the server is that in backticks, too.
    if (is !== 'word' && is !== 'name') continue
    const name = plainName(written ?? text)
    if (is === 'word' && (text === 'OUTFILE' || text === 'DUMPFILE')) return 'it writes a file of the server'
    if (name === 'LOAD_FILE' && tokens[at + 1]?.text === '(') return 'it reads a file of the server'
    if (name === 'ANALYSE' && wordAt(tokens, at - 1) === 'PROCEDURE') return 'PROCEDURE ANALYSE is not passed'
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

function setting(tokens: readonly Token[], { readOnly }: Surroundings): Meaning | Refused {
  const found = settingsIn(tokens)
  if ('why' in found) return found
  const open = found.isOpen ? { isOpen: true as const } : {}
  if (readOnly && tokens.some(({ text }) => text === 'WRITE')) return noWrite
  // A value may be asked of tables.
  return tokens.some(({ is, text }) => is === 'word' && asking.has(text))
    ? { verb: 'read', databases: [], ...open }
    : { ...session, ...open }
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

function nameIn({ text, written }: Token): string {
  return written ?? text
}

/** Names in front of a dot that are databases'; where a statement may name one without a dot, any name. */
function databasesIn(tokens: readonly Token[], { verb, uses }: Meaning, databases: Databases) {
  const first = wordAt(tokens, 0) ?? ''
  const anywhere = verb === 'ddl' || ['SHOW', 'DESC', 'DESCRIBE', 'EXPLAIN'].includes(first)
  const names = new Set<string>(uses === undefined ? [] : databases.meantFor(uses))
  let asksAnew = false
  for (const { name, isPlace, hasDot } of qualifiersIn(tokens, anywhere)) {
    const meant = databases.meant(name)
    for (const one of meant) names.add(one)
    if (meant.length > 0 || !isPlace || plainName(name) === 'INFORMATION_SCHEMA') continue
    asksAnew = true
    // By these a server may find a database of another name: `#mysql50#x` is x, and `İ` is i.
    const isStrange = hasDot ? !/^[A-Za-z0-9_$]*$/.test(name) : name.startsWith('#mysql50#')
    if (isStrange) names.add(name)
  }
  return { names, asksAnew }
}
