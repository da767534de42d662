import { DatabaseSync } from 'node:sqlite'
import { Kysely, type Compilable, type QueryCreator, type Transaction } from 'kysely'
import { MayflyError, messageOf } from '../lib/index.ts'
import { createPrepare, nodeSqliteDialect, type Prepared } from './dialect.ts'
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
  write<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>
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
  readonly work: ((tx: Transaction<Tables>) => Promise<unknown>) | { readonly build: Build }
  resolve(value: unknown): void
  reject(error: unknown): void
}

type Prepare = (sql: string) => Prepared

const maxBatch = 256

/** Opens (or makes) the SQLite database: WAL, synchronous=FULL, migrated. */
export function openStore(file: string): Store {
  const writer = open(file)
  migrate(writer)
  const reader = open(file)
  const read = new Kysely<Tables>({ dialect: nodeSqliteDialect(reader) })
  const prepare = createPrepare(writer)
  const write = new Kysely<Tables>({ dialect: nodeSqliteDialect(writer, prepare) })
  const waiting: Waiting[] = []
  let committing: Promise<void> | undefined
  let problem: string | undefined

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) {
      problem = await commitBatch(write, prepare, waiting.splice(0, maxBatch))
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
      await write.destroy()
      // Kysely closes only what it has used.
      for (const database of [reader, writer]) if (database.isOpen) database.close()
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
async function commitBatch(
  database: Kysely<Tables>,
  prepare: Prepare,
  batch: readonly Waiting[],
): Promise<string | undefined> {
  const done: (() => void)[] = []
  try {
    await database.transaction().execute(async (tx) => {
      for (const one of batch) done.push(await attempt(tx, prepare, one))
    })
    for (const settle of done) settle()
    return undefined
  } catch (cause) {
    const error = storeError(cause)
    for (const one of batch) one.reject(error)
    return error.message
  }
}

// One that fails takes back its own changes only; the others of the batch are not its hostages.
async function attempt(tx: Transaction<Tables>, prepare: Prepare, one: Waiting): Promise<() => void> {
  const execute = (text: string) => prepare(text).run([])
  execute('SAVEPOINT one')
  try {
    const value = typeof one.work === 'function' ? await one.work(tx) : runAll(tx, prepare, one.work.build)
    execute('RELEASE one')
    return () => one.resolve(value)
  } catch (error) {
    if (isStorageFailure(error)) throw error
    execute('ROLLBACK TO one')
    execute('RELEASE one')
    return () => one.reject(error)
  }
}

/** Kysely makes the texts, and the connection that it is in a transaction on runs them. */
function runAll(tx: Transaction<Tables>, prepare: Prepare, build: Build): void {
  for (const query of build(tx)) {
    const { sql, parameters } = query.compile()
    prepare(sql).run(parameters)
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
