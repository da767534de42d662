import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A PostgreSQL server of the test, reached by password on 127.0.0.1. */
export interface Postgres {
  readonly port: number
  readonly psql: string
  [Symbol.dispose](): void
}

const versions = '/usr/lib/postgresql'

/** Starts Debian's PostgreSQL in a folder of its own; undefined where it is not installed, or where nobody but root is at hand. */
export async function startPostgres(): Promise<Postgres | undefined> {
  const bin = existsSync(versions) ? readdirSync(versions).map((name) => join(versions, name, 'bin')) : []
  const place = bin.find((folder) =>
    ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(folder, name))),
  )
  if (place === undefined) return undefined
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
  const port = await freePort()
  const server = spawn(
    join(place, 'postgres'),
    [
      '-D',
      data,
      '-p',
      String(port),
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
      '-F',
    ],
    { ...ids, cwd: folder, stdio: 'ignore' },
  )
  const psql = join(place, 'psql')
  const stop = () => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  for (let tries = 0; tries < 200; tries++) {
    const args = ['-h', '127.0.0.1', '-p', String(port), '-U', 'ci', 'postgres', '-c', 'select 1']
    if (spawnSync(psql, args, { stdio: 'ignore' }).status === 0) return { port, psql, [Symbol.dispose]: stop }
    await new Promise((next) => setTimeout(next, 50))
  }
  stop()
  throw new Error('PostgreSQL did not start')
}

function idsOf(name: string): { uid: number; gid: number } | undefined {
  const found = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8'))
  return found === null ? undefined : { uid: Number(found[1]), gid: Number(found[2]) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
