import assert from 'node:assert/strict'
import type { lookup as dnsLookup } from 'node:dns'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createTestAuthority } from '../../test/certificates.ts'
import { hostileAnswers } from '../lib/hostile-answers.fixture.ts'
import { MayflyError, messageOf, type ErrorCode } from '../lib/index.ts'
import { createHttpClient, Unsent, type HttpQuestion } from './index.ts'

async function listen(t: TestContext, server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((done) => server.listen(0, host, done))
  t.after(() => {
    if ('closeAllConnections' in server) (server.closeAllConnections as () => void)()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** A server by TLS for `api.test` and `localhost`, and how often it was asked. */
async function startTls(t: TestContext, handle: Handle = (_, response) => void response.end('hello')) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-http-client-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await createTestAuthority(folder)
  const pair = await authority.issue('api', ['api.test', 'localhost'])
  const seen: IncomingMessage[] = []
  const server = createTlsServer(
    { cert: readFileSync(pair.cert), key: readFileSync(pair.key) },
    (request, response) => {
      seen.push(request)
      handle(request, response)
    },
  )
  server.on('tlsClientError', () => undefined)
  return { port: await listen(t, server), ca: readFileSync(authority.file, 'utf8'), seen }
}

/** A resolver that answers with the next list each time, the last one for ever; `asked` counts. */
function resolver(...answers: string[][]) {
  const state = { asked: 0 }
  const lookup = ((_host: string, _options: object, done: (error: null, found: unknown) => void) => {
    const addresses = answers[Math.min(state.asked++, answers.length - 1)] ?? []
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }) as unknown as typeof dnsLookup
  return { lookup, state }
}

const coded = (code: ErrorCode, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MayflyError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  assert.ok(!/[\r\n]/.test(error.message))
  return true
}
const get = (url: string, more: Partial<HttpQuestion> = {}): HttpQuestion => ({ method: 'GET', url, ...more })

test('a name that leads to a local address is not dialled, also if it leads elsewhere the next time', async (t) => {
  const { port, seen } = await startTls(t)
  for (const address of [
    '127.0.0.1',
    '::1',
    '169.254.169.254',
    '0.0.0.0',
    '::ffff:127.0.0.1',
    'fe80::1',
    'fd00:ec2::254',
  ]) {
    const { lookup, state } = resolver([address], ['127.0.0.1'])
    await assert.rejects(
      createHttpClient({ lookup }).ask(get(`https://api.test:${port}/`)),
      coded('denied', /^api\.test is at .*a local address: name that address/),
    )
    assert.equal(state.asked, 1, 'what was checked is what would be dialled: nobody asks again')
  }
  await assert.rejects(
    createHttpClient({ lookup: resolver([]).lookup }).ask(get('https://api.test/')),
    coded('denied', /no address/),
  )
  assert.equal(seen.length, 0)
})

test('of several addresses only those that may be dialled are; a private one may, since configuration names its host', async (t) => {
  const { port, ca, seen } = await startTls(t)
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address
  const { lookup } = resolver(['127.0.0.1', own ?? '192.0.2.1'])
  // Nothing listens at this machine's other address: who came to the server came by the address that is forbidden.
  await assert.rejects(
    createHttpClient({ lookup }).ask(get(`https://api.test:${port}/`, { ca, timeoutMs: 500 })),
    coded('upstream_unreachable', /^api\.test does not answer/),
  )
  assert.equal(seen.length, 0)
})

test('localhost is this machine, whatever a resolver says', async (t) => {
  const { lookup } = resolver(['192.0.2.7'])
  await assert.rejects(
    createHttpClient({ lookup }).ask(get('http://localhost:9/')),
    coded('denied', /localhost is at 192\.0\.2\.7, and is to be this machine/),
  )
  const port = await listen(
    t,
    createServer((_, response) => void response.end('here')),
  )
  const here = createHttpClient({ lookup: resolver(['192.0.2.7', '127.0.0.1']).lookup })
  assert.equal(String((await here.ask(get(`http://localhost:${port}/`))).body), 'here')
})

test('in the clear only to this machine', async (t) => {
  const port = await listen(
    t,
    createServer((request, response) => void response.end(request.headers.host)),
  )
  const client = createHttpClient()
  for (const url of [
    'http://api.test/',
    'http://192.0.2.1/',
    'http://[::ffff:127.0.0.1]/',
    'http://127.evil.test/',
  ])
    await assert.rejects(client.ask(get(url)), coded('denied', /in the clear: use https/))
  await assert.rejects(
    client.ask(get('http://127.0.0.1/', { dial: { address: '192.0.2.1', port: 80 } })),
    coded('denied', /in the clear/),
  )
  const answer = await client.ask(get('http://api.test/x', { dial: { address: '127.0.0.1', port } }))
  assert.equal(String(answer.body), 'api.test')
})

test('a body without a length that we cut is no whole one', async (t) => {
  const port = await listen(
    t,
    createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nthe beginning')
    }),
  )
  await assert.rejects(
    createHttpClient().ask(get(`http://127.0.0.1:${port}/`, { timeoutMs: 200 })),
    coded('upstream_unreachable', /not within 0\.2 s/),
  )
})

test('IPv6 by address', async (t) => {
  const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === '::1'))
  if (!hasIpv6) return t.skip('this machine has no ::1')
  const server = createServer((request, response) => void response.end(request.headers.host))
  const port = await listen(t, server, '::1')
  const { body } = await createHttpClient().ask(get(`http://[::1]:${port}/`))
  assert.equal(String(body), `[::1]:${port}`)
})

test('the certificate is the host’s, at whatever address; `ca` is trusted beside the system’s', async (t) => {
  const { port, ca } = await startTls(t)
  const client = createHttpClient()
  const dial = { address: '127.0.0.1', port }
  assert.equal(String((await client.ask(get('https://api.test/', { dial, ca }))).body), 'hello')
  const unknown = client.ask(get('https://api.test/', { dial }))
  await assert.rejects(unknown, coded('upstream_unreachable', /api\.test does not answer: .*certificate/))
  await assert.rejects(unknown, Unsent)
  await assert.rejects(
    client.ask(get('https://other.test/', { dial, ca })),
    coded('upstream_unreachable', /other\.test.*does not match/),
  )
  // `localhost` is a name of the certificate and the address that is dialled is not: what counts is the URL.
  await assert.rejects(
    client.ask(get('https://192.0.2.1/', { dial: { address: 'localhost', port }, ca })),
    coded('upstream_unreachable', /192\.0\.2\.1/),
  )
})

test('a redirect, an error and an empty answer are answers; nothing is followed', async (t) => {
  let asked = 0
  const port = await listen(
    t,
    createServer((request, response) => {
      asked++
      const status = Number(request.url?.slice(1))
      response.writeHead(status, { location: `http://127.0.0.1:${port}/200` }).end()
    }),
  )
  for (const status of [200, 204, 301, 302, 307, 308, 404, 500]) {
    const answer = await createHttpClient().ask(get(`http://127.0.0.1:${port}/${status}`))
    assert.deepEqual([answer.status, answer.body.length], [status, 0])
  }
  assert.equal(asked, 8)
})

test('what is sent is what was said: method, headers, body and its length', async (t) => {
  const port = await listen(
    t,
    createServer(async (request, response) => {
      const body = (await request.toArray()).join('')
      const { 'content-length': length, 'x-a': a, 'accept-encoding': encoding } = request.headers
      response.end(JSON.stringify([request.method, request.url, body, length, a, encoding]))
    }),
  )
  const url = `http://127.0.0.1:${port}/a%20b?c=d`
  const { body } = await createHttpClient().ask({
    method: 'PUT',
    url,
    headers: { 'x-a': 'b' },
    body: 'hüllo',
  })
  assert.deepEqual(JSON.parse(String(body)), ['PUT', '/a%20b?c=d', 'hüllo', '6', 'b', 'identity'])
  await assert.rejects(
    createHttpClient().ask({ method: 'PUT', url, headers: { 'x-a': 'planted\r\nx-b: c' } }),
    (error) => coded('bad_input', /no HTTP/)(error) && !String(error).includes('planted'),
  )
})

test('too long, too slow, nobody, and what is no HTTP end in one line', async (t) => {
  const big = createServer((_, response) => void response.end(Buffer.alloc(2_000_000)))
  const slow = createServer((request, response) => {
    if (request.url === '/never') return
    response.write('a bit')
  })
  const [bigPort, slowPort] = [await listen(t, big), await listen(t, slow)]
  const client = createHttpClient()
  await assert.rejects(
    client.ask(get(`http://127.0.0.1:${bigPort}/`)),
    coded('limit_exceeded', /more than 1048576 bytes/),
  )
  for (const path of ['never', 'in-the-middle'])
    await assert.rejects(
      client.ask(get(`http://127.0.0.1:${slowPort}/${path}`, { timeoutMs: 200 })),
      (error) =>
        !(error instanceof Unsent) &&
        coded('upstream_unreachable', /127\.0\.0\.1 does not answer: not within 0\.2 s$/)(error) &&
        messageOf(error).endsWith('not within 0.2 s'),
    )
  await assert.rejects(client.ask(get('http://127.0.0.1:1/')), coded('upstream_unreachable', /ECONNREFUSED/))
  for (const [name, { bytes, close }] of Object.entries(hostileAnswers)) {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.write(bytes, 'latin1')
      if (close === true) socket.end()
    })
    const port = await listen(t, server)
    const answer = await client
      .ask(get(`http://127.0.0.1:${port}/`, { timeoutMs: 300 }))
      .catch((error: unknown) => error)
    if (answer instanceof Error) coded('upstream_unreachable', /^127\.0\.0\.1 does not answer/)(answer)
    else assert.ok((answer as { status: number }).status >= 0, name)
  }
})

test('of a URL that is none no more is said than its host', async () => {
  const client = createHttpClient()
  for (const url of [
    '',
    'planted',
    'ftp://a.test/planted',
    'https://a b/planted',
    'https://%00/planted?planted',
    'https://u:planted@a.test/',
  ])
    await assert.rejects(
      client.ask(get(url)),
      (error) => coded('bad_input', /./)(error) && !String(error).includes('planted'),
      url,
    )
})

test('by way of a proxy TLS is the host’s; what is local or dialled is reached directly', async (t) => {
  const { port, ca, seen } = await startTls(t)
  const asked: string[] = []
  const client = createHttpClient({
    lookup: resolver(['127.0.0.1']).lookup,
    async tunnel(host, to) {
      asked.push(`${host}:${to}`)
      const socket = connect(port, '127.0.0.1')
      await new Promise((done) => socket.once('connect', done))
      return socket
    },
  })
  assert.equal(String((await client.ask(get('https://api.test/', { ca }))).body), 'hello')
  await assert.rejects(
    client.ask(get('https://other.test:8443/', { ca })),
    coded('upstream_unreachable', /does not match/),
  )
  await client.ask(get(`https://localhost:${port}/`, { ca }))
  await client.ask(get('https://api.test/', { ca, dial: { address: '127.0.0.1', port } }))
  assert.deepEqual([asked, seen.length], [['api.test:443', 'other.test:8443'], 3])
  const stuck = createHttpClient({ tunnel: () => new Promise(() => undefined) })
  await assert.rejects(
    stuck.ask(get('https://api.test/', { timeoutMs: 100 })),
    coded('upstream_unreachable', /not within 0\.1 s/),
  )
  const refused = new MayflyError('upstream_unreachable', 'the proxy says no')
  const failing = createHttpClient({ tunnel: async () => Promise.reject(refused) })
  await assert.rejects(failing.ask(get('https://api.test/')), refused)
})
