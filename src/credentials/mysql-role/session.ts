import { isIP } from 'node:net'
import { MayflyError } from '../../lib/index.ts'
import { openLine, tlsTo } from '../dial.ts'
import type { HeldConnection } from '../issuer.ts'
import { mysqlFault } from './faults.ts'
import type { Place } from './place.ts'

/** What one statement brought: its rows, and how many it changed. */
export interface Brought {
  readonly rows: readonly Record<string, unknown>[]
  readonly affected: number
}

export interface Session {
  readonly isMariaDb: boolean
  readonly ask: (sql: string) => Promise<Brought>
}

/** A quote is a quote and a backslash a backslash, whatever the server was started with; nothing waits for long. */
const settings = ["SET SESSION sql_mode = 'STRICT_TRANS_TABLES'", 'SET SESSION lock_wait_timeout = 5']

/** Logs in, lets `use` ask, and hangs up. Throws what `mysqlFault` makes of a fault, the server’s error as its cause. */
export async function withMysql<T>(place: Place, use: (session: Session) => Promise<T>): Promise<T> {
  const { connection, login } = place
  const ssl = tlsOf(connection)
  const { createConnection } = (await import('mysql2')).default
  using line = openLine(connection)
  const client = createConnection({
    host: connection.host,
    port: connection.port,
    user: login.user,
    password: login.password,
    stream: () => line.socket,
    ...(ssl === undefined ? {} : { ssl }),
  })
  client.on('error', () => undefined)
  const ask = (sql: string) =>
    new Promise<Brought>((done, fail) => {
      client.query(sql, (error: Error | null, result: unknown) =>
        error === null ? done(broughtBy(result)) : fail(error),
      )
    })
  try {
    await new Promise<void>((done, fail) =>
      client.connect((error) => (error === null ? done() : fail(error))),
    )
    for (const setting of settings) await ask(setting)
    const { rows } = await ask('SELECT VERSION() AS version')
    const result = await use({ isMariaDb: /mariadb/i.test(String(rows[0]?.['version'])), ask })
    await new Promise<void>((done) => client.end(() => done()))
    return result
  } catch (error) {
    throw mysqlFault(error, place, line.cut())
  }
}

function broughtBy(result: unknown): Brought {
  if (Array.isArray(result)) return { rows: result as Record<string, unknown>[], affected: 0 }
  const { affectedRows } = (result ?? {}) as { affectedRows?: number }
  return { rows: [], affected: affectedRows ?? 0 }
}

/** mysql2 knows the name that it checks the certificate for as a host name only. */
function tlsOf(connection: HeldConnection) {
  const tls = tlsTo(connection)
  if (tls === undefined) return undefined
  if (isIP(connection.host) !== 0)
    throw new MayflyError(
      'config_invalid',
      `${connection.name}: its certificate is checked for a name, and its url has an address: give the name in url and the address as dial`,
    )
  return { ca: tls.ca as string[], minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true }
}
