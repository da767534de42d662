import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createTestAuthority } from '../../test/certificates.ts'
import { MayflyError, Secret } from '../lib/index.ts'
import { connection, openSession, setup, startMs, stepRequest } from './broker.fixture.ts'

const dayMs = 86_400_000
const grant = 'http:get a/*'

async function certificates(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-client-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await createTestAuthority(folder)
  return async (name: string, fromMs = startMs - dayMs, toMs = startMs + dayMs) => {
    const files = await authority.issue(name, [], { notBefore: new Date(fromMs), notAfter: new Date(toMs) })
    return { chain: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }
  }
}

test('a lease holds the client certificate with its key; the log has their names, and no key', async (t) => {
  const issue = await certificates(t)
  const [it, { chain, key }] = [await setup(t), await issue('ours')]
  await it.vault.set('tls', new Secret(key))
  const step = await it.broker.openStep(await openSession(it.broker), stepRequest())
  const target = connection('a', { credential: undefined, clientCertificate: { chain, secret: 'tls' } })
  const lease = await it.broker.lease(step, target, grant)
  assert.deepEqual([lease.authorization, lease.clientIdentity?.chain], [undefined, chain])
  assert.equal(lease.clientIdentity?.key.reveal(), key)
  const [entry] = it.audit.ofType('lease.issued')
  assert.deepEqual([entry?.data['clientKey'], entry?.data['secretVersions']], ['tls', { tls: 1 }])
  assert.ok(!JSON.stringify(it.audit.entries).includes('PRIVATE KEY'))
  assert.ok(!JSON.stringify(lease).includes('PRIVATE KEY'))
})

test('a connection that is another one now, by the same name, has a lease of its own', async (t) => {
  const it = await setup(t)
  await it.vault.set('other', new Secret('other-value'))
  const step = await it.broker.openStep(await openSession(it.broker), stepRequest())
  const before = await it.broker.lease(step, connection('a'), grant)
  const moved = connection('a', { url: 'https://elsewhere.com' })
  const renamed = connection('a', { credential: { scheme: 'bearer', secret: 'other' } })
  assert.notEqual((await it.broker.lease(step, moved, grant)).id, before.id)
  assert.equal((await it.broker.lease(step, renamed, grant)).authorization?.reveal(), 'Bearer other-value')
  assert.equal(await it.broker.lease(step, connection('a'), grant), before)
})

test('refused, saying what to do: no key, another certificate’s key, one with a passphrase, a certificate of another time', async (t) => {
  const issue = await certificates(t)
  const [it, ours, other] = [await setup(t), await issue('ours'), await issue('other')]
  const expired = await issue('expired', startMs - 2 * dayMs, startMs - dayMs)
  const early = await issue('early', startMs + dayMs, startMs + 2 * dayMs)
  const { privateKey: locked } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  })
  const step = await it.broker.openStep(await openSession(it.broker), stepRequest())
  for (const [chain, key, expected] of [
    [ours.chain, 'hunter2', /secret "tls" is no private key in PEM.*mayfly secret set tls/],
    [ours.chain, ours.chain, /is no private key in PEM/],
    [ours.chain, locked, /without a passphrase/],
    [ours.chain, other.key, /key of another certificate than the client_certificate of connection "a"/],
    [expired.chain, expired.key, /connection "a" has expired \(2026-07-31.*mayfly apply/],
    [early.chain, early.key, /is not valid before 2026-08-0/],
  ] as const) {
    await it.vault.set('tls', new Secret(key))
    const target = connection('a', { credential: undefined, clientCertificate: { chain, secret: 'tls' } })
    await assert.rejects(
      it.broker.lease(step, target, grant),
      (error) => error instanceof MayflyError && error.code === 'bad_input' && expected.test(error.message),
      String(expected),
    )
  }
  assert.equal(it.audit.ofType('lease.issued').length, 0)
})
