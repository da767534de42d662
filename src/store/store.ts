import {
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
  type Compilable,
  type QueryCreator,
  type Transaction,
} from 'kysely'
import { connect } from './connection.ts'
import { readingDialect, writingDialect } from './dialect.ts'
import { isStorageFailure, storeError } from './failures.ts'
import { migrate } from './migrations.ts'
import type { Tables } from './schema.ts'
import { startWriter, type Writer } from './writer.ts'
import type { Statement } from './writer-thread.ts'

export interface Store {
  /** Reads; never waits for a writer. */
  readonly read: Kysely<Tables>
  /**
   * Writes in a transaction that is on disk (fsync) when the promise resolves. Writers that come at the same
   * time share one commit; each is all or nothing on its own. Throws what `work` throws, `disk_full` or
   * `store_failed`.
   */
  write<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>
  /**
   * The same for statements that are known beforehand, in a fraction of the time: `build` makes them when their turn
   * has come, and they go to the disk in one piece. Throws the error of the statement that failed, `disk_full` or
   * `store_failed`.
   */
  writeAll(build: Build): Promise<void>
  /** Can it be written right now? One line saying why not. */
  health(): { ok: true } | { ok: false; reason: string }
  close(): Promise<void>
}

export type Build = (tables: QueryCreator<Tables>) => readonly Compilable[]

interface Settle {
  resolve(value: unknown): void
  reject(error: unknown): void
}
type Built = Settle & { readonly build: Build }
type Worked = Settle & { work(tx: Transaction<Tables>): Promise<unknown> }

const maxBatch = 256

/** Opens (or makes) the SQLite database, migrated. Throws `store_failed`, or `data_folder` if a newer Mayfly wrote it. */
export function openStore(file: string): Store {
  const reader = connect(file)
  try {
    migrate(reader)
  } catch (error) {
    reader.close()
    throw error
  }
  const read = new Kysely<Tables>({ dialect: readingDialect(reader) })
  const writer = startWriter(file)
  const write = new Kysely<Tables>({ dialect: writingDialect(writer) })
  const waiting: (Built | Worked)[] = []
  let committing: Promise<void> | undefined
  let problem: string | undefined

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) {
      const built = takeWhile(waiting, isBuilt)
      problem =
        built.length > 0
          ? await commitBuilt(writer, built)
          : await commitWorked(write, takeWhile(waiting, isWorked))
    }
    committing = undefined
  }

  function add(one: Built | Worked): void {
    waiting.push(one)
    // Everything that asks in this turn of the event loop goes into the same commit.
    committing ??= new Promise((next) => setImmediate(next)).then(commitAll)
  }

  return {
    read,
    write: (work) => new Promise((resolve, reject) => add({ work, resolve, reject })),
    writeAll: (build) => new Promise((resolve, reject) => add({ build, resolve: () => resolve(), reject })),
    health: () => (problem === undefined ? { ok: true } : { ok: false, reason: problem }),
    async close() {
      await committing
      await write.destroy()
      await writer.close()
      await read.destroy()
      // Kysely closes only what it has used.
      if (reader.isOpen) reader.close()
    },
  }
}

function isBuilt(one: Built | Worked): one is Built {
  return 'build' in one
}

function isWorked(one: Built | Worked): one is Worked {
  return !isBuilt(one)
}

/** Takes those at the head that `is` of a kind: in the order in which they came, and no more than a commit may hold. */
function takeWhile<All, One extends All>(queue: All[], is: (one: All) => one is One): One[] {
  const head: One[] = []
  for (const one of queue) {
    if (head.length === maxBatch || !is(one)) break
    head.push(one)
  }
  queue.splice(0, head.length)
  return head
}

/** Commits the batch in one message to the thread; returns why the store cannot be written, if so. */
async function commitBuilt(writer: Writer, batch: readonly Built[]): Promise<string | undefined> {
  const ready: { one: Built; statements: Statement[] }[] = []
  for (const one of batch) {
    try {
      ready.push({ one, statements: one.build(compiler).map(statementOf) })
    } catch (error) {
      one.reject(error)
    }
  }
  try {
    const failures = await writer.commit(ready.map(({ statements }) => statements))
    for (const [i, { one }] of ready.entries()) {
      const failure = failures[i]
      if (failure === undefined) one.resolve(undefined)
      else one.reject(failure)
    }
    return undefined
  } catch (cause) {
    return rejectAll(batch, cause)
  }
}

/** Makes the text of a statement, and runs none. */
const compiler = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

function statementOf(query: Compilable): Statement {
  const { sql: text, parameters } = query.compile()
  return { sql: text, parameters }
}

/** Commits the batch, whose work asks and writes by turns; returns why the store cannot be written, if so. */
async function commitWorked(database: Kysely<Tables>, batch: readonly Worked[]): Promise<string | undefined> {
  const done: (() => void)[] = []
  try {
    await database.transaction().execute(async (tx) => {
      for (const one of batch) done.push(await attempt(tx, one))
    })
    for (const settle of done) settle()
    return undefined
  } catch (cause) {
    return rejectAll(batch, cause)
  }
}

// One that fails takes back its own changes only; the others of the batch are not its hostages.
async function attempt(tx: Transaction<Tables>, one: Worked): Promise<() => void> {
  await sql`SAVEPOINT one`.execute(tx)
  try {
    const value = await one.work(tx)
    await sql`RELEASE one`.execute(tx)
    return () => one.resolve(value)
  } catch (error) {
    if (isStorageFailure(error)) throw error
    await sql`ROLLBACK TO one`.execute(tx)
    await sql`RELEASE one`.execute(tx)
    return () => one.reject(error)
  }
}

function rejectAll(batch: readonly Settle[], cause: unknown): string {
  const error = storeError(cause)
  for (const one of batch) one.reject(error)
  return error.message
}
