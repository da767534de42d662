import { DatabaseSync } from 'node:sqlite'
import { MayflyError, messageOf } from '../lib/index.ts'

/** Opens the SQLite database as every connection of ours does: WAL, synchronous=FULL. Throws `store_failed`. */
export function connect(file: string): DatabaseSync {
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

const keptStatements = 500

/** Prepares each text once. What a server runs is a few dozen; texts past the first hundreds are not kept. */
export function createPreparer(database: DatabaseSync): (sql: string) => PreparedStatement {
  const known = new Map<string, PreparedStatement>()
  return (sql) => {
    const kept = known.get(sql)
    if (kept !== undefined) return kept
    const statement = adapt(database.prepare(sql))
    if (known.size < keptStatements) known.set(sql, statement)
    return statement
  }
}

export type PreparedStatement = ReturnType<typeof adapt>

/** What Kysely's SQLite dialect asks of a statement. */
function adapt(statement: ReturnType<DatabaseSync['prepare']>) {
  return {
    reader: statement.columns().length > 0,
    all: (parameters: readonly unknown[]) => statement.all(...(parameters as never[])),
    run: (parameters: readonly unknown[]) => statement.run(...(parameters as never[])),
    iterate: (parameters: readonly unknown[]) => statement.iterate(...(parameters as never[])),
  }
}
