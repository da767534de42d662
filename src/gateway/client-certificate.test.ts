import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createTestAuthority } from '../../test/certificates.ts'
import { Secret } from '../lib/index.ts'
import { compileRules, openWorld } from './gateway.fixture.ts'

const hosts = ['one.test', 'two.test', 'bare.test', 'wrong.test'] as const

/** A TLS server that asks for a client certificate of its company; `required`: it speaks with nobody else. */
async function startAsking(
  t: TestContext,
  pair: { key: string; cert: string; ca: string },
  required: boolean,
) {
  const seen: string[] = []
  const server = createServer(
    { ...pair, requestCert: true, rejectUnauthorized: required },
    ({ socket }, response) => {
      const { subject } = (socket as TLSSocket).getPeerCertificate()
      const name = subject === undefined ? 'nobody' : String(subject.CN)
      seen.push(name)
      response.end(name)
    },
  )
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { seen, dial: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-mtls-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await createTestAuthority(folder)
  const others = await createTestAuthority(join(folder, 'others'))
  const read = ({ cert, key }: { cert: string; key: string }) => ({
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
  })
  const ca = readFileSync(authority.file, 'utf8')
  const server = { ...read(await authority.issue('server', hosts)), ca }
  const [strict, lax] = [await startAsking(t, server, true), await startAsking(t, server, false)]
  const ours = read(await authority.issue('gateway', []))
  const wrong = read(await others.issue('stranger', []))
  const world = await openWorld(t)
  const connect = (host: string, dial: string, more: object = {}) => ({
    ...{ kind: 'http', url: `https://${host}`, dial, ca },
    ...more,
  })
  const client = (cert: string) => ({ client_certificate: { certificate: cert, key: 'secret:tls' } })
  const apply = (one: { cert: string; key: string }) => {
    const rules = compileRules(
      {
        one: connect('one.test', strict.dial, client(one.cert)),
        two: connect('two.test', lax.dial, { credential: { bearer: 'secret:two' } }),
        bare: connect('bare.test', strict.dial),
        wrong: connect('wrong.test', strict.dial, client(wrong.cert)),
      },
      ['http:get one/*', 'http:get two/*', 'http:get bare/*', 'http:get wrong/*'],
    )
    world.setTargets(rules.targets, rules.policy)
    world.brokers.identities.set('one', { chain: one.cert, key: new Secret(one.key) })
  }
  apply(ours)
  const renew = async () => apply(read(await authority.issue('renewed', [])))
  world.brokers.identities.set('wrong', { chain: wrong.cert, key: new Secret(wrong.key) })
  const ask = (host: (typeof hosts)[number]) =>
    world.ask(`GET /x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, { authority: `${host}:443` })
  return { world, strict, lax, ask, renew }
}

test('a host that asks for a client certificate has that of its connection; no other host has it', async (t) => {
  const { ask, strict, lax } = await open(t)
  for (let i = 0; i < 2; i++) {
    assert.deepEqual([(await ask('one.test')).body, (await ask('two.test')).body], ['gateway', 'nobody'])
  }
  assert.deepEqual(
    [strict.seen, lax.seen],
    [
      ['gateway', 'gateway'],
      ['nobody', 'nobody'],
    ],
  )
})

test('a host that asks for one and is given none, or one that it does not trust: the step is told so', async (t) => {
  const { ask, strict } = await open(t)
  const [bare, wrong] = [await ask('bare.test'), await ask('wrong.test')]
  assert.deepEqual([bare.status, wrong.status], [502, 502])
  assert.match(
    bare.body,
    /connection "bare".*asks for a client certificate.*client_certificate|ECONNRESET|EPIPE/,
  )
  assert.match(wrong.body, /connection "wrong".*refuse[ds]* the client certificate/)
  assert.deepEqual(strict.seen, [])
})

test('without a lease nothing is sent to a host whose connection has a client certificate', async (t) => {
  const { ask, strict, world } = await open(t)
  world.brokers.identities.clear()
  const { status, body } = await ask('one.test')
  assert.equal(status, 502)
  assert.match(body, /holds no client certificate/)
  assert.deepEqual(strict.seen, [])
})

test('a certificate that is renewed in the policy is shown from the next request on, also by a step that runs', async (t) => {
  const { ask, strict, renew } = await open(t)
  assert.equal((await ask('one.test')).body, 'gateway')
  await renew()
  assert.equal((await ask('one.test')).body, 'renewed')
  assert.deepEqual(strict.seen, ['gateway', 'renewed'])
})
