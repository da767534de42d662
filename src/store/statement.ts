import type { Insertable, Selectable } from 'kysely'
import type { Tables } from './schema.ts'

/** SQL that is ready, with its values. Where every request passes, Kysely would take longer to make it than SQLite to run it. */
export interface Statement {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

type Row<T extends keyof Tables> = Insertable<Tables[T]>

/** Inserts one row. */
export function insertRow<T extends keyof Tables>(table: T, row: Row<T>): Statement {
  const columns = Object.keys(row)
  return {
    sql: `insert into ${quote(table)} (${list(columns)}) values (${columns.map(() => '?').join(', ')})`,
    parameters: Object.values(row),
  }
}

/** Inserts one row unless it is there. */
export function insertOnce<T extends keyof Tables>(table: T, row: Row<T>): Statement {
  const { sql, parameters } = insertRow(table, row)
  return { sql: `${sql} on conflict do nothing`, parameters }
}

/** Inserts one row, or changes the one that has this key to it. */
export function upsertRow<T extends keyof Tables>(
  table: T,
  key: keyof Row<T> & string,
  row: Row<T>,
): Statement {
  const { sql, parameters } = insertRow(table, row)
  const others = Object.keys(row).filter((column) => column !== key)
  const changes = others.map((column) => `${quote(column)} = excluded.${quote(column)}`).join(', ')
  return { sql: `${sql} on conflict (${quote(key)}) do update set ${changes}`, parameters }
}

/** Finds one row by the values of some columns. */
export function findRow<T extends keyof Tables>(table: T, where: Where<T>): Statement {
  const conditions = Object.keys(where).map((column) => `${quote(column)} = ?`)
  return {
    sql: `select * from ${quote(table)} where ${conditions.join(' and ')} limit 1`,
    parameters: Object.values(where),
  }
}

export type Where<T extends keyof Tables> = Partial<Selectable<Tables[T]>>

// Names of tables and columns are those of `Tables`, never anybody's input.
function quote(name: string): string {
  return `"${name}"`
}

function list(names: readonly string[]): string {
  return names.map(quote).join(', ')
}
