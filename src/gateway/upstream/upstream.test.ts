import assert from 'node:assert/strict'
import { createServer, type Socket, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { Connection } from '../../connections/index.ts'
import { createEgressGuard } from '../egress/index.ts'
import { createUpstream } from './upstream.ts'
import type { Upstream, UpstreamRequest } from './upstream-request.ts'
import { createSocketOpener } from './upstream-socket.ts'

/** Answers the first request of each connection, and closes it at the second. */
async function startForgetful(t: TestContext) {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let requests = 0
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      seen.push(chunk.toString().split(' ').slice(0, 2).join(' '))
      if (++requests > 1) return void socket.resetAndDestroy()
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const { connection, upstream } = upstreamAt(port)
  t.after(() => upstream.close())
  return { ask: (method: string, body?: Buffer) => askAt(upstream, connection, method, body), seen }
}

function upstreamAt(port: number): { connection: Connection; upstream: Upstream } {
  const connection: Connection = {
    ...{ name: 'a', kind: 'http', tls: false, host: 'a.test', port: 80, basePath: '', url: 'http://a.test' },
    ...{ credential: undefined, ca: undefined, opaque: false, dial: { address: '127.0.0.1', port } },
  }
  const upstream = createUpstream({ openSocket: createSocketOpener({ guard: createEgressGuard() }) })
  return { connection, upstream }
}

async function askAt(
  upstream: Upstream,
  connection: Connection,
  method: string,
  body?: Buffer,
): Promise<string> {
  const request: UpstreamRequest = {
    ...{ method, path: '/', headers: {}, authorization: undefined, abandoned: new AbortController().signal },
    ...(body === undefined ? {} : { body }),
  }
  const answer = await upstream.send(connection, request)
  let text = ''
  for await (const chunk of answer) text += String(chunk)
  // The socket goes back to its pool in the next turn.
  await new Promise((next) => setTimeout(next, 20))
  return text
}

test('a read on a connection that its server closes meanwhile is asked again, once, on a new one', async (t) => {
  const { ask, seen } = await startForgetful(t)
  for (let i = 0; i < 3; i++) assert.equal(await ask('GET'), 'ok')
  assert.deepEqual(seen, ['GET /', 'GET /', 'GET /', 'GET /', 'GET /'])
})

test('what may have changed something is not asked twice', async (t) => {
  const { ask, seen } = await startForgetful(t)
  assert.equal(await ask('GET'), 'ok')
  await assert.rejects(ask('POST', Buffer.from('x')), { code: 'upstream_unreachable' })
  assert.deepEqual(seen, ['GET /', 'POST /'])
})

test('a crowd of requests at once leaves connections that the next crowd uses', async (t) => {
  let dialled = 0
  const server = createServer((socket) => {
    dialled++
    socket.on('error', () => undefined)
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const { connection, upstream } = upstreamAt(port)
  t.after(() => {
    upstream.close()
    server.close()
  })
  const crowd = () => Promise.all(Array.from({ length: 200 }, () => askAt(upstream, connection, 'GET')))
  await crowd()
  await crowd()
  assert.equal(dialled, 200)
})

test('what was sent and may change something is heard, though its client leaves and its step ends', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      reached()
      if (chunk.toString().startsWith('PUT'))
        answer = () => socket.write('HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok')
    })
  })
  let answer = () => true
  let reached = () => undefined as void
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { connection, upstream } = upstreamAt((server.address() as AddressInfo).port)
  t.after(() => server.close())
  const begin = async (method: string) => {
    const leaving = new AbortController()
    const arrived = new Promise<void>((done) => (reached = done))
    const body = method === 'PUT' ? { body: Buffer.from('x') } : {}
    const answering = upstream.send(connection, {
      ...{ method, path: '/', headers: {}, authorization: undefined, abandoned: leaving.signal, ...body },
    })
    answering.catch(() => undefined)
    await arrived
    return { answering, leaving }
  }
  const [put, get] = [await begin('PUT'), await begin('GET')]
  put.leaving.abort()
  get.leaving.abort()
  await assert.rejects(get.answering, { code: 'revoked' })
  upstream.close()
  answer()
  const { statusCode } = await put.answering
  assert.equal(statusCode, 201)
})
