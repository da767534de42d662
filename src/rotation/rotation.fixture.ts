import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { AuditEvent } from '../audit/client/index.ts'
import { rotationSchema, type RotationConfig } from '../config/index.ts'
import { createHttpClient, type HttpClient } from '../http-client/index.ts'
import { MayflyError, Secret } from '../lib/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import { openStore, type Store } from '../store/index.ts'
import { createVault } from '../vault/index.ts'
import { createCommands } from './commands.ts'
import { createSecretRotation } from './rotation.ts'

export const startMs = 1_785_542_400_000
export const name = 'prod/key'

/** An API of keys, as an upstream has one: made by a name, found by it, revoked by id. A real server of HTTP. */
export interface Upstream {
  readonly url: string
  readonly alive: Map<string, { value: string; name: string }>
  /** Asked before each request; what it gives back is answered instead. `after` answers 500 once it has been done. */
  fault: (act: string) => 'down' | 'refused' | 'after' | undefined
  readonly asked: string[]
  /** After each change of what is alive. */
  watch: () => void
}

export async function startUpstream(t: TestContext): Promise<Upstream> {
  const server: Server = createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  let made = 0
  const upstream: Upstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    alive: new Map([['k0', { value: 'value-of-k0-at-first', name: 'first' }]]),
    fault: () => undefined,
    asked: [],
    watch: () => undefined,
  }
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const { pathname, searchParams } = new URL(request.url ?? '/', upstream.url)
    const act = actOf(request.method ?? '', pathname)
    upstream.asked.push(act)
    const fault = upstream.fault(act)
    if (fault === 'down') return void response.destroy()
    const answer = (status: number, value: unknown) => {
      response.statusCode = fault === 'after' ? 500 : status
      response.end(JSON.stringify(value))
    }
    if (fault === 'refused') return answer(422, { error: body })
    if (act === 'create') {
      const id = `k${++made}`
      const value = `value-of-${id}-${randomBytes(6).toString('hex')}`
      upstream.alive.set(id, { value, name: (JSON.parse(body) as { name: string }).name })
      upstream.watch()
      return answer(201, { key: { id, value, account: 'a1' } })
    }
    if (act === 'revoke') {
      const gone = upstream.alive.delete(pathname.slice('/keys/'.length))
      upstream.watch()
      return answer(gone ? 200 : 404, {})
    }
    if (act === 'find') {
      const found = [...upstream.alive].find(([, key]) => key.name === searchParams.get('name'))
      return answer(200, { keys: found === undefined ? [] : [{ id: found[0] }] })
    }
    const bearer = request.headers.authorization?.slice('Bearer '.length)
    const known = [...upstream.alive].find(([, key]) => key.value === bearer)
    return known === undefined ? answer(401, {}) : answer(200, { id: known[0], account: 'a1' })
  }
  return upstream
}

function actOf(method: string, path: string): string {
  if (method === 'POST') return 'create'
  if (method === 'DELETE') return 'revoke'
  if (path === '/keys') return 'find'
  return path === '/self' ? 'identify' : 'probe'
}

export function byHttp(url: string): RotationConfig['by'] {
  const headers = { authorization: 'Bearer {value}' }
  return rotationSchema.parse({
    every: '30d',
    by: {
      http: {
        create: { method: 'POST', url: `${url}/keys`, json: { name: '{rotation.name}' } },
        extract: { value: '$.key.value', id: '$.key.id' },
        probe: { method: 'GET', url: `${url}/probe`, headers },
        identify: { request: { method: 'GET', url: `${url}/self`, headers }, id: '$.id' },
        find: { request: { method: 'GET', url: `${url}/keys?name={rotation.name}` }, id: '$.keys[0].id' },
        revoke: { method: 'DELETE', url: `${url}/keys/{id}` },
      },
    },
  }).by
}

export type Setup = Awaited<ReturnType<typeof setup>>

/** A store and a vault in a folder, with one secret, and servers over them that can be killed. */
export async function setup(
  t: TestContext,
  by: RotationConfig['by'],
  {
    value = 'value-of-k0-at-first',
    ...schedule
  }: Partial<Omit<RotationConfig, 'by'>> & { value?: string } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-rotation-'))
  const store = openStore(join(folder, 'mayfly.db'), async () => undefined)
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const clock = { ms: startMs, nowMs: () => clock.ms }
  const vault = createVault({ store, key: new Secret(randomBytes(32)), clock })
  await vault.set(name, new Secret(value))
  const when = schedule.cron === undefined ? { every: '30d' } : {}
  const rotation = rotationSchema.parse({ ...when, ...schedule, by })
  const secrets: Record<string, { rotation: RotationConfig; owner: string }> = {
    [name]: { rotation, owner: 'payments' },
  }
  const entries: AuditEvent[] = []
  /** What the broker was asked to end. */
  const revoked: string[] = []
  const told: { event: string; data: Record<string, unknown> }[] = []
  const rules = { loaded: true, current: () => ({ document: { secrets } }) } as unknown as RulesHolder
  /** One server; `dies` is asked before each write and each question: true ends it there, as SIGKILL does. */
  function server(
    dies: (point: string) => boolean = () => false,
    {
      http = createHttpClient(),
      programs = new Map<string, string>(),
    }: { http?: HttpClient; programs?: Map<string, string> } = {},
  ) {
    let dead = false
    const check = (point: string) => {
      dead ||= dies(point)
      if (dead) throw new Error('killed')
    }
    const write: Store['write'] = async (work) => {
      check('write')
      return await store.write(work)
    }
    return createSecretRotation({
      store: { ...store, write },
      vault,
      broker: {
        outbox: {
          write: (work) => write((tx) => work(tx, (events) => void entries.push(...events))),
          deliver: () => undefined,
          isDelivered: async () => true,
        },
        revokeSecret: async (...which) => {
          revoked.push(which.join(' '))
          return []
        },
      },
      notifications: {
        add: async (_, event, data) => void told.push({ event, data }),
      },
      rules,
      tools: {
        clock,
        http: {
          async ask(question) {
            check(`ask ${question.method}`)
            const answer = await http.ask(question)
            check(`answer ${question.method}`)
            return answer
          },
        },
        runCommand: createCommands(programs),
        openSecret: (secret) => vault.open(secret),
      },
      clock,
    })
  }
  const it = {
    store,
    vault,
    clock,
    entries,
    revoked,
    told,
    secrets,
    server,
    current: async () => (await vault.open(name)).reveal(),
    rows: () => store.read.selectFrom('rotations').selectAll().orderBy('created_ms').execute(),
    types: () => entries.map(({ type }) => type),
    /** Sweeps, and lets time pass, until nothing is open or the time is over. */
    async settle(one: ReturnType<typeof server>, hours = 48): Promise<void> {
      for (let step = 0; step < hours * 4; step++) {
        await one.sweep()
        if ((await it.rows()).every(({ ended_ms }) => ended_ms !== null)) return
        clock.ms += 900_000
      }
    },
  }
  return it
}

export function fails(code: MayflyError['code'], message = /./) {
  return (error: unknown) =>
    error instanceof MayflyError && error.code === code && message.test(error.message)
}
