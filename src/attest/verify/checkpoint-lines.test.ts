import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCosignature, keyIdOf, signatureLine } from '../../audit/verify/index.ts'
import { parseTrustedRoot, verifyBundle } from './index.ts'
import { createWorld } from './world.fixture.ts'

test('of a checkpoint every line of the log’s own key has to be valid, with a time and without', async () => {
  const world = await createWorld()
  const trust = parseTrustedRoot(world.trustedRoot)
  const [log] = trust.logs
  assert.ok(log !== undefined)
  const bundle = await world.bundle()
  const raw = log.key.export({ type: 'spki', format: 'der' }).subarray(-32)
  const cosigner = { name: log.name, keyId: keyIdOf(log.name, 'cosignature', raw) }
  const told = (line: string) => {
    const copy = structuredClone(bundle)
    const { checkpoint } = copy.verificationMaterial.tlogEntries[0]!.inclusionProof
    checkpoint.envelope += line
    const verified = verifyBundle(copy, trust, { nowMs: world.nowMs })
    return verified.ok ? 'right' : verified.reason
  }
  const line = (signature: Uint8Array, by = cosigner) => signatureLine({ ...by, signature })
  assert.equal(told(''), 'right')
  assert.equal(told(line(encodeCosignature(1, new Uint8Array(64)))), 'bad_checkpoint')
  assert.equal(told(line(new Uint8Array(64))), 'bad_checkpoint')
  assert.equal(told(line(new Uint8Array(64), { ...cosigner, name: 'witness.test' })), 'right')
})

test('a timestamp may name its certificate by SHA-1, too', async () => {
  const world = await createWorld()
  const trust = parseTrustedRoot(world.trustedRoot)
  const bundle = await world.bundle({ timestamp: { v1: 'beside' } })
  assert.ok(verifyBundle(bundle, trust, { nowMs: world.nowMs }).ok)
})
