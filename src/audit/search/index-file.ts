import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

/** Of what the tables below are made; an index of another version is made anew. */
const version = 3

const tables = `
  CREATE TABLE IF NOT EXISTS state (
    only INTEGER PRIMARY KEY CHECK (only = 1), origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS terms (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (kind, value));
  CREATE TABLE IF NOT EXISTS postings (
    term INTEGER NOT NULL, bundle INTEGER NOT NULL, PRIMARY KEY (term, bundle)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS bundles (bundle INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, job TEXT NOT NULL, first_entry INTEGER NOT NULL, last_entry INTEGER NOT NULL,
    first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, ended INTEGER NOT NULL,
    steps INTEGER NOT NULL, failed INTEGER NOT NULL, denied INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS people (
    person TEXT PRIMARY KEY, first_entry INTEGER NOT NULL, last_entry INTEGER NOT NULL) WITHOUT ROWID;
`

/** The index as a database: a file that its owner alone can read, or in memory. */
export interface IndexFile {
  readonly database: DatabaseSync
  /** A statement, prepared once. */
  prepare(sql: string): StatementSync
  /** Everything in it is written, or nothing. */
  write<T>(work: () => T): T
  close(): void
}

/**
 * Opens it, or makes it; one that is broken, or of another version, is made anew. `undefined`: in memory. Throws what the system
 * says where no file can be.
 */
export function openIndexFile(file: string | undefined): IndexFile {
  if (file === undefined) return use(new DatabaseSync(':memory:'))
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  try {
    return open(file)
  } catch (error) {
    if (!isUseless(error)) throw error
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
    return open(file)
  }
}

class OtherVersion extends Error {}

/** SQLITE_CORRUPT and SQLITE_NOTADB (https://sqlite.org/rescode.html). One that another command holds is not useless. */
const useless: ReadonlySet<unknown> = new Set([11, 26])

function isUseless(error: unknown): boolean {
  return error instanceof OtherVersion || useless.has((error as { errcode?: unknown }).errcode)
}

function open(file: string): IndexFile {
  const database = new DatabaseSync(file, { timeout: 30_000 })
  try {
    chmodSync(file, 0o600)
    // It can be made again at any time, so no commit waits for the disk.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
    const found = database.prepare('PRAGMA user_version').get()?.['user_version']
    if (found !== 0 && found !== version) throw new OtherVersion()
    return use(database)
  } catch (error) {
    database.close()
    throw error
  }
}

function use(database: DatabaseSync): IndexFile {
  database.exec(`PRAGMA cache_size = -65536; ${tables} PRAGMA user_version = ${version}`)
  const statements = new Map<string, StatementSync>()
  return {
    database,
    prepare(sql) {
      const known = statements.get(sql) ?? database.prepare(sql)
      statements.set(sql, known)
      return known
    },
    write(work) {
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        database.exec('COMMIT')
        return result
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    },
    close: () => database.close(),
  }
}
