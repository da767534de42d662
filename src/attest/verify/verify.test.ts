import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { joinTrust, parseTrustedRoot, trustKey, verifyBundle } from './index.ts'
import { issuer, workflow } from './certificates.fixture.ts'
import { oracleTakes } from './oracle.fixture.ts'
import { createWorld, statementOf } from './world.fixture.ts'

const world = await createWorld()
const trust = parseTrustedRoot(world.trustedRoot)

test('a bundle by a certificate is verified, and says who signed what and when', async () => {
  const bundle = await world.bundle()
  assert.ok(oracleTakes(bundle, world.trustedRoot))
  for (const input of [bundle, JSON.stringify(bundle), Buffer.from(JSON.stringify(bundle))]) {
    const verified = verifyBundle(input, trust)
    assert.ok(verified.ok, JSON.stringify(verified))
    assert.deepEqual(Buffer.from(verified.statementBytes ?? []), statementOf())
    assert.deepEqual([verified.logIndex, verified.timeMs], [2, world.nowMs])
    assert.ok(verified.signer.kind === 'certificate')
    const { san, issuer: said, claims } = verified.signer.identity
    assert.deepEqual([san, said], [workflow, issuer])
    assert.deepEqual(claims, {
      buildSignerURI: workflow,
      runnerEnvironment: 'github-hosted',
      sourceRepositoryURI: 'https://github.com/octo/app',
      sourceRepositoryDigest: 'a'.repeat(40),
      sourceRepositoryRef: 'refs/tags/v1',
      sourceRepositoryIdentifier: '1234',
      buildTrigger: 'push',
      tokenSubject: 'repo:octo/app',
    })
  }
})

test('a bundle by a key is verified by that key alone, while it is trusted', async () => {
  const { bundle, publicKey } = await world.byKey()
  assert.ok(oracleTakes(bundle, world.trustedRoot, { publicKey }))
  const verified = verifyBundle(bundle, joinTrust(trust, trustKey(publicKey)))
  assert.ok(verified.ok, JSON.stringify(verified))
  const { keyId } = joinTrust(trustKey(publicKey)).keys[0]!
  assert.deepEqual(verified.signer, { kind: 'key', keyId })
  const inHex = structuredClone(bundle)
  inHex.verificationMaterial.publicKey = { hint: keyId }
  assert.ok(verifyBundle(inHex, joinTrust(trust, trustKey(publicKey))).ok)
  const reasonOf = (one: typeof trust) => {
    const verdict = verifyBundle(bundle, one)
    return verdict.ok ? 'ok' : verdict.reason
  }
  const other = (await world.byKey()).publicKey
  assert.equal(reasonOf(trust), 'unknown_key')
  assert.equal(reasonOf(joinTrust(trust, trustKey(other))), 'unknown_key')
  const before = { startMs: 0, endMs: world.nowMs - 1 }
  assert.equal(reasonOf(joinTrust(trust, trustKey(publicKey, before))), 'outside_key')
})

test('the signature of a file is verified by the digest alone', async () => {
  const message = Buffer.from('a  app.tgz\n')
  const bundle = await world.bundle({ message })
  assert.ok(oracleTakes(bundle, world.trustedRoot, { message }))
  const verified = verifyBundle(bundle, trust)
  assert.ok(verified.ok, JSON.stringify(verified))
  assert.deepEqual(Buffer.from(verified.message?.digest ?? []), createHash('sha256').update(message).digest())
  assert.equal(verified.statement, undefined)
  const other = structuredClone(bundle)
  other.messageSignature!.messageDigest.digest = createHash('sha256').update('other').digest('base64')
  const verdict = verifyBundle(other, trust)
  assert.deepEqual([verdict.ok, !verdict.ok && verdict.reason], [false, 'bad_signature'])
})
