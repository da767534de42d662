import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { lookup as dnsLookup } from 'node:dns'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createTestAuthority } from '../../../test/certificates.ts'
import { Secret, type ErrorCode, MayflyError } from '../../lib/index.ts'
import { compileRules, openWorld } from '../gateway.fixture.ts'
import { createEgressGuard } from './guard.ts'
import { connectThrough } from './proxy-connect.ts'
import { startProxy } from './proxy.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'

const pair = 'gateway:pro:xy-pass'

/** Names that DNS knows; asked for any other it fails. */
const names: Readonly<Record<string, string>> = {
  'api.test': '198.51.100.7',
  'cdn.example.org': '93.184.216.34',
  'rebind.example.org': '169.254.169.254',
  'inner.example.org': '10.0.0.9',
  localhost: '127.0.0.1',
}

const lookup = ((host: string, _options: object, callback: (error: Error | null, found: unknown) => void) => {
  const address = names[host]
  if (address === undefined) callback(new Error(`getaddrinfo ENOTFOUND ${host}`), [])
  else callback(null, [{ address, family: 4 }])
}) as unknown as typeof dnsLookup

const api = { kind: 'http', url: 'https://api.test', credential: { bearer: 'secret:api' } }

function targetsWith(proxy: object, connections: Record<string, unknown> = {}) {
  return compileRules({ api, ...connections }, ['http:get api/*'], ['*.example.org:443'], {}, proxy)
}

function guardBy(proxy: object) {
  const { targets } = targetsWith(proxy)
  return createEgressGuard({
    lookup,
    proxy: () => targets.proxy,
    openSecret: async (name) => new Secret(name === 'proxy' ? pair : 'no pair'),
  })
}

/** Says hello to whoever comes, and echoes. */
async function startEcho(t: TestContext): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write('hello ')
    socket.pipe(socket)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

async function echoed(socket: Socket): Promise<string> {
  let text = ''
  socket.write('you')
  for await (const chunk of socket) if ((text += String(chunk)).length >= 'hello you'.length) break
  return text
}

const at = (host: string) => ({ host, port: 443 })
const coded = (code: ErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof MayflyError && error.code === code && message.test(error.message)

test('through a proxy: it is given the address that was checked, and its own credential; the host’s goes to the host alone', async (t) => {
  const upstream = await startUpstream(t, 'api.test')
  const proxy = await startProxy(t)
  proxy.password = pair
  proxy.routes.set('198.51.100.7:443', upstream.port)
  const config = { url: `http://127.0.0.1:${proxy.port}`, credential: { basic: 'secret:proxy' } }
  const { targets, policy } = targetsWith(config, { api: { ...api, ca: upstream.ca } })
  const world = await openWorld(t, { guard: guardBy(config) })
  world.setTargets(targets, policy)
  const { status, body } = await world.ask(
    'GET /v1 HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: Basic bWluZQ==\r\nConnection: close\r\n\r\n',
    { authority: 'api.test:443' },
  )
  assert.equal(status, 200)
  assert.match(body, /upstream says hello/)
  const [head] = proxy.heads
  assert.match(head ?? '', /^CONNECT 198\.51\.100\.7:443 HTTP\/1\.1\r\n/)
  assert.ok(!/bWluZQ|authorization: bearer/i.test(head ?? ''))
  assert.match(String(upstream.seen[0]?.headers.authorization), /^Basic aW5q/)
  assert.equal(upstream.seen[0]?.headers['proxy-authorization'], undefined)
})

test('a proxy that resolves is given names; none that is known to lead inside, none of its own machine, and no such address', async (t) => {
  const proxy = await startProxy(t)
  const port = await startEcho(t)
  proxy.routes.set('only-there.example.org:443', port)
  const guard = guardBy({ url: `http://127.0.0.1:${proxy.port}`, resolve: 'proxy' })
  const order: string[] = []
  const socket = await guard.dial(
    at('only-there.example.org'),
    async () => void order.push(`recorded, ${proxy.heads.length} asked`),
  )
  assert.equal(await echoed(socket), 'hello you')
  assert.deepEqual(order, ['recorded, 0 asked'])
  assert.equal(proxy.heads.length, 1)
  for (const host of [
    'rebind.example.org',
    'inner.example.org',
    '10.0.0.9',
    '127.0.0.1',
    '169.254.169.254',
    'localhost',
    'api.localhost',
    'metadata.google.internal',
  ])
    await assert.rejects(
      guard.dial(at(host)),
      (error) => error instanceof MayflyError && error.code === 'denied',
      host,
    )
  assert.equal(proxy.heads.length, 1)
})

test('where the gateway resolves, a name without a public address does not reach the proxy', async (t) => {
  const proxy = await startProxy(t)
  const guard = guardBy({ url: `http://127.0.0.1:${proxy.port}` })
  for (const [host, code] of [
    ['rebind.example.org', 'denied'],
    ['inner.example.org', 'denied'],
    ['unknown.example.org', 'upstream_unreachable'],
  ] as const)
    await assert.rejects(guard.dial(at(host)), coded(code, /example\.org/), host)
  await assert.rejects(
    guard.dial(at('cdn.example.org'), async () => {
      throw new MayflyError('audit_unavailable', 'the log is down')
    }),
    coded('audit_unavailable', /down/),
  )
  assert.deepEqual(proxy.heads, [])
})

test('no_proxy, a dial address and this machine are reached directly', async (t) => {
  const proxy = await startProxy(t)
  const port = await startEcho(t)
  const config = {
    url: `http://127.0.0.1:${proxy.port}`,
    no_proxy: ['*.example.org', '203.0.113.0/24', 'git.corp'],
  }
  const { targets } = targetsWith(config)
  const isDirect = (host: string) => targets.proxy?.isDirect(host)
  assert.deepEqual(
    [
      'a.example.org',
      'a.b.example.org',
      '203.0.113.9',
      'git.corp',
      'example.org',
      'aexample.org',
      'x.git.corp',
      '203.0.114.9',
    ].map(isDirect),
    [true, true, true, true, false, false, false, false],
  )
  const guard = guardBy(config)
  const [connection] = compileRules({ api: { ...api, dial: `127.0.0.1:${port}` } }, ['http:get api/*'])
    .targets.connections
  const own = compileRules({ api: { ...api, url: `https://127.0.0.1:${port}` } }, ['http:get api/*']).targets
    .connections[0]
  for (const one of [connection, own]) {
    assert.ok(one !== undefined)
    const socket = await guard.dial({ host: one.host, port: one.port, connection: one })
    assert.equal(await echoed(socket), 'hello you')
  }
  assert.deepEqual(proxy.heads, [])
})

const answers: readonly (readonly [said: string | undefined, error: RegExp])[] = [
  [undefined, /does not connect to 93\.184\.216\.34:443 \(403\).*resolve: proxy/],
  [
    'HTTP/1.1 407 Give me\r\nX: cHJvOnh5\r\n\r\n',
    /wants a credential \(407\): name one as egress_proxy\.credential/,
  ],
  ['HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad', /\(502\)/],
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', /\(100\)/],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', /has a body/],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /has a body/],
  ['SSH-2.0-OpenSSH_9.2\r\n', /Parse Error/],
  [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`, /overflow/i],
]

test('what a proxy answers is read strictly; its error names it, and none of its words reach the step', async (t) => {
  const proxy = await startProxy(t)
  const guard = guardBy({ url: `http://127.0.0.1:${proxy.port}` })
  for (const [said, expected] of answers) {
    proxy.say = said
    await assert.rejects(guard.dial(at('cdn.example.org')), (error) => {
      assert.ok(error instanceof MayflyError && error.code === 'upstream_unreachable')
      assert.match(error.message, expected)
      assert.ok(
        error.message.startsWith(`the proxy http://127.0.0.1:${proxy.port} (egress_proxy): `),
        error.message,
      )
      return !error.message.includes('cHJvOnh5')
    })
  }
  const wrong = guardBy({ url: `http://127.0.0.1:${proxy.port}`, credential: { basic: 'secret:proxy' } })
  proxy.say = undefined
  proxy.password = 'another:one'
  await assert.rejects(
    wrong.dial(at('cdn.example.org')),
    coded('upstream_unreachable', /refuses the credential in secret "proxy" \(407\)/),
  )
  const malformed = guardBy({ url: `http://127.0.0.1:${proxy.port}`, credential: { basic: 'secret:other' } })
  await assert.rejects(
    malformed.dial(at('cdn.example.org')),
    coded('upstream_unreachable', /secret "other" is not user:password/),
  )
  const gone = guardBy({ url: 'http://127.0.0.1:1' })
  await assert.rejects(
    gone.dial(at('cdn.example.org')),
    coded('upstream_unreachable', /the proxy http:\/\/127\.0\.0\.1:1 .*ECONNREFUSED/),
  )
})

test('a proxy by https:// is spoken to by TLS, TLS to the host within; one of another authority is not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-proxy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await createTestAuthority(folder)
  const files = await authority.issue('proxy', ['localhost'])
  const proxy = await startProxy(t, {
    key: readFileSync(files.key, 'utf8'),
    cert: readFileSync(files.cert, 'utf8'),
  })
  const upstream = await startUpstream(t, 'api.test')
  proxy.routes.set('198.51.100.7:443', upstream.port)
  const config = { url: `https://localhost:${proxy.port}`, ca: readFileSync(authority.file, 'utf8') }
  const { targets, policy } = targetsWith(config, { api: { ...api, ca: upstream.ca } })
  const world = await openWorld(t, { guard: guardBy(config) })
  world.setTargets(targets, policy)
  const asked = 'GET /v1 HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n'
  assert.match((await world.ask(asked, { authority: 'api.test:443' })).body, /upstream says hello/)
  const stranger = guardBy({ url: config.url })
  await assert.rejects(
    stranger.dial(at('cdn.example.org')),
    coded(
      'upstream_unreachable',
      /the proxy https:\/\/localhost:\d+ \(egress_proxy\): .*(?:certificate|self-signed)/,
    ),
  )
  assert.equal(proxy.heads.length, 1)
})

/** Free for a moment: tinyproxy takes a number only. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const hasTinyproxy = spawnSync('tinyproxy', ['-v']).error === undefined

test(
  'tinyproxy, with a password',
  { skip: hasTinyproxy ? false : 'tinyproxy is not installed' },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-tinyproxy-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const [echo, port] = [await startEcho(t), await freePort()]
    const config = join(folder, 'tinyproxy.conf')
    const lines = [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Timeout 20',
      'MaxClients 5',
      'Allow 127.0.0.1',
      'BasicAuth gateway pro-xy',
      `ConnectPort ${echo}`,
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
    const child = spawn('tinyproxy', ['-d', '-c', config], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    await listening(port)
    // The guard would dial this machine directly: what is tried here is how tinyproxy is asked.
    const through = async (password: string, host: string) => {
      const { proxy } = targetsWith({
        url: `http://127.0.0.1:${port}`,
        credential: { basic: 'secret:proxy' },
      }).targets
      assert.ok(proxy !== undefined)
      const tcp = connect(port, '127.0.0.1')
      const to = { host, port: echo, within: { ms: 20_000, message: 'too long' } }
      const shown = `Basic ${Buffer.from(`gateway:${password}`).toString('base64')}`
      return connectThrough(proxy, tcp, to, new Secret(shown))
    }
    assert.equal(await echoed(await through('pro-xy', '127.0.0.1')), 'hello you')
    await assert.rejects(
      through('wrong', '127.0.0.1'),
      coded('upstream_unreachable', /does not connect to 127\.0\.0\.1:\d+ \(401\)|refuses the credential/),
    )
    await assert.rejects(
      through('pro-xy', 'nowhere.invalid'),
      coded('upstream_unreachable', /does not connect to nowhere\.invalid/),
    )
  },
)

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (isThere) return
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error('tinyproxy does not listen')
}
