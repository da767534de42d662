import { execFile, type ExecFileException } from 'node:child_process'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { GrantEntry } from '../../config/index.ts'
import { joinSockets } from '../../lib/index.ts'
import { compileRules, openWorld, type World } from '../gateway.fixture.ts'
import { startPostgres, type Postgres, type PostgresOptions } from '../../../test/e2e/postgres.ts'

export const host = 'db.test'
const authority = `${host}:5432`

/** As the stub of the broker logs in, see `stubBroker`. */
export const login = { user: 'injected', password: 'for-orders' }

/** A real server with databases `shop` and `other`, and a role that may do all in them. */
export async function startShop(options: PostgresOptions = {}): Promise<Postgres | undefined> {
  const postgres = await startPostgres({ passwords: true, ...options })
  if (postgres === undefined) return undefined
  postgres.sql(`CREATE ROLE ${login.user} LOGIN PASSWORD '${login.password}'`)
  for (const database of ['shop', 'other']) postgres.sql(`CREATE DATABASE ${database} OWNER ${login.user}`)
  postgres.sql(
    `SET ROLE ${login.user};
     CREATE SCHEMA hidden;
     CREATE TABLE public.items (id int PRIMARY KEY, name text);
     INSERT INTO public.items VALUES (1, 'one'), (2, 'two');
     CREATE TABLE hidden.keys (id int, key text);
     INSERT INTO hidden.keys VALUES (1, 'hidden-value');
     RESET ROLE; ALTER SCHEMA public OWNER TO ${login.user}`,
    'shop',
  )
  return postgres
}

export interface Shop {
  readonly world: World
  /** The door: a port of this machine that leads through the gateway. */
  readonly port: number
  /** One run of psql, as a step would have it. */
  psql(
    sql: string | readonly string[],
    options?: { database?: string; env?: Record<string, string> },
  ): Promise<Ran>
  run(program: string, args: readonly string[], env?: Record<string, string>): Promise<Ran>
  grant(...grants: GrantEntry[]): void
  done(): Record<string, unknown>[]
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The gateway, and a door to the server behind it. */
export async function openShop(
  t: TestContext,
  postgres: Pick<Postgres, 'port'>,
  grants: readonly GrantEntry[],
  connection: Record<string, unknown> = {},
  options: Parameters<typeof openWorld>[1] = {},
): Promise<Shop> {
  const world = await openWorld(t, options)
  const orders = {
    kind: 'postgres',
    url: `postgres://${authority}`,
    dial: `127.0.0.1:${postgres.port}`,
    default_database: 'shop',
    credential: { basic: 'secret:orders' },
    ...connection,
  }
  const grant = (...all: GrantEntry[]) => {
    const rules = compileRules({ orders }, all)
    world.setTargets(rules.targets, rules.policy)
  }
  grant(...grants)
  const sockets = new Set<Socket>()
  const door = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    void world.connect(authority).then((tunnel) => joinSockets(socket, tunnel.socket))
  })
  await new Promise<void>((listening) => door.listen(0, '127.0.0.1', listening))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    door.close()
  })
  const { port } = door.address() as AddressInfo
  const usual = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'mayfly', PGCONNECT_TIMEOUT: '20' }

  const run: Shop['run'] = (program, args, env = {}) =>
    new Promise((resolve) => {
      const options = {
        env: { PATH: process.env['PATH'] ?? '', ...usual, ...env },
        timeout: 60_000,
        maxBuffer: 1e9,
      }
      execFile(program, [...args], options, (error: ExecFileException | null, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), out: out.trim(), err: err.trim() }),
      )
    })
  return {
    ...{ world, port, grant, run },
    psql: (sql, { database = 'shop', env = {} } = {}) =>
      run('psql', ['-X', '-A', '-t', database, ...[sql].flat().flatMap((one) => ['-c', one])], env),
    done: () =>
      world.audit
        .ofType('operations.done')
        .flatMap(({ data }) => (data['operations'] ?? data['packages']) as Record<string, unknown>[]),
  }
}
