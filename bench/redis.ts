import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setStage } from '../demo/stage.ts'
import { inStep, workspaceOf } from '../test/clients/servers/python-step.ts'
import { extendPolicy } from '../test/clients/suite.ts'
import { freePort } from '../test/e2e/postgres.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const rounds = 3
const most = 1.5
const host = 'cache.example.org'
const rawHost = 'raw.example.org'
const password = 'bench-4711'

/** Requests a second of each, by redis-benchmark; `$at` is where. */
const script = `set -e
of() { echo "$1: $(redis-benchmark $at --csv -t get,set -r 1000 "\${@:2}" | tail -n +2 | cut -d, -f2 | tr -d '"' | tr '\\n' ' ')"; }
of 'one client' -c 1 -n 5000
of '50 clients' -c 50 -n 50000
of '50 clients, pipelines of 16' -c 50 -P 16 -n 200000`
const names = [...script.matchAll(/^of '([^']+)'/gm)].map(([, name = '']) => name)
const commands = ['SET', 'GET'] as const

/** redis-benchmark's SET and GET: straight, from a step whose commands are judged, and as bytes that the gateway does not read. */
export async function benchRedis(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-redis-'))
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const server = spawn(
    'redis-server',
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
      ...['--requirepass', password],
    ],
    { stdio: 'ignore' },
  )
  started.defer(() => void server.kill('SIGKILL'))
  await answers(port)
  const dial = `127.0.0.1:${port}`
  const cache = { kind: 'redis', url: `redis://${host}`, dial, credential: { basic: 'secret:bench' } }
  const raw = { kind: 'tcp', url: `tcp://${rawHost}:6379`, dial }
  const release = ['redis:write cache/key:*', 'redis:read cache/key:*', 'tcp:connect raw']
  const stage = started.use(
    await setStage({
      policy: (text) => extendPolicy(text, { connections: { cache, raw }, grants: { release } }),
    }),
  )
  await stage.operate(['secret', 'set', 'bench'], `default:${password}`)
  const figures = new Map<string, number[]>()
  const take = (way: string, said: string) => {
    for (const name of names) {
      const line = said.split('\n').find((one) => one.startsWith(`${name}: `))
      const rates =
        line
          ?.slice(name.length + 2)
          .trim()
          .split(' ')
          .map(Number) ?? []
      if (rates.length !== 2) throw new Error(`${way}: no figure for ${name}: ${said}`)
      for (const [at, command] of commands.entries()) {
        const key = `${way} ${command}, ${name}`
        figures.set(key, [...(figures.get(key) ?? []), rates[at] ?? Number.NaN])
      }
    }
  }
  const ways = {
    redis: `at="-h ${host}"`,
    tcp: `at="-h ${rawHost} -a ${password}"`,
  }
  for (let round = 0; round < rounds; round++) {
    const at = `at="-h 127.0.0.1 -p ${port} -a ${password}"`
    take('direct', (await promisify(execFile)('bash', ['-c', `${at}\n${script}`])).stdout)
    for (const [way, where] of Object.entries(ways)) {
      const ran = await inStep({ stage }, 'release', [], workspaceOf({ stage }), `${where}\n${script}`)
      if (ran.exitCode !== 0) throw new Error(`${ran.stdout}${ran.stderr}`)
      take(way, ran.stdout)
    }
  }
  return Object.keys(ways).flatMap((way) =>
    names.flatMap((name) => commands.map((command) => compare(figures, way, `${command}, ${name}`))),
  )
}

function compare(figures: ReadonlyMap<string, number[]>, way: string, name: string): BenchResult {
  const value = median(figures.get(`${way} ${name}`) ?? [])
  const ratio = median(figures.get(`direct ${name}`) ?? []) / value
  const result = { name: `${name}, ${way}`, value, unit: '/s', ratio, against: 'direct' }
  return way === 'tcp' ? result : { ...result, target: `<= ${most}`, ok: ratio <= most }
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await new Promise((next) => setTimeout(next, 25))
  }
  throw new Error('redis-server does not start')
}
