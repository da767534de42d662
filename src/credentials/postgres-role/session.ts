import { openLine, tlsTo } from '../dial.ts'
import { postgresFault } from './faults.ts'
import type { Place } from './place.ts'

/** What one statement brought; `values` are `$1`, `$2`. */
export type Ask = (sql: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>

/**
 * Nothing that somebody made in another schema is found by a plain name; nothing waits for long; and what a role or a database
 * has set for its sessions does not change how these statements are read.
 */
const settings = [
  'SET search_path = pg_catalog, pg_temp',
  'SET standard_conforming_strings = on',
  "SET DateStyle = 'ISO'",
  "SET statement_timeout = '15s'",
  "SET lock_timeout = '5s'",
].join('; ')

/** Logs in, lets `use` ask, and hangs up. Throws what `postgresFault` makes of a fault, PostgreSQL’s error as its cause. */
export async function withPostgres<T>(place: Place, use: (ask: Ask) => Promise<T>): Promise<T> {
  const { connection, database, login } = place
  const { Client } = (await import('pg')).default
  using line = openLine(connection)
  const client = new Client({
    host: connection.host,
    port: connection.port,
    database,
    user: login.user,
    password: login.password,
    application_name: 'mayfly',
    ssl: tlsTo(connection) ?? false,
    // It is dialled already, to the address that was checked; pg only waits until it is open.
    stream: () => Object.assign(line.socket, { connect: () => line.socket }),
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(settings)
    const result = await use(async (sql, values) => {
      const { rows } = await client.query<Record<string, unknown>>(
        sql,
        values === undefined ? undefined : [...values],
      )
      return rows
    })
    await client.end()
    return result
  } catch (error) {
    throw postgresFault(error, place, line.cut())
  }
}
