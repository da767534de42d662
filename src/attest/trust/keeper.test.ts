import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logKeyId } from '../sign/index.ts'
import { createTestLog } from '../sign/attestation-log.fixture.ts'
import { createTrustKeeper } from './index.ts'
import { bringForward } from './making.ts'
import { setupTrust, statement, who } from './trust.fixture.ts'

test('a key that was revoked by another log is revoked from an earlier moment on, if that is said now', async (t) => {
  const { it, log, deps, keeper, signing, rows } = await setupTrust(t)
  const other = await createTestLog()
  t.after(() => other[Symbol.dispose]())
  await keeper.sweep()
  await signing().statement(statement, who)
  const key = (await rows()).find(({ use }) => use === 'ca')?.id ?? ''
  const first = await keeper.revoke({ key, reason: 'stolen', by: {} })
  const moved = createTrustKeeper({
    ...deps(),
    log: { keys: () => other.keys(), size: () => Promise.resolve(other.size()) },
  })
  const fromMs = first.fromMs - 60_000
  const again = await moved.revoke({ key, fromMs, reason: 'stolen a minute before', by: {} })
  assert.deepEqual(again, { key, fromMs, treeSize: 1, published: true })
  const row = it.store.find('attest_revocations', { key })
  const firstLog = logKeyId((await log.keys()).verifierKey).toString('base64')
  assert.deepEqual([row?.from_ms, row?.log_id, row?.reason], [fromMs, firstLog, 'stolen a minute before'])
})

test('a document that does not hold: nothing is signed by it, and it is said why', async (t) => {
  const { it, deps, keeper, signing } = await setupTrust(t)
  await keeper.sweep()
  const { json } = await signing().statement(statement, who)
  const envelope = keeper.inForce()?.envelope ?? ''
  const put = (text: string) =>
    it.store.write((tx) => tx.updateTable('trust_documents').set({ envelope: text }).execute())
  const signature = Buffer.alloc(70).toString('base64')
  await put(envelope.replace(/"sig":"[^"]+"/, `"sig":"${signature}"`))
  for (const one of [keeper, createTrustKeeper(deps())]) {
    await one.sweep()
    const why = /the trust document does not hold: the root key that is pinned did not sign/
    await assert.rejects(one.authority(), { code: 'conflict', message: why })
    const checked = one.check(json)
    assert.match(checked.ok ? '' : checked.detail, why)
    assert.match(one.warnings().join('\n'), why)
  }
  await put(envelope)
  await keeper.sweep()
  assert.deepEqual([keeper.check(json).ok, keeper.warnings()], [true, []])
  await keeper.authority()
})

test('a CA asked for in haste is logged as one because another is compromised, made anew or brought forward', async (t) => {
  const { keeper, entries } = await setupTrust(t)
  await keeper.sweep()
  await keeper.rotateAuthority({ now: true, by: {} })
  await keeper.rotateAuthority({ now: false, by: {} })
  await keeper.rotateAuthority({ now: true, by: {} })
  const reasons = (await entries('trust.rotated')).map(({ data }) => data?.['reason'])
  assert.deepEqual(reasons, ['first', 'first', 'compromised', 'asked', 'compromised'])
})

test('a CA that another server has taken back meanwhile is not brought forward, and no entry says so', async (t) => {
  const { deps, keeper, entries, rows } = await setupTrust(t)
  await keeper.sweep()
  const { key } = await keeper.rotateAuthority({ now: false, by: {} })
  const waits = (await rows()).find(({ id }) => id === key)
  assert.ok(waits)
  await keeper.revoke({ key, reason: 'stolen', by: {} })
  const before = await entries('trust.rotated')
  assert.equal(await bringForward(deps(), waits, { reason: 'compromised' }), undefined)
  assert.deepEqual(await entries('trust.rotated'), before)
  assert.equal((await rows()).find(({ id }) => id === key)?.not_before_ms, waits.not_before_ms)
})
