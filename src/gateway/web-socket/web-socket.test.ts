import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer, type ClientOptions } from 'ws'
import { createTestAuthority } from '../../../test/certificates.ts'
import { compileRules, openWorld, readAll, until, type World } from '../gateway.fixture.ts'

const secret = 'injected:for-api'
const basic = Buffer.from(secret).toString('base64')
const key = Buffer.alloc(16, 7).toString('base64')

interface Peer {
  readonly server: Server
  readonly dial: string
  readonly ca: string
  readonly heads: IncomingMessage[]
  /** Takes the upgrade instead of `ws`. */
  raw: ((request: IncomingMessage, socket: Duplex) => void) | undefined
  readonly open: () => number
}

/** A server of the package `ws` behind TLS: an echo, with compression where it is asked for. */
async function startPeer(t: TestContext): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-ws-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await createTestAuthority(folder)
  const files = await authority.issue('ws', ['api.test', 'plain.test', 'git.test'])
  const server = createServer(
    { key: readFileSync(files.key), cert: readFileSync(files.cert) },
    (_request, response) => response.end('no socket'),
  )
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: true,
    handleProtocols: (asked) => [...asked][0] ?? false,
  })
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => undefined)
    if (request.url === '/base/reflect') socket.send(`you are ${request.headers.authorization ?? 'nobody'}`)
    else socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }))
  })
  const peer: Peer = {
    server,
    dial: '',
    ca: readFileSync(authority.file, 'utf8'),
    heads: [],
    raw: undefined,
    open: () => sockets.clients.size,
  }
  server.on('upgrade', (request, socket, head) => {
    peer.heads.push(request)
    socket.on('error', () => undefined)
    if (peer.raw !== undefined) return peer.raw(request, socket)
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened, request))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    for (const client of sockets.clients) client.terminate()
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(peer, { dial: `127.0.0.1:${(server.address() as AddressInfo).port}` })
}

const grants = [
  'http:connect api/live/*',
  'http:connect api/reflect',
  'http:connect plain/x',
  'git:read git/octo/app',
  'http:call api/*',
]

async function openSockets(t: TestContext, ofApi: object = {}) {
  const [world, peer] = [await openWorld(t), await startPeer(t)]
  const more = { dial: peer.dial, ca: peer.ca }
  const rules = compileRules(
    {
      api: {
        kind: 'http',
        url: 'https://api.test/base',
        ...more,
        ...ofApi,
        credential: { basic: 'secret:api' },
      },
      plain: { kind: 'http', url: 'https://plain.test', ...more },
      git: { kind: 'git', url: 'https://git.test', ...more },
    },
    grants,
  )
  world.setTargets(rules.targets, rules.policy)
  return {
    world,
    peer,
    ws: (url: string, options?: ClientOptions, protocols?: string[]) =>
      connectWs(world, url, options, protocols),
  }
}

/** The client of `ws`, through a tunnel of the step. */
async function connectWs(
  world: World,
  url: string,
  options: ClientOptions = {},
  protocols: string[] = [],
): Promise<WebSocket> {
  const socket = await world.secure({ authority: `${new URL(url).hostname}:443` })
  const client = new WebSocket(url, protocols, { ...options, createConnection: () => socket })
  client.on('error', () => undefined)
  return client
}

async function told(client: WebSocket): Promise<{ status: number; body: string }> {
  const [, answer] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage]
  return { status: answer.statusCode ?? 0, body: Buffer.concat(await answer.toArray()).toString() }
}

const handshake = (path: string, host = 'api.test', more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${more}\r\n`

test('a WebSocket that is granted carries text and bytes both ways, with the credential in its handshake and without compression', async (t) => {
  const { ws, peer, world } = await openSockets(t)
  const client = await ws(
    'wss://api.test/base/live/feed?since=1',
    { headers: { Cookie: 'a=b', Authorization: 'Bearer mine' } },
    ['chat.v1'],
  )
  await once(client, 'open')
  assert.deepEqual([client.protocol, client.extensions], ['chat.v1', ''])
  const large = Buffer.alloc(300_000, 'a moderately long text ')
  client.send('hello')
  client.send(large)
  const received: Buffer[] = []
  client.on('message', (data) => received.push(data as Buffer))
  await until(() => received.length === 2)
  assert.equal(String(received[0]), 'hello')
  assert.ok(received[1]?.equals(large))
  const [head] = peer.heads
  assert.equal(head?.url, '/base/live/feed?since=1')
  assert.deepEqual(
    [head?.headers.authorization, head?.headers.cookie, head?.headers['sec-websocket-extensions']],
    [`Basic ${basic}`, undefined, undefined],
  )
  assert.ok(!JSON.stringify(head?.headers).includes('mine'))
  assert.match(JSON.stringify(world.audit.ofType('access.granted').at(-1)), /http:connect.*live\/feed/)
  client.close(1000, 'done')
  const [code] = await once(client, 'close')
  assert.equal(code, 1000)
  await until(() => peer.open() === 0)
})

test('to a host without a credential compression passes', async (t) => {
  const { ws } = await openSockets(t)
  const client = await ws('wss://plain.test/x', { perMessageDeflate: { threshold: 0 } })
  await once(client, 'open')
  assert.match(client.extensions, /permessage-deflate/)
  client.send('squeezed'.repeat(100))
  assert.equal(String((await once(client, 'message'))[0]), 'squeezed'.repeat(100))
  client.terminate()
})

test('refused: what is not granted by http:connect, a host of another kind, a credential of the step’s own, no handshake', async (t) => {
  const { ws, peer, world } = await openSockets(t)
  const ungranted = await told(await ws('wss://api.test/base/admin'))
  assert.equal(ungranted.status, 403)
  assert.match(ungranted.body, /http:connect api\/admin/)
  const git = await told(await ws('wss://git.test/octo/app.git'))
  assert.deepEqual([git.status, /kind git carries no WebSocket/.test(git.body)], [403, true])
  assert.equal((await told(await ws('wss://api.test/base/live/x?access_token=mine'))).status, 403)
  const bearer = await told(
    await ws('wss://api.test/base/live/x', {}, [
      'v4.channel.k8s.io',
      'base64url.bearer.authorization.k8s.io.bWluZQ',
    ]),
  )
  assert.deepEqual([bearer.status, /Sec-WebSocket-Protocol/.test(bearer.body)], [400, true])
  for (const text of [
    handshake('/base/live/x').replace('Version: 13', 'Version: 8'),
    handshake('/base/live/x').replace(key, 'short'),
    handshake('/base/live/x', 'api.test', 'Content-Length: 5\r\n'),
  ])
    assert.equal((await world.ask(text, { authority: 'api.test:443' })).status, 400, text)
  assert.equal(peer.heads.length, 0)
  // Of another upgrade, as curl asks for by default, nothing is made.
  const h2c =
    'GET /x HTTP/1.1\r\nHost: plain.test\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n'
  const other = await world.ask(h2c, { authority: 'plain.test:443' })
  assert.deepEqual([other.status, /http:get plain\/x/.test(other.body)], [403, true])
})

test('the credential does not come back: in a message, split over frames and messages, in a ping, in the head', async (t) => {
  const { ws, peer, world } = await openSockets(t)
  const client = await ws('wss://api.test/base/reflect')
  const seen: string[] = []
  client.on('message', (data) => seen.push(String(data)))
  await once(client, 'close')
  assert.ok(!seen.join('').includes(basic.slice(0, 12)))
  const frame = (first: number, payload: string) =>
    Buffer.concat([Buffer.from([first, payload.length]), Buffer.from(payload)])
  const [one, two] = [basic.slice(0, 10), basic.slice(10)]
  const cases: readonly (readonly Buffer[])[] = [
    [frame(0x01, `x${one}`), frame(0x89, 'ping'), frame(0x80, two)],
    [frame(0x81, one), frame(0x82, two)],
    [frame(0x81, `x${one}${two}`)],
    [frame(0x89, secret)],
    [frame(0x88, `\x03\xe8${secret}`)],
    [frame(0x89, one), frame(0x89, two)],
    [frame(0x89, one), frame(0x81, two)],
    [frame(0x81, one), frame(0x8a, two)],
    [frame(0x89, one), frame(0x81, 'x'), frame(0x89, two)],
    // Into these nobody can look.
    [frame(0xc1, 'squeezed')],
    [Buffer.from([0x81, 0x85, 1, 2, 3, 4, 1, 2, 3, 4, 5])],
    [Buffer.from([0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ]
  for (const [i, frames] of cases.entries()) {
    peer.raw = (request, socket) => {
      socket.write(
        `HTTP/1.1 101 Y\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(request)}\r\n\r\n`,
      )
      for (const one of frames) socket.write(one)
    }
    const socket = await world.secure({ authority: 'api.test:443' })
    socket.write(handshake('/base/live/x'))
    const all = (await readAll(socket)).toString('latin1')
    assert.match(all, /^HTTP\/1\.1 101 /, String(i))
    for (const part of [two, secret, 'squeezed']) assert.ok(!all.includes(part), `${i}: ${part}`)
  }
  const refusals = JSON.stringify(world.gateway.refusals(world.step.id, 0))
  assert.match(refusals, /holds the credential of connection \\"api\\"/)
  assert.match(refusals, /a frame of the WebSocket/)
})

function acceptOf({ headers }: IncomingMessage): string {
  const sent = `${String(headers['sec-websocket-key'])}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  return createHash('sha1').update(sent).digest('base64')
}

test('a 101 that is none, and another answer', async (t) => {
  const { ws, peer } = await openSockets(t)
  const answers: readonly (readonly [lines: (request: IncomingMessage) => string, said: RegExp])[] = [
    [
      () => 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
      /another handshake/,
    ],
    [
      (one) => `Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(one)}`,
      /another handshake/,
    ],
    [
      (one) =>
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(one)}\r\nSec-WebSocket-Extensions: permessage-deflate`,
      /extension that was not asked for/,
    ],
    [
      (one) =>
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(one)}\r\nSec-WebSocket-Protocol: other`,
      /protocol that was not asked for/,
    ],
    [
      (one) =>
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(one)}\r\nX-You: ${basic}`,
      /holds the credential/,
    ],
  ]
  for (const [lines, said] of answers) {
    peer.raw = (request, socket) => void socket.write(`HTTP/1.1 101 Switching\r\n${lines(request)}\r\n\r\n`)
    const { status, body } = await told(await ws('wss://api.test/base/live/x'))
    assert.equal(status, 502)
    assert.match(body, said)
  }
  peer.raw = (_request, socket) =>
    void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone')
  assert.deepEqual(await told(await ws('wss://api.test/base/live/x')), { status: 404, body: 'none' })
})

test('a message whose end could begin the credential is not held for ever; the end of the step closes it', async (t) => {
  const { ws, peer, world } = await openSockets(t)
  const client = await ws('wss://api.test/base/live/x')
  await once(client, 'open')
  for (const text of [basic.slice(0, 1), `x${basic.slice(0, 4)}`, 'in']) {
    client.send(text)
    assert.equal(String((await once(client, 'message'))[0]), text)
  }
  world.brokers.end(world.step)
  await once(client, 'close')
  await until(() => peer.open() === 0)
})

test('frames that come with the handshake are carried; a handshake behind a request that is not answered ends the connection', async (t) => {
  const { world, peer } = await openSockets(t)
  const early = await world.secure({ authority: 'api.test:443' })
  // "hi", masked with zeroes.
  early.write(
    Buffer.concat([
      Buffer.from(handshake('/base/live/x')),
      Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]),
    ]),
  )
  let came = Buffer.alloc(0)
  early.on('data', (chunk: Buffer) => (came = Buffer.concat([came, chunk])))
  await until(() => came.includes(Buffer.from([0x81, 0x02, 0x68, 0x69])))
  assert.match(came.toString('latin1'), /^HTTP\/1\.1 101 /)
  const accepted = peer.heads.length
  const behind = await world.secure({ authority: 'api.test:443' })
  behind.write(`GET /base/live/first HTTP/1.1\r\nHost: api.test\r\n\r\n${handshake('/base/live/x')}`)
  assert.ok(!(await readAll(behind)).includes('101 Switching'))
  assert.equal(peer.heads.length, accepted)
})

test('on a WebSocket on which nothing passes the step is told which limit it was', async (t) => {
  const { world, ws } = await openSockets(t, { timeouts: { idle: '1s' } })
  const client = await ws('wss://api.test/base/live/x')
  await once(client, 'close')
  const told = () => JSON.stringify(world.gateway.refusals(world.step.id, 0))
  await until(() => told() !== JSON.stringify({ lines: [], next: 0, more: 0 }))
  assert.match(told(), /\(idle timeout\).*connections\.api\.timeouts\.idle/)
})

test('a WebSocket is cut on both sides when the lease ends that it was opened with; the step may open another', async (t) => {
  const { ws, peer, world } = await openSockets(t)
  const client = await ws('wss://api.test/base/live/x')
  await once(client, 'open')
  const plain = await ws('wss://plain.test/x')
  await once(plain, 'open')
  const closed = once(client, 'close')
  world.brokers.endLease(world.step, 'api')
  assert.equal((await closed)[0], 1006, 'no words of goodbye')
  await until(() => peer.open() === 1)
  assert.equal(plain.readyState, WebSocket.OPEN)
  await once(await ws('wss://api.test/base/live/x'), 'open')
})
