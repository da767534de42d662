import { messageOf } from '../../lib/index.ts'
import type { Operation } from '../../policy/index.ts'
import { nameInGrant } from '../name-in-grant.ts'
import type { Permitted } from '../permitted.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import { isOfServer, plainName } from './sql/databases.ts'
import { meaningOf, type Meaning } from './sql/meaning.ts'
import { shapeOf } from './sql/shape.ts'
import { tokensInTurns, tokensOf, Unreadable } from './sql/tokens.ts'
import type { ServerSide } from './server-side.ts'

/** A statement that may be done, or why not. */
export type Judged =
  | { readonly shape: string; readonly isWhole: boolean; readonly meaning?: Meaning }
  | { readonly refused: string }

export interface Judge {
  /**
   * Before the server sees it. `undefined` is a text that is too long to be held. What is only prepared asks no person: that it is
   * done does.
   */
  statement(sql: Buffer | undefined, bytes: number, when?: 'prepared'): Promise<Judged>
  /** It is done again, later: what it meant when it was prepared may be refused now. */
  again(judged: Judged): Promise<string | undefined>
  /** The current database is another one, once the server has agreed. */
  moved(database: string): void
  /** There is a database of that name now. */
  known(database: string): void
  /** Once the server has done what could make it read the next statement otherwise: why the session goes on without it. */
  settle(judged: Judged): (() => Promise<string | undefined>) | undefined
  /** The session is as it was at its begin, and has its limits again. */
  restart(): Promise<undefined>
  /** Whether it may be the current one. */
  database(name: string): Promise<string | undefined>
}

export interface LimitedSession {
  readonly stream: StreamExchange
  readonly database: string
  readonly server: ServerSide
  readonly readOnly: boolean
  readonly permitted: Permitted
  /** Connections of this step, by the server's numbers. */
  readonly threads: ReadonlySet<number>
}

/** What its grants say of each statement, by the databases that it is about. */
export function createLimitedJudge(session: LimitedSession): Judge {
  const { stream, permitted, server } = session
  const connection = stream.connection.name
  let current = session.database

  async function allow(
    meaning: Meaning,
    { shape, isWhole }: { readonly shape: string; readonly isWhole: boolean },
    when?: 'prepared',
  ): Promise<string | undefined> {
    if (meaning.kills !== undefined && !session.threads.has(meaning.kills))
      return stream.deny(`mysql ${connection}`, 'KILL ends connections of this step alone')
    if (meaning.uses !== undefined) return mayUse(meaning.uses)
    const action = `mysql:${meaning.verb}`
    const operations = operationsOn(action, meaning.databases)
    if (typeof operations === 'string') return operations
    if (operations.length === 0) return undefined
    if (stream.asksPeople(operations) && operations.every((one) => stream.would(one))) {
      if (when === 'prepared') return undefined
      // Whoever says yes must see all of it: what they are to miss could stand at its end.
      if (!isWhole)
        return stream.deny(
          operations.map(({ path }) => `${action} ${connection}/${path}`).join(', '),
          'its grant asks for a person’s yes, and the text is too long to be shown to one',
        )
    }
    return permit(operations, shape)
  }

  function operationsOn(action: string, databases: Iterable<string>): Operation[] | string {
    const all = [...databases]
    const ofServer = all.find(isOfServer)
    if (ofServer !== undefined)
      return stream.deny(
        `${action} ${connection}/${nameInGrant(ofServer)}`,
        'it has accounts and what other sessions do: mysql:connect alone reads it',
      )
    return all.map((database) => ({ action, connection, path: nameInGrant(database) }))
  }

  /** Being in a database does nothing yet: no person is asked, and what is done there is judged by itself. */
  async function mayUse(name: string): Promise<string | undefined> {
    // Its tables would be named without it.
    if (plainName(name) === 'INFORMATION_SCHEMA')
      return stream.deny(`mysql ${connection}`, 'information_schema is named in front of its tables')
    const operations = operationsOn('mysql:read', server.databases().meantFor(name))
    if (typeof operations === 'string') return operations
    return operations.every((one) => stream.would(one)) ? undefined : permit(operations, 'USE')
  }

  /** A statement that is prepared is about the database that is the current one then, whichever is when it is done. */
  function withCurrent(meaning: Meaning): Meaning {
    if (meaning.isOfSession === true || current === '') return meaning
    return {
      ...meaning,
      databases: [...new Set([...meaning.databases, ...server.databases().meantFor(current)])],
    }
  }

  /** What there is may be more by now: who names what is not known here is told apart by the server's own list. */
  async function meaningIn(tokens: ReturnType<typeof tokensOf>) {
    const meaning = meaningOf(tokens, { databases: server.databases(), readOnly: session.readOnly })
    if ('why' in meaning || meaning.asksAnew === undefined) return meaning
    await server.lookAgain()
    return meaningOf(tokens, { databases: server.databases(), readOnly: session.readOnly })
  }

  async function permit(operations: readonly Operation[], shape: string): Promise<string | undefined> {
    const key = JSON.stringify([connection, shape, operations])
    const still = () => operations.every((one) => stream.would(one, { unasked: true }))
    const policy = stream.policy()
    if (permitted.has(key, policy, still)) return undefined
    try {
      const permission = await stream.permitAll(operations, { statement: shape })
      if (!permission.allow) return permission.message
      if (permission.once !== true) permitted.add(key, policy)
      return undefined
    } catch (cause) {
      return `mayfly: ${messageOf(cause)}`
    }
  }

  return {
    async statement(sql, bytes, when) {
      const what = `mysql ${connection}`
      const refuse = (why: string) => ({ refused: stream.deny(what, why) })
      if (sql === undefined)
        return refuse(
          `a statement of ${bytes} bytes is too long to be judged: send what is long as parameters`,
        )
      try {
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(sql)
        const tokens = await tokensInTurns(text)
        const shown = shapeOf(tokens)
        const found = await meaningIn(tokens)
        if ('why' in found) return refuse(found.why)
        const meaning = withCurrent(found)
        const refused = await allow(meaning, shown, when)
        return refused === undefined ? { ...shown, meaning } : { refused }
      } catch (error) {
        if (error instanceof Unreadable) return refuse(error.message)
        if (error instanceof TypeError) return refuse('a statement is not in UTF-8')
        throw error
      }
    },
    again: async (judged) =>
      'refused' in judged
        ? judged.refused
        : judged.meaning === undefined
          ? undefined
          : allow(judged.meaning, judged),
    moved(database) {
      current = database
      server.databases().add(database)
    },
    known: (database) => server.databases().add(database),
    settle: (judged) =>
      'refused' in judged || judged.meaning?.isOpen === undefined
        ? undefined
        : async () => {
            const why = await server.settle()
            return why === undefined ? undefined : stream.deny(`mysql ${connection}`, why)
          },
    async restart() {
      await server.begin(current)
      return undefined
    },
    database: mayUse,
  }
}

/** A session that only the server limits: its statements are read for the record, as far as they can be. */
export function createUnlimitedJudge(): Judge {
  return {
    async statement(sql, bytes) {
      try {
        return shapeOf(tokensOf((sql ?? Buffer.alloc(0)).subarray(0, recordedBytes).toString()))
      } catch {
        return { shape: `a statement of ${bytes} bytes`, isWhole: false }
      }
    },
    again: async () => undefined,
    moved: () => undefined,
    known: () => undefined,
    settle: () => undefined,
    restart: async () => undefined,
    database: async () => undefined,
  }
}

/** As much of a text as is looked at for the record. */
const recordedBytes = 20_000
