import type { DatabaseSync } from 'node:sqlite'
import { SqliteDialect, type Dialect } from 'kysely'

/** A statement as Kysely asks for it. */
type Prepared = ReturnType<typeof adapt>

/** Statements are kept by their text, so each is prepared once. */
export function createPrepare(database: DatabaseSync): (sql: string) => Prepared {
  const statements = new Map<string, Prepared>()
  return (sql) => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = adapt(database.prepare(sql))
    // Migrations and ad-hoc texts pass through here too; what a server runs is a few dozen.
    if (statements.size < 500) statements.set(sql, statement)
    return statement
  }
}

/** Kysely's SQLite dialect over `node:sqlite`. */
export function nodeSqliteDialect(database: DatabaseSync, prepare = createPrepare(database)): Dialect {
  return new SqliteDialect({ database: { prepare, close: () => database.close() } })
}

function adapt(statement: ReturnType<DatabaseSync['prepare']>) {
  return {
    reader: statement.columns().length > 0,
    all: (parameters: readonly unknown[]) => statement.all(...(parameters as never[])),
    run: (parameters: readonly unknown[]) => statement.run(...(parameters as never[])),
    iterate: (parameters: readonly unknown[]) => statement.iterate(...(parameters as never[])),
  }
}
