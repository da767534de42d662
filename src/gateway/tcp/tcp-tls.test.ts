import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createServer, type TLSSocket } from 'node:tls'
import { createTestAuthority } from '../../../test/certificates.ts'
import { Secret } from '../../lib/index.ts'
import { acceptedIn, compileRules, openWorld } from '../gateway.fixture.ts'

/** A TLS server that speaks only with whoever has a certificate of its company, says who that is, and echoes. */
async function open(t: TestContext, more: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-tcp-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await createTestAuthority(folder)
  const read = ({ cert, key }: { cert: string; key: string }) => ({
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
  })
  const ca = readFileSync(authority.file, 'utf8')
  const pair = read(await authority.issue('server', ['inner.test']))
  const client = read(await authority.issue('gateway', []))
  const names: unknown[] = []
  const server = createServer({ ...pair, ca, requestCert: true, rejectUnauthorized: true }, (socket) => {
    names.push([socket.getPeerCertificate().subject.CN, (socket as { servername?: unknown }).servername])
    socket.on('error', () => undefined).pipe(socket)
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  const world = await openWorld(t)
  const broker = {
    ...{ kind: 'tcp', url: 'tcp://broker.test:8883', tls: 'verify', sni: 'inner.test', ca },
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    client_certificate: { certificate: client.cert, key: 'secret:tls' },
    ...more,
  }
  const { targets, policy } = compileRules({ broker }, ['tcp:connect broker'])
  world.setTargets(targets, policy)
  world.brokers.identities.set('broker', { chain: client.cert, key: new Secret(client.key) })
  const connect = async () => {
    const tunnel = await world.connect('broker.test:8883')
    const trusted = await world.gateway.caCertificate(world.step.session)
    const secure = world.tls(tunnel, { servername: 'broker.test', ca: trusted })
    secure.on('error', () => undefined)
    return secure
  }
  return { world, names, connect }
}

/** However it was closed. */
function closed(socket: TLSSocket): Promise<void> {
  return new Promise((done) => void socket.once('close', () => done()))
}

test('tcp with TLS: each side has its own, and the host sees the gateway’s certificate', async (t) => {
  const { world, names, connect } = await open(t)
  const socket = await connect()
  await once(socket, 'secureConnect')
  socket.write('PING')
  assert.equal(String((await once(socket, 'data'))[0]), 'PING')
  assert.deepEqual(names, [['gateway', 'inner.test']])
  socket.end()
  await closed(socket)
  const [done] = await acceptedIn(world, 'operations.done')
  assert.deepEqual(done, { operation: 'tcp:connect broker', facts: { bytesUp: 4, bytesDown: 4 } })
})

test('tcp with TLS: a host of another name is spoken to by nobody', async (t) => {
  const { world, names, connect } = await open(t, { sni: 'other.test' })
  await closed(await connect())
  assert.deepEqual(names, [])
  assert.match(String(world.audit.ofType('access.denied')[0]?.data['reason']), /other\.test/)
})

test('tcp: what is over max_bytes is cut, and none of the piece that was too much is sent on', async (t) => {
  const { world, connect } = await open(t, { max_bytes: '1KiB' })
  const socket = await connect()
  await once(socket, 'secureConnect')
  socket.write(Buffer.alloc(1024))
  let bytes = 0
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
  while (bytes < 1024) await once(socket, 'data')
  socket.write('x')
  await closed(socket)
  assert.equal(bytes, 1024)
  assert.match(
    String(world.audit.ofType('access.denied')[0]?.data['reason']),
    /client has sent more than max_bytes/,
  )
})

test('what only TLS has is refused without it', () => {
  const plain = { kind: 'tcp', url: 'tcp://broker.test:8883' }
  const more = [{ sni: 'inner.test' }, { client_certificate: { certificate: 'x', key: 'secret:tls' } }]
  for (const one of more)
    assert.throws(() => compileRules({ broker: { ...plain, ...one } }, ['tcp:connect broker']), /tls: verify/)
})
