import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test, type TestContext } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { compileRules, openWorld, until } from './gateway.fixture.ts'
import { startUpstream } from './upstream.fixture.ts'
import { readable } from './reflection.ts'

const host = 'api.test'
// What the fixture's broker leases.
const password = 'for-api'
const basic = Buffer.from(`injected:${password}`).toString('base64')

async function apiWorld(t: TestContext, more: Record<string, unknown> = {}) {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  const api = { kind: 'http', url: `https://${host}`, dial: `127.0.0.1:${upstream.port}`, ca: upstream.ca }
  const rules = compileRules({ api: { ...api, credential: { basic: 'secret:api' }, ...more } }, [
    'http:call api/*',
  ])
  world.setTargets(rules.targets, rules.policy)
  const ask = (path = '/x', headers = '') =>
    world.ask(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`, {
      authority: `${host}:443`,
    })
  const answers = (handle: (request: IncomingMessage, response: ServerResponse) => void) =>
    (upstream.handle = handle)
  return { world, upstream, ask, answers }
}

const reflections: readonly (readonly [string, string])[] = [
  ['as it was sent', `echo: Basic ${basic}`],
  ['decoded', `hello injected:${password}!`],
  ['the password alone', `password=${password}.`],
  ['in hex', Buffer.from(`injected:${password}`).toString('hex')],
  ['escaped for a URL', encodeURIComponent(`injected:${password}`)],
  ['in JSON', JSON.stringify({ headers: { authorization: `Basic ${basic}` } })],
  ['base64 of base64', Buffer.from(basic).toString('base64')],
]
for (const [what, text] of reflections)
  test(`an answer that reflects the credential is cut: ${what}, whole and byte by byte`, async (t) => {
    const { ask, answers, world } = await apiWorld(t)
    for (const whole of [true, false]) {
      answers((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' })
        if (whole) return void response.end(text)
        for (const byte of Buffer.from(text)) response.write(Buffer.of(byte))
        response.end()
      })
      const { head, body } = await ask()
      assert.doesNotMatch(`${head}${body}`, /for-api/)
      assert.ok(!body.includes(basic) && !body.includes(text))
    }
    assert.match(
      JSON.stringify(world.audit.ofType('access.denied')[0]?.data),
      /holds the credential of connection \\"api\\"/,
    )
  })

test('in each encoding that a client may ask for, and in headers', async (t) => {
  const { ask, answers } = await apiWorld(t)
  const text = `${'x'.repeat(10_000)} ${password} ${'y'.repeat(10_000)}`
  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    answers(
      (_request, response) =>
        void response.writeHead(200, { 'content-encoding': encoding }).end(compress(text)),
    )
    const answer = await ask('/x', `Accept-Encoding: ${encoding}\r\n`)
    assert.doesNotMatch(`${answer.head}${answer.body}`, /for-api|y{100}/, encoding)
  }
  answers((_request, response) => void response.writeHead(200, { 'x-echo': `Basic ${basic}` }).end('fine'))
  const answer = await ask()
  assert.equal(answer.status, 502)
  assert.ok(!answer.head.includes(basic))
  answers((_request, response) => void response.writeHead(302, { location: `/y?t=${password}` }).end())
  assert.doesNotMatch((await ask()).head, /for-api/)
})

test('other answers pass byte for byte, decoded, large ones too', async (t) => {
  const { ask, answers, upstream } = await apiWorld(t)
  const text = 'a line of text, and Basic words\n'.repeat(100_000)
  answers(
    (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(text)),
  )
  const answer = await ask('/x', 'Accept-Encoding: gzip, sdch, br;q=0.5\r\n')
  assert.equal(answer.status, 200)
  assert.doesNotMatch(answer.head, /content-encoding/i)
  assert.ok(
    answer.body.includes(text) ||
      answer.body.replaceAll(/\r\n[0-9a-f]+\r\n/g, '').includes(text.slice(0, 1_000)),
  )
  assert.equal(upstream.seen[0]?.headers['accept-encoding'], 'gzip, br;q=0.5')
})

test('what nobody can look into is refused, unless the connection says that it may pass', async (t) => {
  for (const opaque of [false, true]) {
    const { ask, answers } = await apiWorld(t, opaque ? { opaque: true } : {})
    answers((_request, response) => void response.writeHead(200, { 'content-encoding': 'secret' }).end('??'))
    const { status, body } = await ask()
    assert.equal(status, opaque ? 200 : 502)
    if (!opaque) assert.match(body, /write "opaque: true"/)
    answers(
      (_request, response) =>
        void response
          .writeHead(206, { 'content-encoding': 'gzip', 'content-range': 'bytes 0-1/10' })
          .end(gzipSync('x').subarray(0, 2)),
    )
    assert.equal((await ask('/x', 'Range: bytes=0-1\r\n')).status, opaque ? 206 : 502)
  }
})

test('a slow answer is not held back', async (t) => {
  const { answers, world } = await apiWorld(t)
  answers((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: injected is not all of it\n\n')
  })
  const tls = await world.secure({ authority: `${host}:443` })
  let seen = ''
  tls.on('data', (chunk: Buffer) => (seen += chunk.toString()))
  tls.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  // In chunks of its own.
  await until(() => seen.includes('it\n\n'))
})

test('what a request asks for can be taken off again', () => {
  const of = (headers: Record<string, string>, opaque = false) => readable(headers, opaque)['accept-encoding']
  assert.equal(of({}), undefined)
  assert.equal(of({ 'accept-encoding': 'gzip, compress, dcb, br' }), 'gzip, br')
  assert.equal(of({ 'accept-encoding': 'compress' }), 'identity')
  const part = { 'accept-encoding': 'gzip', range: 'bytes=0-1', 'if-range': '"e"' }
  assert.equal(of(part, true), 'identity')
  assert.equal(of(part), 'gzip')
  assert.deepEqual(
    [readable(part, false)['range'], readable(part, false)['if-range']],
    [undefined, undefined],
  )
})

test('piece by piece the credential does not come either: a part is cut out of a whole that was looked through', async (t) => {
  const { ask, answers, upstream } = await apiWorld(t)
  const own = () => String(upstream.seen.at(-1)?.headers.authorization)
  answers((_request, response) => {
    const text = `you sent ${own()} to us, and this is what comes behind it`
    response.writeHead(200, { 'content-length': text.length }).end(text)
  })
  const pieces: string[] = []
  for (let at = 0; at < 60; at += 8) {
    const { head, body } = await ask('/x', `Range: bytes=${at}-${at + 7}\r\n`).catch(() => ({
      head: '',
      body: '',
    }))
    if (/ 206 /.test(head)) pieces.push(body)
  }
  assert.equal(
    upstream.seen.some(({ headers }) => headers.range !== undefined),
    false,
  )
  assert.ok(!pieces.join('').includes(own().slice(6, 14)), pieces.join('|'))
  answers((_request, response) => void response.writeHead(200, { 'content-length': 10 }).end('0123456789'))
  const { status, head, body } = await ask('/x', 'Range: bytes=2-4\r\n')
  assert.deepEqual([status, body], [206, '234'])
  assert.match(head, /content-range: bytes 2-4\/10/i)
})
