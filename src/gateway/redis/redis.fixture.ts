import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, connect, type AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { GrantEntry } from '../../config/index.ts'
import type { GatewayDeps } from '../index.ts'
import { openDoor } from '../door.fixture.ts'
import { compileRules, openWorld, type World } from '../gateway.fixture.ts'

const program = '/usr/bin/redis-server'

/** Why there is no Redis here; undefined if there is one. */
export const noRedis = existsSync(program) ? undefined : 'redis-server is not installed'

/** Debian's Redis, in memory only, with the log-in that the stub of the broker gives. */
export async function startRedis(t: TestContext, password = 'for-cache'): Promise<number> {
  const port = await freePort()
  const server = spawn(
    program,
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'],
      ...['--user', 'default', 'off', '--user', 'injected', 'on', `>${password}`, '~*', '&*', '+@all'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.after(async () => {
    if (server.exitCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('Ready to accept connections')) resolve()
    })
    server.once('exit', () => reject(new Error(`redis-server ended: ${said}`)))
  })
  return port
}

export interface RedisWorld {
  readonly world: World
  /** Where a client on this machine reaches the gateway as a step does at its door. */
  readonly port: number
}

/** A gateway in front of a server, for a step with these grants. */
export async function redisWorld(
  t: TestContext,
  upstreamPort: number,
  grants: readonly GrantEntry[],
  settings: Record<string, unknown> = {},
  approvers?: GatewayDeps['approvers'],
): Promise<RedisWorld> {
  const world = await openWorld(t, approvers === undefined ? {} : { approvers })
  const cache = {
    ...{ kind: 'redis', url: 'redis://cache.test', dial: `127.0.0.1:${upstreamPort}` },
    credential: { basic: 'secret:cache' },
    ...settings,
  }
  const rules = compileRules({ cache }, grants)
  world.setTargets(rules.targets, rules.policy)
  return { world, port: await openDoor(t, world, 'cache.test:6379') }
}

/** A client that shows every byte of what it is told. */
export async function openClient(t: TestContext, port: number) {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  await once(socket, 'connect')
  return {
    socket,
    send: (...commands: readonly (readonly string[])[]) =>
      void socket.write(Buffer.from(commands.map(commandText).join(''), 'latin1')),
    /** What came since the last time, once it has so many lines. */
    async lines(count: number): Promise<string[]> {
      const end = Date.now() + 20_000
      while (text.split('\r\n').length - 1 < count) {
        if (Date.now() > end) throw new Error(`only ${JSON.stringify(text)}`)
        await new Promise((next) => setTimeout(next, 2))
      }
      const lines = text.split('\r\n').slice(0, -1)
      text = ''
      return lines
    },
    text: () => text,
  }
}

export function commandText(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
