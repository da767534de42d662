import assert from 'node:assert/strict'
import { createServer, request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from './any-character.fixture.ts'
import { passableHead } from './http-head.ts'

const answer = (statusCode: number, headers: IncomingMessage['headers'], count = 0) => ({
  statusCode,
  headers,
  rawHeaders: Array.from({ length: 2 * count }, () => 'a'),
})

test('a status that ends no request is none, and so are headers past all use', () => {
  for (const status of [0, 42, 99, 100, 101, 199, 600, 999, Number.NaN])
    assert.match(passableHead(answer(status, {})) as string, /status that HTTP does not know/)
  assert.match(passableHead(answer(200, {}, 201)) as string, /more than 200 headers/)
  for (const status of [200, 299, 304, 404, 599])
    assert.deepEqual(passableHead(answer(status, { etag: 'x' })), { status, headers: { etag: 'x' } })
})

test('what is of the hop stays there, also where Connection names it, but never the length', () => {
  const headers = {
    connection: 'close, X-Secret , content-length',
    'x-secret': 'a',
    'keep-alive': 'b',
    'transfer-encoding': 'chunked',
    trailer: 'c',
    upgrade: 'd',
    'content-length': '5',
    'content-type': 'e',
  }
  assert.deepEqual(passableHead(answer(200, headers)), {
    status: 200,
    headers: { 'content-length': '5', 'content-type': 'e' },
  })
})

test('whatever passes can be written', async (t) => {
  let headers: Record<string, string> = {}
  const server = createServer((_request, response) => {
    const head = passableHead(answer(200, headers))
    assert.ok(typeof head !== 'string')
    for (const [name, value] of Object.entries(head.headers)) response.setHeader(name, value)
    response.end()
  })
  server.listen(0)
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const text = fc.oneof(fc.string(), fc.string({ unit: anyCharacter }))
  await fc.assert(
    fc.asyncProperty(fc.dictionary(text, text, { maxKeys: 5 }), async (some) => {
      headers = { ...some, 'content-length': '0' }
      const [got] = (await once(request({ port, agent: false }).end(), 'response')) as [IncomingMessage]
      got.resume()
      assert.equal(got.statusCode, 200)
    }),
    { numRuns: 100 },
  )
})
