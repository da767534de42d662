import type { DatabaseSync } from 'node:sqlite'
import { SqliteDialect, type Dialect } from 'kysely'

/**
 * Kysely's SQLite dialect over `node:sqlite`: Kysely asks for `prepare()` and, on the statement, `reader`,
 * `all`, `run` and `iterate`. Statements are kept by their text, so each is prepared once.
 */
export function nodeSqliteDialect(database: DatabaseSync): Dialect {
  const statements = new Map<string, ReturnType<typeof adapt>>()
  const prepare = (sql: string) => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = sql === 'rollback' ? rollback(database) : adapt(database.prepare(sql))
    // Migrations and ad-hoc texts pass through here too; what a server runs is a few dozen.
    if (statements.size < 500) statements.set(sql, statement)
    return statement
  }
  return new SqliteDialect({ database: { prepare, close: () => database.close() } })
}

// On a full disk SQLite has rolled back by itself; a second rollback would fail and hide why.
function rollback(database: DatabaseSync): ReturnType<typeof adapt> {
  const statement = adapt(database.prepare('rollback'))
  const nothing = { changes: 0, lastInsertRowid: 0 }
  return { ...statement, run: (parameters) => (database.isTransaction ? statement.run(parameters) : nothing) }
}

function adapt(statement: ReturnType<DatabaseSync['prepare']>) {
  return {
    reader: statement.columns().length > 0,
    all: (parameters: readonly unknown[]) => statement.all(...(parameters as never[])),
    run: (parameters: readonly unknown[]) => statement.run(...(parameters as never[])),
    iterate: (parameters: readonly unknown[]) => statement.iterate(...(parameters as never[])),
  }
}
