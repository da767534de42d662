import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setStage, type Stage } from '../demo/stage.ts'
import { extendPolicy } from '../test/clients/suite.ts'
import { freePort, idsOf, startPostgres, type Postgres } from '../test/e2e/postgres.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const rounds = 3
const seconds = 2
const host = 'db.example.org'
const rawHost = 'raw.example.org'
const password = 'bench-4711'
const most = 1.5
const mostOfBulk = 1.3
const mostMemoryMb = 64

const copied = 'COPY of 300 MB'
const taken = 'COPY of 150 MB to the server'
const bulk = [copied, taken]
/** Milliseconds of each, by pgbench's own clock, or the shell's. */
const script = `set -e
export PGUSER=bench PGDATABASE=bench
echo 'SELECT 1' >one.sql
of() { echo "$1: $(pgbench -n -T ${seconds} "\${@:2}" | sed -n 's/^latency average = \\([0-9.]*\\) ms$/\\1/p')"; }
of 'SELECT 1' -f one.sql
of 'SELECT 1, extended' -M extended -f one.sql
of 'SELECT 1, prepared' -M prepared -f one.sql
of 'pgbench, 4 clients' -c 4
of 'pgbench, 4 clients, extended' -c 4 -M extended
of 'pgbench, 4 clients, prepared' -c 4 -M prepared
a=$(date +%s%N); psql -Atc 'COPY bulk TO STDOUT' >/dev/null; b=$(date +%s%N)
echo "${copied}: $(((b - a) / 1000000))"
psql -Atc 'COPY (SELECT * FROM bulk LIMIT 150000) TO STDOUT' >rows; psql -qc 'TRUNCATE taken'
a=$(date +%s%N); psql -qc 'COPY taken FROM STDIN' <rows; b=$(date +%s%N); rm rows
echo "${taken}: $(((b - a) / 1000000))"`
const names = [...script.matchAll(/^of '([^']+)'/gm)].map(([, name = '']) => name)

/**
 * Ways from a step: statements judged, or not; and the same bytes without the protocol (`tcp`, logging in itself), which is the
 * least that a step's network comes to.
 */
const ways = {
  judged: { role: 'build', as: '' },
  'postgres:connect': { role: 'release', as: '' },
  tcp: {
    role: 'release',
    as: `export PGHOST=${rawHost} PGPORT=5432 PGPASSWORD=${password}`,
  },
} as const

/** pgbench and a large result from a server: straight, through pgbouncer where that is installed, and from a step, in turn. */
export async function benchPostgres(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-postgres-'))
  chmodSync(folder, 0o755)
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const postgres = started.use(await startBenched())
  const bouncer = await startBouncer(folder, postgres.port)
  started.defer(() => void bouncer?.process.kill())
  const stage = started.use(await setStage({ policy: (text) => withDatabase(text, postgres.port) }))
  await stage.operate(['secret', 'set', 'bench'], `bench:${password}`)
  const figures = new Map<string, number[]>()
  const take = (who: string, said: string) => {
    for (const name of [...names, ...bulk]) {
      const ms = Number(new RegExp(`^${name}: ([0-9.]+)$`, 'm').exec(said)?.[1] ?? Number.NaN)
      if (Number.isNaN(ms)) throw new Error(`${who}: no figure for ${name}: ${said}`)
      figures.set(`${who} ${name}`, [...(figures.get(`${who} ${name}`) ?? []), ms])
    }
  }
  for (let round = 0; round < rounds; round++) {
    take('direct', await straight(folder, postgres.port))
    if (bouncer !== undefined) take('pgbouncer', await straight(folder, bouncer.port))
    for (const [way, { role, as }] of Object.entries(ways))
      take(way, await inStep(stage, role, `${as}\n${script}`))
  }
  const memoryMb = await memoryOfLargeResult(stage)
  const results = [...Object.keys(ways), 'pgbouncer'].flatMap((way) =>
    [...names, ...bulk].flatMap((name) => compare(figures, way, name)),
  )
  return [
    ...results,
    {
      ...{
        name: 'memory of the gateway for 300 MB of rows, and a row of 1 GiB',
        value: memoryMb,
        unit: 'MB',
      },
      ...{ target: `< ${mostMemoryMb} MB`, ok: memoryMb < mostMemoryMb },
    },
  ]
}

function compare(figures: ReadonlyMap<string, number[]>, way: string, name: string): BenchResult[] {
  const ours = figures.get(`${way} ${name}`)
  if (ours === undefined) return []
  const value = median(ours)
  const ratio = value / median(figures.get(`direct ${name}`) ?? [])
  const limit = bulk.includes(name) ? mostOfBulk : most
  const result = { name: `${name}, ${way}`, value, unit: 'ms', ratio, against: 'direct' }
  const isOurs = way !== 'pgbouncer' && way !== 'tcp'
  if (!isOurs) return [result]
  const beside = median(figures.get(`tcp ${name}`) ?? [])
  return [
    { ...result, target: `<= ${limit}`, ok: ratio <= limit },
    { ...result, ratio: value / beside, against: 'tcp' },
  ]
}

async function startBenched(): Promise<Postgres> {
  const postgres = await startPostgres({ passwords: true })
  if (postgres === undefined) throw new Error('PostgreSQL is not here (apt-get install postgresql)')
  postgres.sql(`CREATE ROLE bench LOGIN PASSWORD '${password}'`)
  postgres.sql('CREATE DATABASE bench OWNER bench')
  postgres.sql('ALTER SCHEMA public OWNER TO bench', 'bench')
  postgres.sql(
    "SET ROLE bench; CREATE TABLE bulk AS SELECT repeat('x', 999) FROM generate_series(1, 300000); CREATE UNLOGGED TABLE taken (LIKE bulk)",
    'bench',
  )
  const env = { ...process.env, PGPASSWORD: password }
  const at = ['-h', '127.0.0.1', '-p', String(postgres.port), '-U', 'bench']
  await promisify(execFile)('pgbench', ['-i', '-q', ...at, 'bench'], { env })
  return postgres
}

function withDatabase(text: string, port: number): string {
  const bench = {
    ...{ kind: 'postgres', url: `postgres://${host}`, dial: `127.0.0.1:${port}` },
    credential: { basic: 'secret:bench' },
  }
  const raw = { kind: 'tcp', url: `tcp://${rawHost}:5432`, dial: `127.0.0.1:${port}` }
  const release = ['postgres:connect bench', 'tcp:connect raw']
  const grants = { build: ['postgres:write bench/bench@public'], release }
  return extendPolicy(text, { connections: { bench, raw }, grants })
}

async function straight(folder: string, port: number): Promise<string> {
  const env = { ...process.env, PGPASSWORD: password, PGHOST: '127.0.0.1', PGPORT: String(port) }
  return (await promisify(execFile)('bash', ['-c', script], { cwd: folder, env })).stdout
}

/** Without TLS within the step, as the server that it is compared to has none. */
async function inStep(stage: Stage, role: string, text = script): Promise<string> {
  // What a role that writes starts in, no other has been in.
  const workspace = mkdtempSync(join(stage.folder, 'step-'))
  const ran = await stage.runJob(
    [
      'run',
      '--role',
      role,
      '--workspace',
      workspace,
      '--',
      'bash',
      '-c',
      `export PGSSLMODE=disable\n${text}`,
    ],
    stage.jobEnvironment(),
  )
  if (ran.exitCode !== 0) throw new Error(`${ran.stdout}${ran.stderr}`)
  return ran.stdout
}

/** Of a row: PostgreSQL makes none of more than 1 GiB, with its header. */
const largestBytes = 1_073_741_000

async function memoryOfLargeResult(stage: Stage): Promise<number> {
  const status = (key: string) =>
    Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${stage.up.pid}/status`, 'utf8'))?.[1])
  const beforeKb = status('VmRSS')
  writeFileSync(`/proc/${stage.up.pid}/clear_refs`, '5')
  await inStep(
    stage,
    'build',
    `bytes=$(PGUSER=x psql -At bench -c 'COPY bulk TO STDOUT' -c "SELECT repeat('x', ${largestBytes})" | wc -c)
     [ "$bytes" -gt ${largestBytes + 300_000 * 1_000} ] || { echo "only $bytes bytes came"; exit 1; }`,
  )
  return (status('VmHWM') - beforeKb) / 1024
}

async function startBouncer(
  folder: string,
  upstream: number,
): Promise<{ port: number; process: ChildProcess } | undefined> {
  const program = '/usr/sbin/pgbouncer'
  const ids = process.getuid?.() === 0 ? idsOf('postgres') : {}
  if (!existsSync(program) || ids === undefined) return undefined
  const port = await freePort()
  const users = join(folder, 'users')
  const config = join(folder, 'pgbouncer.ini')
  writeFileSync(users, `"bench" "${password}"\n`, { mode: 0o644 })
  writeFileSync(
    config,
    `[databases]\nbench = host=127.0.0.1 port=${upstream}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = ${users}\npool_mode = session\n`,
  )
  const bouncer = spawn(program, ['-q', config], { ...ids, stdio: 'ignore' })
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return { port, process: bouncer }
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error('pgbouncer does not start')
}
