import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import type { Connection } from '../connections/index.ts'
import { createEgressGuard } from './egress/index.ts'
import { compileRules, openWorld } from './gateway.fixture.ts'
import { createUpstream } from './upstream/index.ts'
import { createSocketOpener } from './upstream/index.ts'

type Milliseconds = NonNullable<Connection['timeouts']>

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A connection to what listens there, with all limits long but those named. */
function openUpstream(t: TestContext, port: number, timeouts: Milliseconds, tls = false) {
  const connection: Connection = {
    ...{
      name: 'slow',
      kind: 'http',
      tls,
      host: 'slow.test',
      port: 443,
      basePath: '',
      url: 'https://slow.test',
    },
    ...{ credential: undefined, ca: undefined, opaque: false, dial: { address: '127.0.0.1', port } },
    timeouts: { connectMs: 60_000, firstByteMs: 60_000, idleMs: 60_000, ...timeouts },
  }
  const upstream = createUpstream({ openSocket: createSocketOpener({ guard: createEgressGuard() }) })
  t.after(() => upstream.close())
  return (body?: Readable) =>
    upstream.send(connection, {
      ...{ method: body === undefined ? 'GET' : 'PUT', path: '/', headers: {}, authorization: undefined },
      ...(body === undefined ? {} : { body }),
      abandoned: new AbortController().signal,
    })
}

async function startHttp(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer(handle)
  t.after(() => server.closeAllConnections())
  return listen(t, server)
}

const named = (key: string) => ({
  code: 'upstream_unreachable',
  message: new RegExp(
    `connection "slow".*\\(${key} timeout\\).*connections\\.slow\\.timeouts\\.${key} in mayfly`,
  ),
})

test('connect: a host that takes TCP and never speaks TLS', async (t) => {
  const port = await listen(
    t,
    createTcpServer((socket) => void socket.on('error', () => undefined).resume()),
  )
  await assert.rejects(openUpstream(t, port, { connectMs: 100 }, true)(), named('connect'))
})

test('first_byte: a host that takes the request and does not answer; while it is awaited, idle is not meant', async (t) => {
  const silent = await startHttp(t, (request) => void request.resume())
  await assert.rejects(openUpstream(t, silent, { firstByteMs: 100 })(), named('first_byte'))
  const slow = await startHttp(t, (_request, response) => void setTimeout(() => response.end('late'), 400))
  const answer = await openUpstream(t, slow, { idleMs: 100 })()
  assert.equal(String(await answer.toArray()), 'late')
})

test('idle: a host that stops in the middle of its answer, and one that does not take the body', async (t) => {
  const halfway = await startHttp(t, (_request, response) => void response.write('half'))
  const answer = await openUpstream(t, halfway, { idleMs: 100 })()
  await assert.rejects(answer.toArray(), named('idle'))
  const deaf = await startHttp(t, (request) => void request.pause())
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(65_536))
    },
  })
  await assert.rejects(openUpstream(t, deaf, { idleMs: 300 })(endless), named('idle'))
  endless.destroy()
})

test('the step is told which limit it was, in mayfly.yaml’s words; on a stream the record has it', async (t) => {
  const http = await startHttp(t, (request) => void request.resume())
  const tcp = await listen(
    t,
    createTcpServer((socket) => void socket.on('error', () => undefined).resume()),
  )
  const world = await openWorld(t)
  const rules = compileRules(
    {
      api: {
        kind: 'http',
        url: 'http://api.test',
        dial: `127.0.0.1:${http}`,
        timeouts: { first_byte: '1s' },
      },
      cache: {
        kind: 'tcp',
        url: 'tcp://cache.test:6379',
        dial: `127.0.0.1:${tcp}`,
        timeouts: { idle: '1s' },
      },
    },
    ['http:get api/*', 'tcp:connect cache'],
  )
  world.setTargets(rules.targets, rules.policy)
  const tunnel = await world.connect('api.test:80')
  tunnel.socket.write('GET /x HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n')
  assert.match(
    await tunnel.rest(),
    /^HTTP\/1\.1 502 [^]*\(first_byte timeout\).*connections\.api\.timeouts\.first_byte/,
  )
  const stream = await world.connect('cache.test:6379')
  assert.equal(await stream.rest(), '')
  assert.match(
    JSON.stringify(world.gateway.refusals(world.step.id, 0)),
    /\(idle timeout\).*connections\.cache\.timeouts\.idle/,
  )
  assert.throws(
    () => compileRules({ c: { kind: 'tcp', url: 'tcp://c:1', timeouts: { first_byte: '1s' } } }, []),
    /first_byte/,
  )
})
