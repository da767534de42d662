import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createTestLog } from '../sign/attestation-log.fixture.ts'
import { createKeySigner, type LogKeys } from '../sign/index.ts'
import { createTrustKeeper } from './index.ts'
import { setupTrust } from './trust.fixture.ts'

test('the next document names the timestamp authority that the log has announced a moment ago', async (t) => {
  const { deps, log } = await setupTrust(t)
  const other = await createTestLog()
  t.after(() => other[Symbol.dispose]())
  let keys: LogKeys = await log.keys()
  const given = deps()
  const keeper = createTrustKeeper({ ...given, log: { ...given.log, keys: () => Promise.resolve(keys) } })
  await keeper.sweep()
  const named = () => keeper.inForce()?.payload.trustedRoot.timestampAuthorities.length
  assert.equal(named(), 1)
  const { timestampChain: chain } = await other.keys()
  keys = { ...keys, nextTimestampChain: { chain, sinceMs: Date.now() } }
  await keeper.sweep()
  assert.equal(named(), 1, 'the log was asked less than half a minute ago')
  await keeper.draft({})
  assert.equal(named(), 2)
})

test('a server whose signer is revoked says so at once, also after it was started again', async (t) => {
  const signer = createKeySigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'of the test')
  const { deps, keeper } = await setupTrust(t, { outer: { signer } })
  await keeper.sweep()
  assert.deepEqual(keeper.warnings(), [])
  const held = (await keeper.keys()).find(({ use }) => use === 'signing')
  await keeper.revoke({ key: held?.key ?? '', fromMs: undefined, reason: 'stolen', by: {} })
  const again = createTrustKeeper(deps())
  await again.sweep()
  for (const one of [keeper, again])
    assert.match(
      one.warnings().join('\n'),
      /the key that signs \([0-9a-f]{16}\) was revoked from .*name another/,
    )
})
