import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, idsOf } from './postgres.ts'

/** A MariaDB server of the test on 127.0.0.1; `root` has no password there. */
export interface MariaDb {
  readonly port: number
  readonly client: string
  /** What the client prints for it, as `root`. Throws what it says. */
  sql(text: string): string
  /** The general log: every statement. */
  log(): string
  restart(settings: readonly string[]): Promise<void>
  [Symbol.dispose](): void
}

const programs = {
  server: '/usr/sbin/mariadbd',
  install: '/usr/bin/mariadb-install-db',
  client: '/usr/bin/mariadb',
}

/** Starts Debian's MariaDB in a folder of its own; undefined where it is not installed, or where nobody but root is at hand. */
export async function startMariaDb(tls?: {
  readonly cert: string
  readonly key: string
}): Promise<MariaDb | undefined> {
  if (!Object.values(programs).every((file) => existsSync(file))) return undefined
  const ids = process.getuid?.() === 0 ? idsOf('mysql') : {}
  if (ids === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-mariadb-'))
  chmodSync(folder, 0o777)
  const [data, log, socket] = ['data', 'general.log', 'socket'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  execFileSync(
    programs.install,
    [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--innodb-log-file-size=4M',
    ],
    { ...ids, cwd: folder, stdio: 'ignore' },
  )
  const port = await freePort()
  const own = tls === undefined ? [] : tlsSettings(tls, folder, ids)
  const start = (settings: readonly string[] = []) =>
    spawn(
      programs.server,
      [
        ...['--no-defaults', `--datadir=${data}`, `--port=${port}`, `--socket=${socket}`],
        ...['--bind-address=127.0.0.1', '--skip-name-resolve', `--pid-file=${join(folder, 'pid')}`],
        ...[
          '--innodb-log-file-size=4M',
          '--innodb-buffer-pool-size=8M',
          '--innodb-flush-log-at-trx-commit=0',
        ],
        ...['--general-log', `--general-log-file=${log}`, ...own, ...settings],
      ],
      { ...ids, cwd: folder, stdio: 'ignore' },
    )
  const asRoot = [
    '--no-defaults',
    '--default-character-set=utf8mb4',
    '-N',
    '-B',
    '-h',
    '127.0.0.1',
    '-P',
    String(port),
    '-u',
    'root',
  ]
  const ready = async () => {
    for (let tries = 0; tries < 400; tries++) {
      if (spawnSync(programs.client, [...asRoot, '-e', 'select 1'], { stdio: 'ignore' }).status === 0) return
      await new Promise((next) => setTimeout(next, 50))
    }
    throw new Error('MariaDB did not start')
  }
  let server = start()
  const stop = () => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await ready()
  } catch (error) {
    stop()
    throw error
  }
  return {
    port,
    client: programs.client,
    sql: (text) =>
      execFileSync(programs.client, [...asRoot, '-e', text], { encoding: 'utf8', stdio: 'pipe' }).trim(),
    log: () => readFileSync(log, 'utf8'),
    async restart(settings) {
      const gone = once(server, 'exit')
      server.kill('SIGKILL')
      await gone
      server = start(settings)
      await ready()
    },
    [Symbol.dispose]: stop,
  }
}

function tlsSettings(
  tls: { readonly cert: string; readonly key: string },
  folder: string,
  { uid, gid }: { uid?: number; gid?: number },
): string[] {
  const own = { cert: join(folder, 'server.pem'), key: join(folder, 'server.key') }
  copyFileSync(tls.cert, own.cert)
  copyFileSync(tls.key, own.key)
  if (uid !== undefined && gid !== undefined) chownSync(own.key, uid, gid)
  return [`--ssl-cert=${own.cert}`, `--ssl-key=${own.key}`]
}
