import { setImmediate } from 'node:timers/promises'
import { messageOf } from '../../lib/index.ts'
import type { Operation } from '../../policy/index.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import { nameInGrant } from '../name-in-grant.ts'
import type { Masks } from './masks/masks.ts'
import { schemasIn } from './sql/settings.ts'
import { isBeyondAscii, isPinned, namesIn } from './as-read-here.ts'
import { needsOf, type Need, type Surroundings } from './sql/needs.ts'
import { neededBy, type LimitedStatement, type Needed } from './statement-needs.ts'
import type { SqlReader } from './sql/reader-of-sql.ts'
import type { Reading } from './sql/reading.ts'
import type { Permitted } from '../permitted.ts'
import { isFault, type DoneAs, type Judge, type Names } from './statement.ts'
import { utf8, type Fault } from './wire.ts'

/** A text that is longer is refused: it is held in memory while it is read. */
const maxStatementBytes = 1_048_576
/** Statements of a session that are not read again, and the longest of them. */
const maxKept = 200
const keptBytes = 4_000
/** Grants that one hint, or one entry, names. */
const maxHinted = 20
/** Questions to policy, before others are served. */
const perTurn = 100
/** Schemas of one session's path, at any time. */
const maxPath = 1_000

export interface LimitedSession {
  readonly stream: StreamExchange
  readonly database: string
  /** That logged in upstream. */
  readonly user: string
  /** As which it began: another one, if the user’s own settings say so. */
  readonly role: string
  /** There is a schema of the role’s name: `$user` on a path. */
  readonly hasOwnSchema: boolean
  readonly path: readonly string[]
  /** What the server reports of itself at the beginning. */
  readonly encoding: string | undefined
  readonly readOnly: boolean
  /** Columns that it does not see. */
  readonly masks: Masks | undefined
  readonly sql: SqlReader
  readonly permitted: Permitted
}

/** Judges each statement by the grants of the step, and asks policy anew as it goes on. */
export function createLimitedJudge(session: LimitedSession): Judge<LimitedStatement> {
  const { stream, sql, permitted, masks } = session
  const path = new Set(session.path)
  let catalogFirst = true
  /** What was allowed, by this policy and with as many schemas on the path: nothing has changed for it since. */
  const allowed = new WeakMap<Reading, { policy: object; schemas: number; catalogFirst: boolean }>()
  const recordedAs = new WeakMap<Reading, DoneAs>()
  const database = nameInGrant(session.database)
  /** What was read of the same bytes; what it is allowed is asked each time. */
  const kept = new Map<string, LimitedStatement>()

  function keep(key: string, one: LimitedStatement | Fault): LimitedStatement | Fault {
    // Of that the types of its parameters are a part.
    if (isFault(one) || one.reading.pathParameter !== undefined) return one
    if (kept.size >= maxKept) kept.delete(kept.keys().next().value ?? '')
    kept.set(key, one)
    return one
  }

  function masked(why: string): Fault {
    const what = `postgres ${stream.connection.name}/${database}`
    const rule =
      'columns of it are masked: they can be read as plain columns of a result, and in no other way'
    return error('42501', stream.deny(what, `${rule}. Refused is: ${why}`))
  }

  function operationOf({ verb, schema }: Need): Operation {
    const named = { action: `postgres:${verb}`, connection: stream.connection.name, path: database }
    return schema === undefined ? named : { ...named, ref: nameInGrant(schema) }
  }

  function surroundings(): Surroundings {
    return { path, catalogFirst, readOnly: session.readOnly, role: session.role }
  }

  /** One for each text: what is given a name again is the same. */
  const statements = new WeakMap<Reading, LimitedStatement>()

  function statementOf(of: Reading, { shape, isWhole }: Reading, bytes: number): LimitedStatement {
    const statement = statements.get(of) ?? { shape, bytes, reading: { ...of, isWhole } }
    statements.set(of, statement)
    return statement
  }

  /** What it makes has its name from now on. */
  function prepared({ reading, bytes }: LimitedStatement, names: Names<LimitedStatement>): Fault | undefined {
    const tooMany = goesOn(reading.path)
    if (tooMany !== undefined) return tooMany
    if (reading.hidesCatalog === true) catalogFirst = false
    for (const { name, reading: inner } of reading.prepares) {
      if (names.isFull())
        return error('54000', 'mayfly: the session has too many prepared statements, or too long ones')
      names.prepare(name, statementOf(inner, reading, bytes))
    }
    return undefined
  }

  /** One that was prepared by a message of the protocol, and is executed by a statement: nobody sees its values, or where its rows go. */
  function problemOfExecute(reading: Reading): Fault | undefined {
    if (reading.pathParameter !== undefined)
      return error('42501', 'mayfly: refused: EXECUTE of what sets search_path')
    return masks?.areShownBy(reading) === true ? masked('EXECUTE of what shows them') : undefined
  }

  /** What has been on the path may be there again, by a ROLLBACK for one. */
  function goesOn(schemas: readonly string[]): Fault | undefined {
    for (const one of schemas)
      if (one !== '$user') path.add(one)
      else if (session.hasOwnSchema) path.add(session.role)
    return path.size > maxPath
      ? error('54000', 'mayfly: too many schemas have been on the search path')
      : undefined
  }

  function bound(value: Buffer | null | undefined): Fault | undefined {
    // By NULL it is again as it was at the beginning.
    if (value === null) return undefined
    const schemas = schemasIn(utf8(value ?? Buffer.from('"')) ?? '"')
    if (schemas === undefined || schemas.indexOf('pg_catalog') > 0)
      return error(
        '42501',
        'mayfly: refused: search_path is set to what cannot be read, or would hide pg_catalog',
      )
    for (const schema of schemas.filter((one) => one !== '$user'))
      for (const need of needsOf([{ verb: 'read', of: 'schema', schema }], surroundings()))
        if (!stream.would(operationOf(need)))
          return error(
            '42501',
            stream.deny(describe(operationOf(need)), 'it puts this schema on the search_path'),
          )
    return goesOn(schemas)
  }

  /** Nothing to add where a grant does allow it, and a person has said no. */
  function hintOf(
    refused: readonly Operation[],
    needs: readonly Need[],
    anyRef: boolean,
  ): string | undefined {
    const missing = refused.filter((one) => !stream.would(one, { anyRef }))
    if (missing.length === 0) return undefined
    const why = needs.flatMap((need) => need.why ?? []).join(', ')
    const more = missing.length > maxHinted ? ` and ${missing.length - maxHinted} more` : ''
    const grants = missing.slice(0, maxHinted).map((one) => `"${describe(one)}"`)
    return `${why === '' ? '' : `${why}. `}Grants that would allow it: ${grants.join(', ')}${more}`
  }

  async function readAnew(
    text: Buffer | undefined,
    bytes: number,
    types?: readonly number[],
  ): Promise<LimitedStatement | Fault> {
    if (text === undefined || bytes > maxStatementBytes)
      return error(
        '54000',
        `mayfly: a statement of ${bytes} bytes is too long to be judged: ${maxStatementBytes} are the most, COPY has no limit`,
      )
    const decoded = utf8(text)
    if (decoded === undefined) return error('22021', 'mayfly: a statement is not in UTF-8')
    const reading = await sql.read(decoded)
    if ('error' in reading) return error(reading.code, reading.error)
    // A server of another encoding makes other lower-case letters of them than the parser does here.
    if (session.encoding !== 'UTF8' && namesIn(reading, masks !== undefined).some(isBeyondAscii))
      return error(
        '22021',
        'mayfly: in a database that is not in UTF-8, schemas, cursors and prepared statements (with masks tables and columns, too) are named in ASCII',
      )
    const { pathParameter } = reading
    // Another type may be another text to the server.
    if (pathParameter !== undefined && !texts.has(types?.[pathParameter - 1] ?? 0))
      return error('42501', 'mayfly: refused: search_path is set by a parameter that is no text')
    const problem = masks?.problemOf(reading)
    if (problem !== undefined) return masked(problem)
    return statementOf(reading, reading, bytes)
  }

  async function decide(
    statement: LimitedStatement,
    names: Names<LimitedStatement>,
    when: 'prepared' | 'done',
  ): Promise<Fault | undefined> {
    const { reading } = statement
    const needed = prepared(statement, names) ?? neededBy(statement, names, surroundings(), problemOfExecute)
    if ('severity' in needed) return needed
    const { needs } = needed
    recordedAs.set(reading, doneAs(needed))
    const ruling = needs.find(({ verb }) => verb === 'admin')
    if (masks !== undefined && ruling !== undefined)
      return masked(`${ruling.why ?? 'what only postgres:admin allows'} could show them`)
    const policy = stream.policy()
    for (const one of askedOf(needed.held))
      if (!(await would(one))) {
        const permission = await permit(needed, one)
        if (typeof permission === 'object') return permission
      }
    // What changes more than rows is asked about, and stands in the log, each time.
    let isLasting = needs.every(({ verb }) => verb === 'read' || verb === 'write')
    for (const one of askedOf(needs)) {
      if (isLasting && isPermitted(needed.shape, one)) continue
      if (when === 'prepared' && (await would(one))) {
        isLasting = false
        continue
      }
      // Whoever says yes must see all of it: what they are to miss could stand at its end.
      if (!needed.isWhole && !(await would(one, { unasked: true })) && (await would(one)))
        return error(
          '42501',
          stream.deny(
            one.operations.map(describe).join(', '),
            'its grant asks for a person’s yes, and the text is too long to be shown to one: send its statements one by one',
          ),
        )
      const permission = await permit(needed, one)
      if (typeof permission === 'object') return permission
      if (permission === 'once') isLasting = false
    }
    // What EXECUTE stands for may change, and so may what a name stands for once another is prepared by it.
    const isPlain = reading.executes.length + reading.prepares.length + reading.fetches.length === 0
    if (isPlain && isLasting) allowed.set(reading, { policy, schemas: path.size, catalogFirst })
    return undefined
  }

  /** The most that it needed stands first. */
  function doneAs({ needs, shape }: Needed): DoneAs {
    const [operation = describe(operationOf({ verb: 'read' })), ...beside] = needs
      .toSorted((a, b) => verbs.indexOf(a.verb) - verbs.indexOf(b.verb))
      .slice(0, maxHinted)
      .map((need) => describe(operationOf(need)))
    return { statement: shape, operation, beside }
  }

  /** Nothing has changed for it since. */
  function isAllowed(reading: Reading): boolean {
    const before = allowed.get(reading)
    return (
      before?.policy === stream.policy() &&
      before.schemas === path.size &&
      before.catalogFirst === catalogFirst
    )
  }

  return {
    maxBytes: maxStatementBytes,
    read(text, bytes, types) {
      const key = text !== undefined && bytes <= keptBytes ? text.toString('latin1') : undefined
      const same = key === undefined ? undefined : kept.get(key)
      if (same !== undefined) return same
      const reading = readAnew(text, bytes, types)
      return key === undefined ? reading : reading.then((one) => keep(key, one))
    },
    usesNames: ({ reading: { executes, prepares, fetches, declares } }) =>
      executes.length + prepares.length + fetches.length + declares.length > 0,
    doneAs: ({ reading }) => recordedAs.get(reading),
    cursorsOf: ({ reading }) => reading.declares,
    parameterOf: ({ reading }) => reading.pathParameter,
    bound,
    allow: (statement, names, when) =>
      isAllowed(statement.reading) ? undefined : decide(statement, names, when),
    reported: (name, value) =>
      isPinned(name, value, session)
        ? undefined
        : `the server says that ${name} is now ${value}: by that the session could do more than it is judged by`,
  }

  function isPermitted(shape: string, { operations, anyRef }: Asked): boolean {
    const still = () => operations.every((one) => stream.would(one, { anyRef, unasked: true }))
    return permitted.has(keyOf(shape, { operations, anyRef }), stream.policy(), still)
  }

  /** In any schema, or in each that is named. */
  function askedOf(needs: readonly Need[]): Asked[] {
    const anywhere = needs.filter((need) => need.schema === undefined && need.whole !== true)
    const named = needs.filter((need) => need.schema !== undefined || need.whole === true)
    return [
      { operations: named.map(operationOf), anyRef: false },
      { operations: anywhere.map(operationOf), anyRef: true },
    ].filter(({ operations }) => operations.length > 0)
  }

  /** Others are served between the schemas of a statement that names hundreds. */
  async function would({ operations, anyRef }: Asked, options: { unasked?: true } = {}): Promise<boolean> {
    for (const [at, one] of operations.entries()) {
      if (at % perTurn === perTurn - 1) await setImmediate()
      if (!stream.would(one, { ...options, anyRef })) return false
    }
    return true
  }

  async function permit(
    { shape, needs }: Needed,
    { operations, anyRef }: Asked,
  ): Promise<Fault | 'once' | 'lasting'> {
    const policy = stream.policy()
    try {
      const detail = { statement: shape }
      const [first] = operations
      const permission =
        anyRef && first !== undefined
          ? await stream.permit(first, detail, { anyRef: true })
          : await stream.permitAll(operations, detail)
      if (permission.allow) {
        if (permission.once === true) return 'once'
        permitted.add(keyOf(shape, { operations, anyRef }), policy)
        return 'lasting'
      }
      return {
        severity: 'ERROR',
        code: '42501',
        message: permission.message,
        hint: hintOf(permission.refused, needs, anyRef),
      }
    } catch (cause) {
      return error('58000', `mayfly: ${messageOf(cause)}`)
    }
  }
}

/** Operations that stand or fall together; with `anyRef` those that any schema is enough for. */
interface Asked {
  readonly operations: readonly Operation[]
  readonly anyRef: boolean
}

function keyOf(shape: string, asked: Asked): string {
  return JSON.stringify([shape, asked])
}

function describe({ action, connection, path, ref }: Operation): string {
  return `${action} ${connection}/${path}${ref === undefined ? '' : `@${ref}`}`
}

function error(code: string, message: string): Fault {
  return { severity: 'ERROR', code, message }
}

const verbs: readonly Need['verb'][] = ['admin', 'ddl', 'write', 'read']

/** Not declared, text, varchar (pg_type.dat). */
const texts: ReadonlySet<number> = new Set([0, 25, 1043])
