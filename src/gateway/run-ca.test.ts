import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { TLSSocket, connect, type PeerCertificate } from 'node:tls'
import { systemClock } from '../lib/index.ts'
import { createRunCa, type RunCa } from './run-ca.ts'

const hourMs = 3_600_000
const open = (expiresMs = systemClock.nowMs() + hourMs) =>
  createRunCa({ runId: 'run_test', expiresMs, clock: systemClock })

/** A server that presents what the CA made for `host`; a client that trusts `ca` and asks for `name`. */
async function shake(
  t: TestContext,
  from: RunCa,
  host: string,
  ca: string,
  name: string,
): Promise<{ error: string } | { peer: PeerCertificate; leaf: X509Certificate }> {
  const secureContext = await from.contextFor(host)
  const server = createServer((socket) =>
    new TLSSocket(
      socket.on('error', () => undefined),
      { isServer: true, secureContext },
    ).on('error', () => undefined),
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ca,
    ...(/^[\d.:a-f]+$/.test(name)
      ? { host: '127.0.0.1', checkServerIdentity: undefined }
      : { servername: name }),
  } as never)
  t.after(() => client.destroy())
  try {
    await once(client, 'secureConnect')
    const peer = client.getPeerCertificate(true)
    return { peer, leaf: new X509Certificate(peer.raw) }
  } catch (error) {
    return { error: (error as { code?: string }).code ?? String(error) }
  }
}

test('the host’s certificate verifies under its CA, for that host only', async (t) => {
  const ca = await open()
  const good = await shake(t, ca, 'git.example.com', ca.certificate, 'git.example.com')
  assert.ok('leaf' in good)
  assert.ok(good.leaf.verify(new X509Certificate(ca.certificate).publicKey))
  assert.ok(good.leaf.checkIssued(new X509Certificate(ca.certificate)))
  assert.equal(good.leaf.checkHost('git.example.com'), 'git.example.com')
  for (const other of [
    'example.com',
    'evil.git.example.com',
    'git.example.com.evil.org',
    'git-example.com',
  ]) {
    assert.equal(good.leaf.checkHost(other), undefined)
    assert.deepEqual(await shake(t, ca, 'git.example.com', ca.certificate, other), {
      error: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  }
})

test('another run’s CA does not vouch for it', async (t) => {
  const [ours, theirs] = await Promise.all([open(), open()])
  const result = await shake(t, ours, 'git.example.com', theirs.certificate, 'git.example.com')
  assert.ok('error' in result)
  assert.notEqual(
    new X509Certificate(ours.certificate).serialNumber,
    new X509Certificate(theirs.certificate).serialNumber,
  )
})

test('the CA is one, may make no other CA, and its leaf is none', async (t) => {
  const ca = await open()
  const certificate = new X509Certificate(ca.certificate)
  assert.equal(certificate.ca, true)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.match(certificate.subject, /^CN=Mayfly run_test$/)
  // basicConstraints (2.5.29.19), critical: SEQUENCE { BOOLEAN TRUE, INTEGER 0 }.
  assert.ok(
    certificate.raw.includes(Buffer.from('0603551d130101ff040830060101ff020100', 'hex')),
    'no path length of 0',
  )
  assert.ok(!ca.certificate.includes('PRIVATE'))
  const got = await shake(t, ca, 'git.example.com', ca.certificate, 'git.example.com')
  assert.ok('leaf' in got)
  assert.equal(got.leaf.ca, false)
  assert.deepEqual(got.leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
})

test('an address is in the certificate as an address', async (t) => {
  for (const address of ['127.0.0.1', '::1', '2001:db8::7']) {
    const ca = await open()
    const context = await ca.contextFor(address)
    const server = createServer((socket) =>
      new TLSSocket(
        socket.on('error', () => undefined),
        { isServer: true, secureContext: context },
      ).on('error', () => undefined),
    )
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    t.after(() => server.close())
    const client = connect({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      ca: ca.certificate,
      checkServerIdentity: () => undefined,
    })
    t.after(() => client.destroy())
    await once(client, 'secureConnect')
    const leaf = new X509Certificate(client.getPeerCertificate(true).raw)
    assert.equal(leaf.checkIP(address), address)
    assert.equal(leaf.checkHost(address), undefined)
    assert.equal(leaf.checkIP('10.0.0.1'), undefined)
  }
})

test('it dies with the run and is valid a little before, for clocks that differ', async () => {
  const nowMs = Date.parse('2026-03-01T12:00:00Z')
  const ca = await createRunCa({ runId: 'run_x', expiresMs: nowMs + 900_000, clock: { nowMs: () => nowMs } })
  const { validFromDate, validToDate } = new X509Certificate(ca.certificate)
  assert.equal(validToDate.getTime(), nowMs + 900_000)
  assert.equal(validFromDate.getTime(), nowMs - 600_000)
})

test('a run that has ended is not trusted any more', async (t) => {
  const ca = await open(systemClock.nowMs() - 1000)
  const result = await shake(t, ca, 'git.example.com', ca.certificate, 'git.example.com')
  assert.ok('error' in result && result.error === 'CERT_HAS_EXPIRED', JSON.stringify(result))
})

test('a certificate is made once per host', async () => {
  const ca = await open()
  assert.equal(await ca.contextFor('a.example'), await ca.contextFor('a.example'))
  assert.notEqual(await ca.contextFor('a.example'), await ca.contextFor('b.example'))
})

test('from the same material comes the same authority: a step trusts what another process presents, and no other session’s', async (t) => {
  const deps = { runId: 'run_test', expiresMs: systemClock.nowMs() + hourMs, clock: systemClock }
  const [before, after, other] = await Promise.all(
    [1, 1, 2].map((byte) => createRunCa({ ...deps, material: new Uint8Array(48).fill(byte) })),
  )
  assert.ok(before && after && other)
  assert.ok('leaf' in (await shake(t, after, 'git.example.com', before.certificate, 'git.example.com')))
  const stranger = await shake(t, other, 'git.example.com', before.certificate, 'git.example.com')
  assert.ok('error' in stranger)
})
