import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net'
import type { Duplex, Writable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { compileRules, openWorld, until } from './gateway.fixture.ts'

const totalBytes = 128 * 1_048_576
/** What the kernel holds on three hops, and 16 KiB at each of our streams, is far below; what is not stopped goes to the end. */
const mostBytes = 64 * 1_048_576
const piece = Buffer.alloc(65_535, 'backpressure ')
/** A WebSocket's frame of bytes with it (RFC 6455, section 5.2). */
const frame = Buffer.concat([Buffer.from([0x82, 126, 0xff, 0xff]), piece])

/** Writes all of it as fast as it is taken. */
function pour(
  into: Writable,
  { ends = true, bytes = piece } = {},
): { sent: () => number; stuck: () => Promise<number> } {
  let sent = 0
  const more = () => {
    while (sent < totalBytes && !into.destroyed) {
      const next = bytes.subarray(0, ends ? bytes.length : totalBytes - sent)
      sent += next.length
      if (!into.write(next)) return void into.once('drain', more)
    }
    if (ends) into.end()
  }
  more()
  /** How far it came when it went no further for a while: a slow machine stands still earlier, never later. */
  const stuck = async () => {
    for (let last = -1; last !== sent;) {
      last = sent
      await new Promise((next) => setTimeout(next, 700))
    }
    return sent
  }
  return { sent: () => sent, stuck }
}

async function count(socket: Duplex): Promise<number> {
  let bytes = 0
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
  socket.resume()
  await Promise.race([once(socket, 'end'), once(socket, 'close')])
  return bytes
}

async function listen(t: TestContext, server: Server | TcpServer): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function openRoads(t: TestContext) {
  let pouring: ReturnType<typeof pour> | undefined
  let taken = 0
  let take = () => undefined as void
  const taking = new Promise<void>((done) => (take = done))
  let waiting = 0
  const server = createServer((request, response) => {
    if (request.url === '/all') {
      // Answered once everybody is there.
      waiting++
      return void until(() => waiting >= crowd).then(() => response.end('hello'))
    }
    if (request.method === 'GET') return void (pouring = pour(response))
    taking.then(() => {
      request.on('data', (chunk: Buffer) => (taken += chunk.length))
      request.on('end', () => response.end(`took ${taken}`))
    })
  })
  server.on('upgrade', ({ headers }, socket) => {
    socket.on('error', () => undefined)
    const key = `${String(headers['sec-websocket-key'])}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    socket.write(
      `HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    pouring = pour(socket, { bytes: frame })
  })
  const bytes = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    pouring = pour(socket)
  })
  t.after(() => server.closeAllConnections())
  const [http, tcp] = [await listen(t, server), await listen(t, bytes)]
  const world = await openWorld(t)
  const rules = compileRules(
    {
      // The first has a credential, so that all of its answers are looked through.
      api: { kind: 'http', url: 'http://api.test', dial: http, credential: { bearer: 'secret:api' } },
      plain: { kind: 'http', url: 'http://plain.test', dial: http },
      cache: { kind: 'tcp', url: 'tcp://cache.test:6379', dial: tcp },
    },
    ['http:call api/*', 'http:connect api/socket', 'http:call plain/*', 'tcp:connect cache'],
  )
  world.setTargets(rules.targets, rules.policy)
  return { world, take: () => take(), taken: () => taken, poured: () => pouring }
}

/** As many requests are there at once before the first is answered; a pool has 64. */
const crowd = 60

const get = (host: string, path = '/large', more = 'Connection: close') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n\r\n`
const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`

for (const [what, authority, request] of [
  ['an answer that is looked through', 'api.test:80', get('api.test')],
  ['one that is not', 'plain.test:80', get('plain.test')],
  ['a WebSocket', 'api.test:80', get('api.test', '/socket', upgrade)],
  ['a stream', 'cache.test:6379', ''],
] as const)
  test(`a step that does not read stops its upstream, and has all of it when it does: ${what}`, async (t) => {
    const { world, poured } = await openRoads(t)
    const { socket } = await world.connect(authority)
    if (request !== '') socket.write(request)
    await until(() => poured() !== undefined)
    const before = process.memoryUsage().arrayBuffers
    const sent = (await poured()?.stuck()) ?? 0
    assert.ok(sent > 0 && sent < mostBytes, `${sent} bytes were sent`)
    assert.ok(process.memoryUsage().arrayBuffers - before < mostBytes)
    const received = await count(socket)
    assert.ok((poured()?.sent() ?? 0) >= totalBytes)
    assert.ok(received >= totalBytes, `${received} bytes came`)
  })

test('an upstream that does not read stops the step', async (t) => {
  const { world, take, taken } = await openRoads(t)
  const { socket } = await world.connect('api.test:80')
  socket.write(
    `PUT /large HTTP/1.1\r\nHost: api.test\r\nContent-Length: ${totalBytes}\r\nConnection: close\r\n\r\n`,
  )
  const pouring = pour(socket, { ends: false })
  const sent = await pouring.stuck()
  assert.ok(sent > 0 && sent < mostBytes, `${sent} bytes were sent`)
  take()
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  await Promise.race([once(socket, 'end'), once(socket, 'close')])
  assert.equal(taken(), totalBytes)
  assert.match(answer, new RegExp(`took ${totalBytes}`))
})

test('200 connections of one step at once: all are served, over as many to the upstream as one may have', async (t) => {
  const { world } = await openRoads(t)
  const sockets = await Promise.all(
    Array.from({ length: 200 }, async () => (await world.connect('plain.test:80')).socket),
  )
  assert.equal(world.gateway.connections().length, 200)
  const answers = await Promise.all(
    sockets.map(async (socket) => {
      let text = ''
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
      socket.write(get('plain.test', '/all'))
      await Promise.race([once(socket, 'end'), once(socket, 'close')])
      return text.includes('200 OK') && text.includes('hello')
    }),
  )
  assert.equal(answers.filter(Boolean).length, 200)
  await until(() => world.gateway.connections().length === 0)
})
