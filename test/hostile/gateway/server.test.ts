import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { limits } from '../../../src/lib/index.ts'
import { openServer } from '../../../src/server/server.fixture.ts'

/** Sends it raw and gives back the head of the answer. */
function send(base: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1')
    let got = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      got += chunk
      if (!got.includes('\r\n\r\n')) return
      socket.destroy()
      resolve(got)
    })
    socket.on('error', () => undefined).on('close', () => resolve(got))
    socket.write(text)
  })
}

const head = (method: string, path: string, length: number, type = 'application/json') =>
  `${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`

test('who may not send a body is told so before it is read', async (t) => {
  const { url: base } = await openServer(t)
  for (const [method, path, type] of [
    ['PUT', '/v1/steps/stp_1/lockfiles', 'text/plain'],
    ['POST', '/v1/steps', 'application/json'],
    ['POST', '/v1/steps/stp_1/finish', 'application/json'],
    ['PUT', '/v1/policy', 'application/json'],
    ['POST', '/nowhere', 'application/json'],
    ['POST', '/oauth/renew', 'application/json'],
    ['POST', '/oauth/introspect', 'application/x-www-form-urlencoded'],
  ] as const) {
    // Only the head is sent: whoever waits for the body does not answer.
    const got = await send(base, head(method, path, 10_000, type))
    assert.match(got, /^HTTP\/1\.1 (?:401|404) /, `${method} ${path}`)
  }
})

test('a body that is longer than its route takes is refused by what it says of itself', async (t) => {
  const { url: base } = await openServer(t)
  for (const type of ['application/x-www-form-urlencoded', 'application/json']) {
    const got = await send(base, head('POST', '/oauth/token', limits.smallBodyBytes + 1, type))
    assert.match(got, /^HTTP\/1\.1 413 [\s\S]*longer than this route takes/)
  }
})

test('a form of very many parameters is refused, and nobody waits for it', async (t) => {
  const { url: base, call } = await openServer(t)
  const body = Array.from({ length: 20_000 }, (_, i) => i.toString(36)).join('&')
  const type = 'application/x-www-form-urlencoded'
  const got = await send(base, `${head('POST', '/oauth/token', body.length, type)}${body}`)
  assert.match(got, /^HTTP\/1\.1 413 [\s\S]*at most 50 parameters/)
  assert.equal((await call('GET', '/healthz')).status, 200)
})

test('a request of very many headers is refused', async (t) => {
  const { url: base } = await openServer(t)
  const headers = Array.from({ length: 200 }, (_, i) => `x-${i}: y\r\n`).join('')
  const got = await send(base, `GET /healthz HTTP/1.1\r\nhost: x\r\n${headers}\r\n`)
  assert.match(got, /^HTTP\/1\.1 431 [\s\S]*more than 100 headers/)
})
