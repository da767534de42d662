import { randomBytes } from 'node:crypto'
import { open as openFile, type FileHandle } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, type Compilable, type QueryCreator, type Selectable } from 'kysely'
import { MayflyError, messageOf } from '../lib/index.ts'
import { createPrepare, nodeSqliteDialect } from './dialect.ts'
import { isStorageFailure, storeError } from './failures.ts'
import { createFlush, type Committed, type Flush } from './flush.ts'
import { migrate } from './migrations.ts'
import type { Tables } from './schema.ts'
import { findRow, type Statement, upsertRow, type Where } from './statement.ts'

export interface Store {
  /** Reads; never waits for a writer. */
  readonly read: Kysely<Tables>
  /** One row by the values of some columns, in a fraction of the time of `read`. */
  find<T extends keyof Tables>(table: T, where: Where<T>): Selectable<Tables[T]> | undefined
  /**
   * Writes in a transaction that is on disk (fsync) when the promise resolves. Writers that come at the same
   * time share one commit; each is all or nothing on its own. `run` runs a statement that is ready in the same
   * transaction. Throws what `work` throws, `disk_full` or `store_failed`.
   */
  write<T>(work: Work<T>): Promise<T>
  /**
   * The same for statements that are known beforehand: `build` makes them when it is their turn, and they run in one
   * go, in a fraction of the time. Throws the error of the one that failed, `disk_full` or `store_failed`.
   */
  writeAll(build: Build): Promise<void>
  /** From here on every commit also runs what `make` gives, in the same transaction: what is to be kept as cheaply as can be. Several may. */
  alsoKeep(make: () => Statement | undefined): void
  /**
   * Resolves once the disk has confirmed all that readers see now: before anybody outside is told of it. Throws
   * `store_failed`.
   */
  confirmed(): Promise<void>
  /**
   * While it cannot be written, tries to: a disk that has room again is found by a write alone, and who is not ready may
   * be sent none. Never rejects.
   */
  tryAgain(): Promise<void>
  /**
   * Brings everything into the database and empties the write-ahead log, where older bytes of what was overwritten stand. False
   * if somebody else is at it for too long.
   */
  emptyLog(): Promise<boolean>
  /** Can it be written right now? One line saying why not. */
  health(): { ok: true } | { ok: false; reason: string }
  close(): Promise<void>
}

/** Has the disk confirm what is in an open file (fdatasync). */
export type Sync = (file: FileHandle) => Promise<void>

export type Work<T> = (tables: QueryCreator<Tables>, run: Run) => Promise<T>

export type Run = (statement: Statement) => void

export type Build = (tables: QueryCreator<Tables>) => readonly (Compilable | Statement)[]

interface Waiting {
  readonly work: Work<unknown> | { readonly build: Build }
  resolve(value: unknown): void
  reject(error: unknown): void
}

const maxBatch = 256
const busyMs = 5_000
/** Several times what an exchange writes. */
const tryBytes = 65_536
/** 64 MiB of 4 KiB pages: then a commit brings them into the database itself, if `startCheckpoints` did not. */
const mostWalPages = 16_384

/**
 * Opens (or makes) the SQLite database, in WAL mode, migrated. A commit puts its pages into the write-ahead log; this
 * thread does not wait for the disk then, which would hold up everybody: `sync` has it confirm them (fdatasync), one
 * call for all commits that came before it, and only then does a write resolve. Readers see it a moment earlier. SQLite
 * keeps the order, so that a power cut leaves all commits up to one of them.
 */
export function openStore(file: string, sync: Sync = (handle) => handle.datasync()): Store {
  const writing = open(file)
  migrate(writing)
  // As FULL, but for the wait at each commit. The log is still synced before its pages go into the database.
  writing.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${mostWalPages}`)
  const reading = open(file)
  const prepare = createPrepare(reading)
  const read = new Kysely<Tables>({ dialect: nodeSqliteDialect(reading, prepare) })
  const writer = createWriter(writing)
  const waiting: Waiting[] = []
  let log: Promise<FileHandle> | undefined
  let committing: Promise<void> | undefined
  let problem: MayflyError | undefined
  const also: (() => Statement | undefined)[] = []
  const flush = createFlush(async () => {
    // The same file as long as a connection is open.
    log ??= openFile(`${file}-wal`, 'r+')
    await sync(await log)
  })

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, maxBatch)
      problem = flush.failure()
      if (problem === undefined) {
        problem = await commitBatch(writer, flush, batch, also)
      }
      if (problem !== undefined) for (const one of batch) one.reject(problem)
    }
    committing = undefined
  }

  function add(one: Waiting): void {
    waiting.push(one)
    // Everything that asks in this turn of the event loop goes into the same commit.
    committing ??= new Promise((next) => setImmediate(next)).then(commitAll)
  }

  const writeAll = (build: Build) =>
    new Promise<void>((resolve, reject) => add({ work: { build }, resolve: () => resolve(), reject }))

  return {
    read,
    find(table, where) {
      const { sql, parameters } = findRow(table, where)
      return prepare(sql).all(parameters)[0] as Selectable<Tables[typeof table]> | undefined
    },
    write: (work) => new Promise((resolve, reject) => add({ work, resolve, reject })),
    writeAll,
    alsoKeep(make) {
      also.push(make)
    },
    confirmed: () => flush.settled(),
    async tryAgain() {
      if (problem === undefined) return
      // Room for one page more is no room. Another value each time: SQLite does not write what is there already.
      const row = upsertRow('meta', 'key', {
        key: 'last_try',
        value: randomBytes(tryBytes).toString('base64'),
      })
      await writeAll(() => [row]).catch(() => undefined)
    },
    async emptyLog() {
      for (let tries = 0; tries < 20; tries++) {
        while (committing !== undefined) await committing
        if (emptied(writing)) return true
        await new Promise((next) => setTimeout(next, 25))
      }
      return false
    },
    health() {
      const reason = flush.failure() ?? problem
      return reason === undefined ? { ok: true } : { ok: false, reason: reason.message }
    },
    async close() {
      await committing
      await flush.drain()
      await (await log?.catch(() => undefined))?.close()
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
  readonly run: Run
  rollBack(): void
}

function createWriter(database: DatabaseSync): Writer {
  const prepare = createPrepare(database)
  return {
    tables: new Kysely<Tables>({ dialect: nodeSqliteDialect(database, prepare) }),
    run: ({ sql, parameters }) => void prepare(sql).run(parameters),
    rollBack() {
      // On a full disk SQLite has rolled back by itself; a database that is closed has nothing to take back.
      if (!database.isOpen || !database.isTransaction) return
      try {
        prepare('ROLLBACK').run([])
      } catch {
        // Why the commit failed is told. The next one cannot begin, fails too, and comes here again.
      }
    },
  }
}

function emptied(database: DatabaseSync): boolean {
  if (!database.isOpen) return false
  try {
    // It is not waited for here, where everybody would wait with it.
    database.exec('PRAGMA busy_timeout = 0')
    return database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0
  } catch {
    return false
  } finally {
    database.exec(`PRAGMA busy_timeout = ${busyMs}`)
  }
}

function open(file: string): DatabaseSync {
  try {
    const database = new DatabaseSync(file, { timeout: busyMs })
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

const plain = (sql: string): Statement => ({ sql, parameters: [] })
const [begin, commit] = [plain('BEGIN'), plain('COMMIT')]
const [savepoint, release] = [plain('SAVEPOINT one'), plain('RELEASE one')]
const rollBackToSavepoint = plain('ROLLBACK TO one')

/** Commits the batch and has the disk confirm it; gives back why the store cannot be written, if so. */
async function commitBatch(
  writer: Writer,
  flush: Flush,
  batch: readonly Waiting[],
  also: readonly (() => Statement | undefined)[],
): Promise<MayflyError | undefined> {
  const done: Outcome[] = []
  try {
    writer.run(begin)
    for (const one of batch) done.push(await attempt(writer, one))
    for (const keep of also) {
      const kept = keep()
      if (kept !== undefined) writer.run(kept)
    }
    writer.run(commit)
  } catch (cause) {
    writer.rollBack()
    return storeError(cause)
  }
  // In the same breath as the commit: what readers see is known to wait for the disk.
  flush.add(done.flatMap(({ committed }) => (committed === undefined ? [] : [committed])))
  for (const { refuse } of done) refuse?.()
  return undefined
}

interface Outcome {
  readonly committed?: Committed
  /** Not before the commit: what stands in its way might not have been written either. */
  readonly refuse?: () => void
}

// One that fails takes back its own changes only; the others of the batch are not its hostages.
async function attempt(writer: Writer, one: Waiting): Promise<Outcome> {
  writer.run(savepoint)
  try {
    const value =
      typeof one.work === 'function'
        ? await one.work(writer.tables, writer.run)
        : runAll(writer, one.work.build)
    writer.run(release)
    return { committed: { resolve: () => one.resolve(value), reject: (error) => one.reject(error) } }
  } catch (error) {
    if (isStorageFailure(error)) throw error
    writer.run(rollBackToSavepoint)
    writer.run(release)
    return { refuse: () => one.reject(error) }
  }
}

function runAll(writer: Writer, build: Build): void {
  for (const query of build(writer.tables)) writer.run('compile' in query ? query.compile() : query)
}
