import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestLog } from '../../attest/sign/attestation-log.fixture.ts'
import { openTrustDocument } from '../../attest/verify/index.ts'
import { openServer } from '../server.fixture.ts'

test('the trust document: for everybody; changed by operators with the scope alone, who stand in the log', async (t) => {
  const log = await createTestLog()
  t.after(() => log[Symbol.dispose]())
  const attestationLog = { keys: () => log.keys(), size: () => Promise.resolve(log.size()) }
  const server = await openServer(t, { attestationLog })
  const get = (path: string) => server.call('GET', path)
  assert.equal((await get('/.well-known/mayfly/trust.json')).status, 404)
  await server.trust.sweep()
  const document = await get('/.well-known/mayfly/trust.json')
  assert.deepEqual([document.status, document.headers.get('cache-control')], [200, 'public, max-age=60'])
  const root = server.trust.inForce()?.payload.root ?? []
  assert.ok(openTrustDocument(document.body, root).ok)
  assert.deepEqual((await get('/.well-known/mayfly/trust/1')).body, document.body)
  for (const wrong of ['0', '2', '1e1', '01', 'x', '99999999999'])
    assert.equal((await get(`/.well-known/mayfly/trust/${wrong}`)).status, 404, wrong)
  const trusted = await get('/.well-known/mayfly/trusted-root.json')
  assert.match(String(trusted.body['mediaType']), /trustedroot\+json;version=0\.1/)

  const paths = ['next', 'publish', 'revoke', 'rotate'].map((name) => `/v1/attest/trust/${name}`)
  const { token } = await server.apiTokens.create({
    name: 'reader',
    scopes: ['policy:read'],
    expiresMs: null,
  })
  const headers = { authorization: `Bearer ${token}` }
  for (const path of paths) {
    assert.equal((await server.call('POST', path, { json: {} })).status, 401, path)
    assert.equal((await server.call('POST', path, { json: {}, headers })).status, 403, path)
  }
  const asked = (path: string, body: unknown) => server.asAdmin('POST', `/v1/attest/trust/${path}`, body)
  for (const root of [['x'], ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'], []])
    assert.equal((await asked('next', { root })).status, 400)
  assert.equal((await asked('publish', { envelope: document.body })).status, 409)
  assert.equal((await asked('rotate', { use: 'root' })).body['version'], 2)
  assert.equal((await asked('rotate', { use: 'ca', now: true })).body['published'], true)
  const shown = await server.asAdmin('GET', '/v1/attest/trust')
  const [first] = shown.body['authorities'] as { key: string; state: string }[]
  assert.equal(first?.state, 'retired')
  const revoked = await asked('revoke', { key: first?.key, reason: 'x' })
  assert.deepEqual([revoked.status, revoked.body['published']], [200, true])
})
