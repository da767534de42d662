import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Secret } from '../../lib/index.ts'
import { createTestLog } from '../sign/attestation-log.fixture.ts'
import { createHeldKeySigner, logKeyId, logPublicKey, type AttestationLog } from '../sign/index.ts'
import { joinTrust, parseTrustedRoot, trustKey, verifyBundle, type Trust } from '../verify/index.ts'
import { configuredKeys, createPublishedSigner, createStoredPins } from './index.ts'
import { folderOf, http, newKey, storeOf } from './service.fixture.ts'

const who = { san: 'https://ci.example/w', issuer: 'https://ci.example', claims: {} }
const statement = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'a', digest: { sha256: 'a1'.repeat(32) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  }),
)

test('a bundle by a key that is kept elsewhere verifies by that key alone, also with openssl', async (t) => {
  using log = await Promise.resolve(createTestLog())
  const folder = folderOf(t)
  const path = join(folder, 'signer.pem')
  writeFileSync(path, newKey().privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const pins = createStoredPins({ store: storeOf(t), clock: { nowMs: () => 1 } })
  const deps = { http, variables: {}, pins, openSecret: () => Promise.reject(new Error('no secret')) }
  const { signer, ca, next } = configuredKeys({ signer: { 'key-file': { path } } }, deps)
  assert.ok(signer !== undefined && ca === undefined && next === undefined)
  const pem = createPublicKey({ key: await signer.publicKey(), format: 'der', type: 'spki' }).export({
    type: 'spki',
    format: 'pem',
  })
  const trust = joinTrust(await logTrust(log), trustKey(pem))
  const check = (json: string) => verifyBundle(json, trust)
  const bundle = await createHeldKeySigner({ log, signer, check }).statement(statement, who)

  const verified = verifyBundle(bundle.json, trust)
  assert.ok(verified.ok, JSON.stringify(verified))
  assert.deepEqual(verified.signer, { kind: 'key', keyId: bundle.by })
  const other = newKey().publicKey.export({ type: 'spki', format: 'pem' })
  const refused = verifyBundle(bundle.json, joinTrust(await logTrust(log), trustKey(other)))
  assert.ok(!refused.ok && refused.reason === 'unknown_key', JSON.stringify(refused))

  // The pre-authentication encoding of DSSE, written once more here.
  const { dsseEnvelope } = JSON.parse(bundle.json) as {
    dsseEnvelope: { payloadType: string; payload: string; signatures: { sig: string }[] }
  }
  const payload = Buffer.from(dsseEnvelope.payload, 'base64')
  const { payloadType } = dsseEnvelope
  const head = Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `)
  const [key, message, signature] = [join(folder, 'key'), join(folder, 'pae'), join(folder, 'sig')]
  writeFileSync(key, pem)
  writeFileSync(message, Buffer.concat([head, payload]))
  writeFileSync(signature, Buffer.from(dsseEnvelope.signatures[0]?.sig ?? '', 'base64'))
  const said = execFileSync('openssl', ['dgst', '-sha256', '-verify', key, '-signature', signature, message])
  assert.match(said.toString(), /^Verified OK/)
})

test('a key signs while the trust document in force names it, and not once it was taken back', async (t) => {
  const { privateKey, publicKey } = newKey()
  const secret = () => Promise.resolve(new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' })))
  const pins = createStoredPins({ store: storeOf(t), clock: { nowMs: () => 1 } })
  const deps = { http, variables: {}, pins, openSecret: secret }
  const { ca, next } = configuredKeys({ signer: 'keyless', ca: { secret: 'a' }, next: { secret: 'b' } }, deps)
  assert.ok(ca !== undefined && next !== undefined)
  let document: Parameters<typeof createPublishedSigner>[1] = () => undefined
  const signer = createPublishedSigner(ca, () => document())
  await assert.rejects(signer.sign(statement), {
    code: 'attest_key',
    message: /not in the trust document yet/,
  })
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const keys = [newKey().publicKey.export({ type: 'spki', format: 'pem' }), pem].map((one) => ({
    publicKey: one,
  }))
  document = () => ({ keys: keys.slice(0, 1), revoked: [] })
  await assert.rejects(signer.sign(statement), {
    code: 'attest_key',
    message: /not in the trust document yet/,
  })
  document = () => ({ keys, revoked: [] })
  assert.ok(verify('sha256', statement, publicKey, await signer.sign(statement)))
  const key = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
  document = () => ({ keys, revoked: [{ key }] })
  await assert.rejects(signer.sign(statement), { code: 'attest_key', message: /was revoked/ })
})

async function logTrust(log: AttestationLog): Promise<Trust> {
  const { origin, verifierKey, timestampChain, sinceMs } = await log.keys()
  const validFor = { start: new Date(sinceMs - 3_600_000).toISOString() }
  const raw = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), logPublicKey(verifierKey)])
  const certificates = timestampChain.map((one) => ({
    rawBytes: new X509Certificate(one).raw.toString('base64'),
  }))
  return parseTrustedRoot({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        ...{ baseUrl: `https://${origin}`, hashAlgorithm: 'SHA2_256' },
        publicKey: { rawBytes: raw.toString('base64'), keyDetails: 'PKIX_ED25519', validFor },
        logId: { keyId: logKeyId(verifierKey).toString('base64') },
      },
    ],
    timestampAuthorities: [{ uri: 'https://tsa.example', certChain: { certificates }, validFor }],
    ...{ certificateAuthorities: [], ctlogs: [] },
  })
}
