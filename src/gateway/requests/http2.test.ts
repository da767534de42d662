import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test, type TestContext } from 'node:test'
import { limits } from '../../lib/index.ts'
import { compileRules, openWorld, readAll } from '../gateway.fixture.ts'
import {
  askHttp2,
  frame,
  frameTypes,
  headerBlock,
  http2Client,
  rawClient,
  type Frame,
} from './http2.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'

const host = 'api.test'
const authority = `${host}:443`

async function apiWorld(
  t: TestContext,
  grants: readonly string[] = ['http:call api/ok*'],
  more: { opaque?: true } = {},
) {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  const { targets, policy } = compileRules(
    {
      api: {
        kind: 'http',
        url: `https://${host}/base`,
        dial: `127.0.0.1:${upstream.port}`,
        ca: upstream.ca,
        credential: { bearer: 'secret:api' },
        ...more,
      },
    },
    grants,
  )
  world.setTargets(targets, policy)
  return { world, upstream }
}

test('HTTP/2 within the tunnel: requests and answers as with HTTP/1.1', async (t) => {
  const { world, upstream } = await apiWorld(t)
  const client = await http2Client(t, world, authority)
  const got = await askHttp2(client, {
    ':path': '/base/ok?page=2',
    authorization: 'Bearer mine',
    'x-trace': 'kept',
  })
  assert.deepEqual([got.status, got.body], [200, 'upstream says hello'])
  // So that what it has open there is cut with its lease.
  assert.equal(world.gateway.connections()[0]?.requests, 1)
  const big = Buffer.alloc(3_000_000, 'a')
  upstream.handle = (_request, response) => void response.writeHead(201).end(Buffer.alloc(2_000_000, 'b'))
  const posted = await askHttp2(client, { ':method': 'POST', ':path': '/base/ok', cookie: 'a=b' }, big)
  assert.deepEqual([posted.status, posted.body.length], [201, 2_000_000])
  const head = await askHttp2(client, { ':method': 'HEAD', ':path': '/base/ok' })
  assert.deepEqual([head.status, head.body], [201, ''])
  const refused = await askHttp2(client, { ':method': 'DELETE', ':path': '/base/no' }, 'x')
  assert.deepEqual([refused.status, refused.reset], [403, 0])
  assert.match(refused.body, /^mayfly: refused: http.*http:delete api\/no/)
  const [first, second] = upstream.seen
  assert.match(first?.headers.authorization ?? '', /^Basic /)
  assert.equal(first?.headers['x-trace'], 'kept')
  assert.equal(first?.headers.host, host)
  assert.equal(second?.headers.cookie, undefined)
  assert.ok(second?.body.equals(big))
  assert.equal(upstream.seen.length, 3)
})

type Headers = readonly (readonly [string, string])[]

const post: Headers = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', host],
  [':path', '/base/ok'],
]
/** The head of a usual request, with another value for one of its pseudo headers. */
const but = (name: string, value: string): Headers =>
  post.map((one) => (one[0] === name ? [name, value] : one))

const isReset = ({ type }: Frame) => type === frameTypes.reset || type === frameTypes.goaway
const isAnswer = ({ type, payload }: Frame) => type === frameTypes.data && payload.length > 0

test('what is no request of HTTP/2, or two readers would read in two ways, never reaches the host', async (t) => {
  const { world, upstream } = await apiWorld(t)
  const reset: Record<string, readonly [headers: Headers, body?: string]> = {
    'upper case': [[...post, ['X-Upper', 'a']]],
    'transfer-encoding': [
      [...post, ['transfer-encoding', 'chunked']],
      '0\r\n\r\nGET /base/ok HTTP/1.1\r\n\r\n',
    ],
    connection: [[...post, ['connection', 'x-a']]],
    'te: gzip': [[...post, ['te', 'gzip']]],
    'CRLF in the path': [but(':path', '/base/ok HTTP/1.1\r\nx: y')],
    'CRLF in the method': [but(':method', 'GET /base/ok HTTP/1.1\r\nx: y')],
    'two lengths': [[...post, ['content-length', '4'], ['content-length', '5']], 'body'],
    'no number': [[...post, ['content-length', '+4']], 'body'],
    'too short': [[...post, ['content-length', '9']], 'body'],
    'too long': [[...post, ['content-length', '2']], 'body'],
    'an absolute path': [but(':path', `https://${host}/base/ok`)],
    'an empty path': [but(':path', '')],
    'no path': [post.slice(0, 3)],
    'no authority': [post.filter(([name]) => name !== ':authority')],
    'two paths': [[...post, [':path', '/base/no']]],
    'a pseudo header of answers': [[...post, [':status', '200']]],
    'a pseudo header that nobody knows': [[...post, [':x', 'y']]],
    'a pseudo header after others': [[['x-a', 'b'], ...post]],
    'extended CONNECT': [[...but(':method', 'CONNECT'), [':protocol', 'websocket']]],
    'two hosts': [[...post, ['host', host], ['host', 'other.test']]],
    'a user in the authority': [but(':authority', `user@${host}`)],
  }
  for (const [name, [headers, body]] of Object.entries(reset)) {
    const client = await rawClient(world, authority)
    client.send(frame('headers', body === undefined ? 5 : 4, 1, headerBlock(headers)))
    if (body !== undefined) client.send(frame('data', 1, 1, body))
    assert.ok(await client.next(isReset), name)
    client.socket.destroy()
  }
  const refused: Record<string, readonly [headers: Headers, why: RegExp]> = {
    'a fragment': [but(':path', '/base/ok#x'), /the path is not plain/],
    'dot segments': [but(':path', '/base/ok/../no'), /the path is not plain/],
    'an asterisk': [[[':method', 'OPTIONS'], ...but(':path', '*').slice(1)], /the path is not plain/],
    CONNECT: [
      [
        [':method', 'CONNECT'],
        [':authority', 'evil.test:443'],
      ],
      /CONNECT within a tunnel/,
    ],
    http: [but(':scheme', 'http'), /its scheme is not https/],
    'host and authority': [[...post, ['host', 'other.test']], /its Host header is not its :authority/],
    'another authority': [but(':authority', 'other.test'), /names another host than the tunnel/],
    'an expectation': [[...post, ['expect', 'money']], /it expects what nobody knows/],
  }
  for (const [name, [headers, why]] of Object.entries(refused)) {
    const client = await rawClient(world, authority)
    const recorded = world.audit.ofType('access.denied').length
    client.send(frame('headers', 5, 1, headerBlock(headers)))
    const answer = await client.next((one) => isAnswer(one) || isReset(one))
    assert.match(answer?.payload.toString() ?? '', why, name)
    assert.equal(world.audit.ofType('access.denied').length, recorded + 1, name)
    client.socket.destroy()
  }
  assert.deepEqual(upstream.begun, [])
  // What cannot be a header is dropped by name and value; nothing of it goes on.
  for (const bad of [
    ['x-a', 'b\r\nx-c: d'],
    ['x-a', 'b\0c'],
    ['x-a: b\r\nx-c', 'd'],
    [' x-a', 'b'],
    ['', 'b'],
  ] as const) {
    const client = await rawClient(world, authority)
    client.send(frame('headers', 5, 1, headerBlock([...post, bad])))
    assert.ok(await client.next(isAnswer))
    const names = Object.keys(upstream.seen.splice(0)[0]?.headers ?? {})
    assert.deepEqual(names.toSorted(), ['authorization', 'connection', 'content-length', 'host'])
    client.socket.destroy()
  }
})

test('another host on the same connection is refused with 421, and the connection goes on', async (t) => {
  const { world, upstream } = await apiWorld(t)
  const client = await http2Client(t, world, authority)
  const other = await askHttp2(client, { ':path': '/base/ok', ':authority': 'other.test' })
  assert.equal(other.status, 421)
  assert.match(other.body, /names another host than the tunnel \(api\.test\)/)
  assert.equal((await askHttp2(client, { ':path': '/base/ok' })).status, 200)
  assert.deepEqual(
    upstream.seen.map(({ url }) => url),
    ['/base/ok'],
  )
  assert.match(JSON.stringify(world.audit.ofType('access.denied')), /names another host/)
})

test('floods end their own connection, are recorded, and hurt nobody else', async (t) => {
  const { world } = await apiWorld(t)
  const bystander = await http2Client(t, world, authority)
  const head = headerBlock([[':method', 'GET'], ...post.slice(1)])
  const some = (count: number, make: (stream: number) => Buffer) =>
    Buffer.concat(Array.from({ length: count }, (_, i) => make(2 * i + 1)))
  const cancel = Buffer.of(0, 0, 0, 8)
  const floods: Record<string, Buffer> = {
    'rapid reset': some(2_000, (id) =>
      Buffer.concat([frame('headers', 5, id, head), frame('reset', 0, id, cancel)]),
    ),
    'resets that we are made to send': some(2_000, (id) =>
      Buffer.concat([frame('headers', 5, id, head), frame('window', 0, id, Buffer.alloc(4))]),
    ),
    'streams beyond the number': some(300, (id) => frame('headers', 4, id, head)),
    'headers without end': Buffer.concat([
      frame('headers', 1, 1, head),
      some(5_000, () => frame('continuation', 0, 1, headerBlock([['x-a', 'b']]))),
    ]),
    'empty headers': Buffer.concat([
      frame('headers', 1, 1, head),
      some(5_000, () => frame('continuation', 0, 1)),
    ]),
    'empty data': Buffer.concat([
      frame('headers', 4, 1, headerBlock(post)),
      some(5_000, () => frame('data', 0, 1)),
    ]),
    ping: some(5_000, () => frame('ping', 0, 0, '12345678')),
    settings: some(5_000, () => frame('settings', 0, 0)),
    'no frames': Buffer.alloc(5_000, 'x'),
  }
  for (const [name, bytes] of Object.entries(floods)) {
    const recorded = world.audit.ofType('access.denied').length
    const client = await rawClient(world, authority)
    client.send(bytes)
    await client.closed
    const entries = world.audit.ofType('access.denied').slice(recorded)
    assert.match(JSON.stringify(entries), /api HTTP\/2.*the connection was ended/, name)
    assert.equal((await askHttp2(bystander, { ':path': '/base/ok' })).status, 200, name)
  }
  const many = await rawClient(world, authority)
  const crowd = Array.from({ length: 200 }, (_, i) => [`x-${i}`, 'a'] as const)
  many.send(frame('headers', 5, 1, Buffer.concat([head, headerBlock(crowd)])))
  assert.equal((await many.next(isReset))?.type, frameTypes.reset)
})

test('an upload that is cut in the middle is cut upstream, too; an answer that is cut is reset', async (t) => {
  const { world, upstream } = await apiWorld(t)
  const client = await rawClient(world, authority)
  const cut = new Promise<boolean>((done) => {
    upstream.onHead = (request) => {
      request.once('data', () => client.send(frame('reset', 0, 1, Buffer.alloc(4))))
      request.once('close', () => done(request.complete))
    }
  })
  client.send(frame('headers', 4, 1, headerBlock(post)), frame('data', 0, 1, 'the first half'))
  assert.equal(await cut, false)
  const answers: ServerResponse[] = []
  upstream.onHead = (_request, response) => {
    answers.push(response)
    response.writeHead(200).write('the first half')
  }
  client.send(frame('headers', 5, 3, headerBlock([[':method', 'GET'], ...post.slice(1)])))
  await client.next((one) => one.stream === 3 && isAnswer(one))
  answers[0]?.destroy()
  const end = await client.next(
    (one) => one.stream === 3 && (isReset(one) || (one.type === frameTypes.data && (one.flags & 1) === 1)),
  )
  assert.equal(end?.type, frameTypes.reset)
  assert.notEqual(end.payload.readUInt32BE(), 0)
})

test('a step that ends takes its streams with it', async (t) => {
  const { world, upstream } = await apiWorld(t)
  const begun = new Promise<void>((done) => {
    upstream.onHead = (_request, response) => {
      response.writeHead(200).write('x')
      done()
    }
  })
  const client = await http2Client(t, world, authority)
  const asked = [1, 2, 3].map(() => askHttp2(client, { ':path': '/base/ok' }).catch(() => 'cut'))
  await begun
  world.brokers.end(world.step)
  await once(client, 'close')
  await Promise.all(asked)
  assert.equal(world.gateway.openSockets(), 0)
})

test('one step has so many requests under way, over all its connections', async (t) => {
  const { world, upstream } = await apiWorld(t)
  const waiting: ServerResponse[] = []
  upstream.onHead = (_request, response) => void waiting.push(response)
  const refused = new Promise<string>((done) => {
    void Promise.all(
      Array.from({ length: limits.requestsPerStep / limits.http2Streams + 1 }, async () => {
        const client = await http2Client(t, world, authority)
        for (let i = 0; i < limits.http2Streams; i++)
          askHttp2(client, { ':path': '/base/ok' }).then(
            ({ status, body }) => status === 429 && done(body),
            () => undefined,
          )
      }),
    )
  })
  assert.match(await refused, /the step has 512 requests under way/)
  assert.ok(waiting.length > 0)
})

test('HTTP/2 that TLS has not agreed on is refused in its own words, within TLS and without', async (t) => {
  const world = await openWorld(t)
  const { targets, policy } = compileRules(
    {
      api: { kind: 'http', url: `https://${host}` },
      plain: { kind: 'http', url: 'http://plain.test', dial: '127.0.0.1:9' },
    },
    ['http:call api/*', 'http:call plain/*'],
  )
  world.setTargets(targets, policy)
  const plain = await world.connect('plain.test:80')
  for (const socket of [await world.secure({ authority }), plain.socket]) {
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    const all = await readAll(socket)
    assert.equal(all.readUInt8(3), frameTypes.settings)
    assert.equal(all.readUInt8(9 + 3), frameTypes.goaway)
    assert.match(
      all.toString(),
      /mayfly: refused: (?:api|plain) HTTP\/2: it was not agreed on by TLS \(ALPN\)/,
    )
  }
})

test('a client is asked for its body only once it may send it', async (t) => {
  const { world, upstream } = await apiWorld(t)
  const client = await http2Client(t, world, authority)
  const expecting = { ':method': 'PUT', expect: '100-continue' }
  const taken = await askHttp2(client, { ...expecting, ':path': '/base/ok' }, 'body')
  assert.deepEqual([taken.status, taken.interim], [200, [100]])
  const refused = await askHttp2(client, { ...expecting, ':path': '/base/no' }, 'body')
  assert.deepEqual([refused.status, refused.interim], [403, []])
  const head = (path: string) =>
    `PUT ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n`
  const socket = await world.secure({ authority })
  socket.write(`${head('/base/ok')}Connection: close\r\n\r\n`)
  const [interim] = (await once(socket, 'data')) as [Buffer]
  assert.match(interim.toString(), /^HTTP\/1\.1 100 Continue/)
  socket.write('body')
  assert.match((await readAll(socket)).toString(), /^HTTP\/1\.1 200/)
  // What comes after a refusal may be the body, or the next request: it is read as neither.
  const answer = await world.ask(`${head('/base/no')}\r\nGET /base/ok HTTP/1.1\r\nHost: ${host}\r\n\r\n`, {
    authority,
  })
  assert.equal(answer.status, 403)
  assert.match(answer.head, /connection: close/i)
  assert.doesNotMatch(answer.body, /HTTP\/1\.1/)
  assert.deepEqual(
    upstream.seen.map(({ method, body }) => [method, body.toString()]),
    [
      ['PUT', 'body'],
      ['PUT', 'body'],
    ],
  )
})

test('Range and If-Range pass where answers may be opaque; early hints and trailers of the host do not', async (t) => {
  const { world, upstream } = await apiWorld(t, undefined, { opaque: true })
  upstream.handle = (request, response) => {
    response.writeEarlyHints({ link: '</x>; rel=preload' })
    response.writeHead(206, { 'content-range': 'bytes 1-3/9', trailer: 'x-late' })
    response.addTrailers({ 'x-late': 'injected:for-api', 'content-length': '3' })
    response.end([request.headers.range, request.headers['if-range']].join(' '))
  }
  const client = await http2Client(t, world, authority)
  const part = await askHttp2(client, { ':path': '/base/ok', range: 'bytes=1-3', 'if-range': '"e"' })
  assert.deepEqual([part.status, part.body, part.interim, part.trailers], [206, 'bytes=1-3 "e"', [], {}])
  assert.equal(part.headers['content-range'], 'bytes 1-3/9')
  const old = await world.ask(
    `GET /base/ok HTTP/1.1\r\nHost: ${host}\r\nRange: bytes=1-3\r\nIf-Range: "e"\r\nTE: trailers\r\nConnection: close\r\n\r\n`,
    { authority },
  )
  assert.equal(old.status, 206)
  assert.match(old.body, /bytes=1-3 "e"/)
  assert.doesNotMatch(`${old.head}${old.body}`, /x-late|injected|103/i)
})

test('trailers of a request do not go on: not what they say, not as a request', async (t) => {
  const { world, upstream } = await apiWorld(t)
  const late = 'x-late: a\r\nauthorization: Bearer mine\r\n'
  await world.ask(
    `POST /base/ok HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTrailer: x-late\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\n${late}\r\n`,
    { authority },
  )
  const client = await rawClient(world, authority)
  client.send(
    frame('headers', 4, 1, headerBlock(post)),
    frame('data', 0, 1, 'body'),
    frame(
      'headers',
      5,
      1,
      headerBlock([
        ['x-late', 'a'],
        ['authorization', 'Bearer mine'],
      ]),
    ),
  )
  await client.next(isAnswer)
  assert.equal(upstream.seen.length, 2)
  for (const { body, headers } of upstream.seen) {
    assert.equal(body.toString(), 'body')
    assert.doesNotMatch(JSON.stringify(headers), /late|mine/)
  }
})
