import { messageOf } from '../../lib/index.ts'
import type { Operation } from '../../policy/index.ts'
import { nameInGrant } from '../name-in-grant.ts'
import type { Permitted } from '../permitted.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import { databaseMeant, meaningOf, type Meaning } from './sql/meaning.ts'
import type { SavedSettings } from './sql/settings.ts'
import { shapeOf, tokensOf, Unreadable } from './sql/tokens.ts'

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
  /** Whether it may be the current one. */
  database(name: string): Promise<string | undefined>
}

export interface LimitedSession {
  readonly stream: StreamExchange
  readonly database: string
  readonly databases: Set<string>
  readonly readOnly: boolean
  readonly permitted: Permitted
  /** Connections of this step, by the server's numbers. */
  readonly threads: ReadonlySet<number>
}

/** What its grants say of each statement, by the databases that it is about. */
export function createLimitedJudge(session: LimitedSession): Judge {
  const { stream, permitted, databases } = session
  const connection = stream.connection.name
  const saved: SavedSettings = new Map()
  let current = session.database

  async function allow(
    meaning: Meaning,
    { shape, isWhole }: { readonly shape: string; readonly isWhole: boolean },
    when?: 'prepared',
  ): Promise<string | undefined> {
    if (meaning.kills !== undefined && !session.threads.has(meaning.kills))
      return stream.deny(`mysql ${connection}`, 'KILL ends connections of this step alone')
    const named = [
      ...meaning.databases,
      ...(meaning.isOfSession === true || current === '' ? [] : databaseMeant(current, databases)),
    ]
    const action = `mysql:${meaning.verb}`
    const operations = [...new Set(named)].map((database): Operation => ({
      action,
      connection,
      path: nameInGrant(database),
    }))
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
      if (sql === undefined) return refuse(`a statement of ${bytes} bytes is too long to be judged`)
      try {
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(sql)
        const tokens = tokensOf(text)
        const shown = shapeOf(tokens)
        const meaning = meaningOf(text, { databases, readOnly: session.readOnly, saved })
        if ('why' in meaning) return refuse(meaning.why)
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
      databases.add(database)
    },
    known: (database) => void databases.add(database),
    async database(name) {
      const operations = databaseMeant(name, databases).map((database): Operation => ({
        action: 'mysql:read',
        connection,
        path: nameInGrant(database),
      }))
      return operations.length === 0 ? undefined : permit(operations, 'USE')
    },
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
    database: async () => undefined,
  }
}

/** As much of a text as is looked at for the record. */
const recordedBytes = 20_000
