import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { parseTrustedRoot, verifyBundle } from './index.ts'
import { oracleTakes } from './oracle.fixture.ts'
import { createWorld } from './world.fixture.ts'

const world = await createWorld()
const { nowMs } = world
const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const [log, other] = [keyPair(), keyPair()]

function rootWith(key: KeyObject, fields: object = {}, window: object = { start: '2020-01-01T00:00:00Z' }) {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const publicKey = {
    rawBytes: spki.toString('base64'),
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    validFor: window,
    ...fields,
  }
  const logId = { keyId: createHash('sha256').update(spki).digest('base64') }
  return {
    ...world.trustedRoot,
    ctlogs: [{ baseUrl: 'https://ct.test', hashAlgorithm: 'SHA2_256', publicKey, logId }],
  }
}

const reasonUnder = (bundle: unknown, root: unknown) => {
  const verdict = verifyBundle(bundle, parseTrustedRoot(root))
  return verdict.ok ? 'ok' : verdict.reason
}

test('where a log of certificates is trusted, it has to have promised to log the certificate', async () => {
  const root = rootWith(log)
  const promised = (...logs: KeyObject[]) =>
    world.bundle({ leaf: { promisedBy: logs.map((key) => ({ key, timeMs: nowMs })) } })
  for (const [bundle, verdict] of [
    [await promised(log), 'ok'],
    [await promised(other, log), 'untrusted_certificate'],
    [await promised(other), 'untrusted_certificate'],
    [await promised(), 'untrusted_certificate'],
    [await world.bundle(), 'untrusted_certificate'],
  ] as const) {
    assert.equal(reasonUnder(bundle, root), verdict)
    assert.equal(oracleTakes(bundle, root), verdict === 'ok')
  }
  const ended = rootWith(log, {}, { start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' })
  assert.equal(reasonUnder(await promised(log), ended), 'untrusted_certificate')
  const later = await world.bundle({ leaf: { promisedBy: [{ key: log, timeMs: nowMs + 600_000 }] } })
  assert.equal(reasonUnder(later, root), 'untrusted_certificate')
})

test('a log of certificates with a key that is not checked here is not left out', async () => {
  const bundle = await world.bundle({ leaf: { promisedBy: [{ key: log, timeMs: nowMs }] } })
  const root = rootWith(log, { keyDetails: 'PKIX_RSA_PKCS1V15_4096_SHA256' })
  assert.equal(reasonUnder(bundle, root), 'untrusted_certificate')
})
