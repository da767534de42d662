import { DatabaseSync } from 'node:sqlite'
import { Kysely, type Compilable, type QueryCreator } from 'kysely'
import { MayflyError, messageOf } from '../lib/index.ts'
import { createPrepare, nodeSqliteDialect } from './dialect.ts'
import { migrate } from './migrations.ts'
import type { Tables } from './schema.ts'

export interface Store {
  /** Reads; never waits for a writer. */
  readonly read: Kysely<Tables>
  /**
   * Writes in a transaction that is on disk (fsync) when the promise resolves. Writers that come at the same
   * time share one commit; each is all or nothing on its own. Throws what `work` throws, `disk_full` or
   * `store_failed`.
   */
  write<T>(work: (tables: QueryCreator<Tables>) => Promise<T>): Promise<T>
  /**
   * The same for statements that are known beforehand: `build` makes them when it is their turn, and they run in one
   * go, in a fraction of the time. Throws the error of the one that failed, `disk_full` or `store_failed`.
   */
  writeAll(build: Build): Promise<void>
  /** Can it be written right now? One line saying why not. */
  health(): { ok: true } | { ok: false; reason: string }
  close(): Promise<void>
}

export type Build = (tables: QueryCreator<Tables>) => readonly Compilable[]

interface Waiting {
  readonly work: ((tables: QueryCreator<Tables>) => Promise<unknown>) | { readonly build: Build }
  resolve(value: unknown): void
  reject(error: unknown): void
}

const maxBatch = 256

/** Opens (or makes) the SQLite database: WAL, synchronous=FULL, migrated. */
export function openStore(file: string): Store {
  const writing = open(file)
  migrate(writing)
  const reading = open(file)
  const read = new Kysely<Tables>({ dialect: nodeSqliteDialect(reading) })
  const writer = createWriter(writing)
  const waiting: Waiting[] = []
  let committing: Promise<void> | undefined
  let problem: string | undefined

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) {
      problem = await commitBatch(writer, waiting.splice(0, maxBatch))
    }
    committing = undefined
  }

  function add(one: Waiting): void {
    waiting.push(one)
    // Everything that asks in this turn of the event loop goes into the same commit.
    committing ??= new Promise((next) => setImmediate(next)).then(commitAll)
  }

  return {
    read,
    write: (work) => new Promise((resolve, reject) => add({ work, resolve, reject })),
    writeAll: (build) =>
      new Promise((resolve, reject) => add({ work: { build }, resolve: () => resolve(), reject })),
    health: () => (problem === undefined ? { ok: true } : { ok: false, reason: problem }),
    async close() {
      await committing
      await read.destroy()
      await writer.tables.destroy()
      // Kysely closes only what it has used.
      for (const database of [reading, writing]) if (database.isOpen) database.close()
    },
  }
}

/** The one connection that writes: whatever is run on it is part of the transaction that is open just then. */
interface Writer {
  readonly tables: Kysely<Tables>
  execute(sql: string, parameters?: readonly unknown[]): void
  rollBack(): void
}

function createWriter(database: DatabaseSync): Writer {
  const prepare = createPrepare(database)
  return {
    tables: new Kysely<Tables>({ dialect: nodeSqliteDialect(database, prepare) }),
    execute: (sql, parameters = []) => void prepare(sql).run(parameters),
    rollBack() {
      // On a full disk SQLite has rolled back by itself; a database that is closed has nothing to take back.
      if (database.isOpen && database.isTransaction) prepare('ROLLBACK').run([])
    },
  }
}

function open(file: string): DatabaseSync {
  try {
    const database = new DatabaseSync(file, { timeout: 5000 })
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON',
    )
    return database
  } catch (cause) {
    throw new MayflyError('store_failed', `the store ${file} cannot be opened: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** Commits the batch; returns why the store cannot be written, if so. */
async function commitBatch(writer: Writer, batch: readonly Waiting[]): Promise<string | undefined> {
  const done: (() => void)[] = []
  try {
    writer.execute('BEGIN')
    for (const one of batch) done.push(await attempt(writer, one))
    writer.execute('COMMIT')
  } catch (cause) {
    writer.rollBack()
    const error = storeError(cause)
    for (const one of batch) one.reject(error)
    return error.message
  }
  for (const settle of done) settle()
  return undefined
}

// One that fails takes back its own changes only; the others of the batch are not its hostages.
async function attempt(writer: Writer, one: Waiting): Promise<() => void> {
  writer.execute('SAVEPOINT one')
  try {
    const value =
      typeof one.work === 'function' ? await one.work(writer.tables) : runAll(writer, one.work.build)
    writer.execute('RELEASE one')
    return () => one.resolve(value)
  } catch (error) {
    if (isStorageFailure(error)) throw error
    writer.execute('ROLLBACK TO one')
    writer.execute('RELEASE one')
    return () => one.reject(error)
  }
}

function runAll(writer: Writer, build: Build): void {
  for (const query of build(writer.tables)) {
    const { sql, parameters } = query.compile()
    writer.execute(sql, parameters)
  }
}

const sqliteFull = 13
const sqliteIoError = 10

function isStorageFailure(error: unknown): boolean {
  const code = primaryCode(error)
  return code === sqliteFull || code === sqliteIoError
}

// `errcode` of node:sqlite is SQLite's extended result code; its low byte is the primary one.
function primaryCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined
}

function storeError(cause: unknown): MayflyError {
  if (primaryCode(cause) === sqliteFull) {
    return new MayflyError(
      'disk_full',
      'the disk of the data folder is full: nothing was written; free space',
      { cause },
    )
  }
  return new MayflyError('store_failed', `the store cannot be written: ${messageOf(cause)}`, { cause })
}

/** Was this insert refused because the key is there already? */
export function isDuplicate(error: unknown): boolean {
  const sqliteConstraint = 19
  return primaryCode(error) === sqliteConstraint && /UNIQUE|PRIMARY KEY/.test(messageOf(error))
}
