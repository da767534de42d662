import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A PostgreSQL server of the test, reached by password on 127.0.0.1. */
export interface Postgres {
  readonly port: number
  readonly psql: string
  /** What psql prints for it, as the superuser `ci`. Throws what it says. */
  sql(text: string, database?: string): string
  /** What the server logged. */
  log(): string
  /** Stops it at once, as a crash of its machine would, and starts it again, as a standby if asked. */
  restart(how?: 'standby'): Promise<void>
  [Symbol.dispose](): void
}

const versions = '/usr/lib/postgresql'

export interface PostgresOptions {
  /** `name=value` of postgresql.conf. */
  readonly settings?: readonly string[]
  /** Passwords are asked for, from everybody but `ci`. */
  readonly passwords?: boolean
  readonly tls?: { readonly cert: string; readonly key: string }
}

/** Starts Debian's PostgreSQL in a folder of its own; undefined where it is not installed, or where nobody but root is at hand. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres | undefined> {
  const debian = existsSync(versions) ? readdirSync(versions).map((name) => join(versions, name, 'bin')) : []
  // Another version is tried with MAYFLY_POSTGRES_BIN; psql is Debian's then, too.
  const asked = process.env['MAYFLY_POSTGRES_BIN']
  const bin = asked === undefined ? debian : [asked]
  const has = (names: readonly string[]) => (folder: string) =>
    names.every((name) => existsSync(join(folder, name)))
  const place = bin.find(has(['initdb', 'postgres']))
  const clients = debian.find(has(['psql']))
  if (place === undefined || clients === undefined) return undefined
  // It does not run as root: as the user that it was installed with.
  const ids = process.getuid?.() === 0 ? idsOf('postgres') : {}
  if (ids === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-postgres-'))
  chmodSync(folder, 0o777)
  const data = join(folder, 'data')
  execFileSync(join(place, 'initdb'), ['-D', data, '-U', 'ci', '-A', 'trust', '--no-sync'], {
    ...ids,
    cwd: folder,
    stdio: 'ignore',
  })
  if (options.passwords === true)
    writeFileSync(
      join(data, 'pg_hba.conf'),
      'host all ci 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n',
    )
  const settings = [...(options.settings ?? []), ...tlsSettings(options.tls, folder, ids)]
  const port = await freePort()
  const log = join(folder, 'log')
  const start = () =>
    spawn(
      join(place, 'postgres'),
      [
        ...['-D', data, '-p', String(port), '-F'],
        ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', ...settings].flatMap((one) => [
          '-c',
          one,
        ]),
      ],
      { ...ids, cwd: folder, stdio: ['ignore', 'ignore', openSync(log, 'a')] },
    )
  const psql = join(clients, 'psql')
  const asCi = ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', String(port), '-U', 'ci']
  const ready = async () => {
    for (let tries = 0; tries < 200; tries++) {
      if (spawnSync(psql, [...asCi, 'postgres', '-c', 'select 1'], { stdio: 'ignore' }).status === 0) return
      await new Promise((next) => setTimeout(next, 50))
    }
    throw new Error('PostgreSQL did not start')
  }
  let server = start()
  const stop = () => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const postgres: Postgres = {
    port,
    psql,
    sql: (text, database = 'postgres') =>
      execFileSync(psql, [...asCi, database, '-c', text], { encoding: 'utf8', stdio: 'pipe' }).trim(),
    log: () => readFileSync(log, 'utf8'),
    async restart(how) {
      // SIGQUIT: its children end with it, so that the next one finds no shared memory in use.
      const gone = once(server, 'exit')
      server.kill('SIGQUIT')
      await gone
      if (how === 'standby') writeFileSync(join(data, 'standby.signal'), '')
      else rmSync(join(data, 'standby.signal'), { force: true })
      server = start()
      await ready()
    },
    [Symbol.dispose]: stop,
  }
  try {
    await ready()
    return postgres
  } catch (error) {
    stop()
    throw error
  }
}

/** The server reads its key only if nobody else can. */
function tlsSettings(
  tls: PostgresOptions['tls'],
  folder: string,
  ids: { uid?: number; gid?: number },
): string[] {
  if (tls === undefined) return []
  const own = { cert: join(folder, 'server.pem'), key: join(folder, 'server.key') }
  copyFileSync(tls.cert, own.cert)
  copyFileSync(tls.key, own.key)
  chmodSync(own.key, 0o600)
  if (ids.uid !== undefined && ids.gid !== undefined) chownSync(own.key, ids.uid, ids.gid)
  return ['ssl=on', `ssl_cert_file=${own.cert}`, `ssl_key_file=${own.key}`]
}

export function idsOf(name: string): { uid: number; gid: number } | undefined {
  const found = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8'))
  return found === null ? undefined : { uid: Number(found[1]), gid: Number(found[2]) }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
