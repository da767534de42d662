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
  const { createConnection, authPlugins } = (await import('mysql2')).default
  let asksForPassword = false
  const keepPassword = keeping(authPlugins.caching_sha2_password(), () => (asksForPassword = true))
  using line = openLine(connection)
  const client = createConnection({
    host: connection.host,
    port: connection.port,
    user: login.user,
    password: login.password,
    stream: () => line.socket,
    ...(ssl === undefined
      ? { authPlugins: { caching_sha2_password: keepPassword, sha256_password: keepPassword } }
      : { ssl }),
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
    if (asksForPassword) throw passwordKept(connection.name, error)
    throw mysqlFault(error, place, line.cut())
  }
}

type AuthPlugin = ReturnType<(typeof import('mysql2'))['authPlugins']['caching_sha2_password']>

/** Without TLS whoever answers could ask for the whole password, encrypted by a key that is his own: he has none of it. */
function keeping(plugin: AuthPlugin, onAsked: () => void): AuthPlugin {
  return (metadata) => {
    const answer = plugin(metadata)
    return (data) => {
      // Its salt first; then 3, it knew the password; all else asks for it.
      if (data.length >= 20 || (data.length === 1 && data[0] === 3)) return answer(data)
      onAsked()
      return Promise.reject<string>(new Error('the password is kept'))
    }
  }
}

function passwordKept(name: string, cause: unknown): MayflyError {
  return new MayflyError(
    'credential_failed',
    `${name}: the server asks for the whole password, which goes to nobody without TLS: turn it on there and say tls: verify (with ca: its authority), or make the account one by mysql_native_password`,
    { cause },
  )
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
