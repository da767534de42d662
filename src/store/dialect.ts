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
    const statement = adapt(database.prepare(sql))
    // Migrations and ad-hoc texts pass through here too; what a server runs is a few dozen.
    if (statements.size < 500) statements.set(sql, statement)
    return statement
  }
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
