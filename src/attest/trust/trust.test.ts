import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { createHeldKeySigner, createKeySigner, logSpkiId, pemKeyId } from '../sign/index.ts'
import { createTestLog } from '../sign/attestation-log.fixture.ts'
import { checkTimestamp, openTrustDocument, parseTrustedRoot, verifyBundle } from '../verify/index.ts'
import { createTrustKeeper, type TrustKeeper } from './index.ts'
import { day, offlineRoot, setupTrust, statement, who } from './trust.fixture.ts'

function opened(keeper: TrustKeeper, pinned = keeper.inForce()?.payload.root ?? [], nowMs = Date.now()) {
  const document = openTrustDocument(keeper.inForce()?.envelope, pinned, { nowMs })
  assert.ok(document.ok, document.ok ? '' : document.detail)
  return document
}

function sigstoreTakes(keeper: TrustKeeper, bundle: string): boolean {
  const root = TrustedRoot.fromJSON(keeper.inForce()?.payload.trustedRoot)
  const verifier = new Verifier(toTrustMaterial(root), { ctlogThreshold: 0, timestampThreshold: 1 })
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))))
    return true
  } catch {
    return false
  }
}

const oursTakes = (keeper: TrustKeeper, bundle: string) => verifyBundle(bundle, opened(keeper).trust).ok

test('at the first start: a root key, a CA and a document that both verifiers take; what is signed verifies', async (t) => {
  const { keeper, signing, entries, rows } = await setupTrust(t)
  await assert.rejects(keeper.authority(), { code: 'conflict', message: /no trust document/ })
  await keeper.sweep()
  assert.equal(keeper.inForce()?.version, 1)
  const bundle = await signing().statement(statement, who)
  const verified = verifyBundle(bundle.json, opened(keeper).trust)
  assert.ok(verified.ok)
  assert.deepEqual(verified.signer.kind === 'certificate' && verified.signer.identity, who)
  assert.ok(sigstoreTakes(keeper, bundle.json))
  await keeper.sweep()
  assert.equal(keeper.inForce()?.version, 1)
  assert.equal((await rows()).length, 2)
  assert.deepEqual((await entries('trust.published')).length, 1)
  assert.deepEqual(
    (await entries('trust.rotated')).map(({ data }) => data?.['use']),
    ['root', 'ca'],
  )
  assert.deepEqual(keeper.warnings(), [])
})

test('two servers at their first start agree on one root, one CA, one document', async (t) => {
  const { keepers, rows } = await setupTrust(t, { servers: 3 })
  await Promise.all(keepers.map((one) => one.sweep()))
  await Promise.all(keepers.map((one) => one.sweep()))
  assert.equal(new Set(keepers.map((one) => one.inForce()?.envelope)).size, 1)
  const authorities = await Promise.all(keepers.map((one) => one.authority()))
  assert.equal(new Set(authorities.map(({ certificate }) => certificate.toString('hex'))).size, 1)
  assert.equal((await rows()).length, 2)
})

test('a CA is rotated with overlap: published first, signing later; then the one before is destroyed and what it signed stays good', async (t) => {
  const { it, keeper, keepers, signing, rows } = await setupTrust(t, { servers: 2 })
  for (const one of keepers) await one.sweep()
  const first = await keeper.authority()
  const before = await signing().statement(statement, who)
  const rotated = await keeper.rotateAuthority({ now: false, by: { by: 'anna' } })
  assert.deepEqual([rotated.pending, rotated.published], [false, true])
  assert.equal(keeper.inForce()?.version, 2)
  assert.equal((await keeper.authority()).certificate, first.certificate)
  const again = await keepers[1]?.rotateAuthority({ now: false, by: {} })
  assert.deepEqual(again, { ...rotated, pending: true })
  it.clock.ms = rotated.signsFromMs
  await keeper.sweep()
  assert.notDeepEqual((await keeper.authority()).certificate, first.certificate)
  const old = (await rows()).find(({ use, number }) => use === 'ca' && number === 1)
  assert.equal(old?.sealed, null)
  // A server whose clock is behind goes on with the next one, since the first is gone.
  it.clock.ms -= 3_600_000
  await keepers[1]?.sweep()
  assert.deepEqual((await keepers[1]?.authority())?.certificate, (await keeper.authority()).certificate)
  assert.ok(oursTakes(keeper, before.json))
  assert.ok(sigstoreTakes(keeper, before.json))
})

test('in haste the CA that clients know already signs at once; one that is published already is not published again', async (t) => {
  const { it, keeper, keepers, signing, rows } = await setupTrust(t, { servers: 2 })
  for (const one of keepers) await one.sweep()
  const next = await keeper.rotateAuthority({ now: false, by: {} })
  const known = opened(keeper)
  const hurried = await keeper.rotateAuthority({ now: true, by: { by: 'anna' } })
  assert.deepEqual(hurried, { ...next, signsFromMs: it.clock.ms, pending: true })
  assert.equal((await rows()).filter(({ use }) => use === 'ca').length, 2)
  for (const one of keepers) {
    await one.sweep()
    const { json } = await signing(one).statement(statement, who)
    assert.ok(verifyBundle(json, known.trust).ok, 'by the document from before')
  }
  const envelope = keeper.inForce()?.envelope
  await assert.rejects(keeper.publish(envelope, {}), {
    ...{ code: 'conflict', message: /version 2 of the trust document is in force already: there is nothing/ },
  })
  await assert.rejects(keeper.publish(await keeper.version(1), {}), {
    ...{
      code: 'conflict',
      message: /^version 1 .* not put in force, since version 2 is: mayfly attest root next/,
    },
  })
})

test('two servers rotate the CA at once: one CA is made for each that was asked for, and one signs', async (t) => {
  const { keepers, rows } = await setupTrust(t, { servers: 2 })
  for (const one of keepers) await one.sweep()
  const made = await Promise.allSettled(keepers.map((one) => one.rotateAuthority({ now: true, by: {} })))
  assert.ok(made.some(({ status }) => status === 'fulfilled'))
  for (const one of [...keepers, ...keepers]) await one.sweep()
  const [a, b] = await Promise.all(keepers.map((one) => one.authority()))
  assert.deepEqual(a?.certificate, b?.certificate)
  assert.equal((await rows()).filter(({ use, sealed }) => use === 'ca' && sealed !== null).length, 1)
})

test('a CA that comes near its end is followed in time, by itself', async (t) => {
  const { it, keeper } = await setupTrust(t)
  await keeper.sweep()
  const first = await keeper.authority()
  for (let days = 0; days < 730; days += 30) {
    it.clock.ms += 30 * day
    await keeper.sweep()
    const authority = await keeper.authority()
    assert.ok(authority.notAfterMs > it.clock.ms + 20 * day, `after ${days} days`)
  }
  assert.notDeepEqual((await keeper.authority()).certificate, first.certificate)
})

test('a CA that ended while nobody swept: nothing signs by it, and the next sweep has another one sign', async (t) => {
  const { it, keeper } = await setupTrust(t)
  await keeper.sweep()
  const ended = await keeper.authority()
  it.clock.ms = ended.notAfterMs + day
  await assert.rejects(keeper.authority(), { code: 'conflict', message: /the trust document ended at/ })
  await keeper.sweep()
  const next = await keeper.authority()
  assert.notDeepEqual(next.certificate, ended.certificate)
  assert.ok(next.notAfterMs > it.clock.ms)
})

test('a revoked CA: what was logged before stays good, later entries and times do not count, for both verifiers', async (t) => {
  const { it, log, keeper, keepers, signing, entries } = await setupTrust(t, { servers: 2 })
  for (const one of keepers) await one.sweep()
  const before = await signing().statement(statement, who)
  const stolen = await keeper.authority()
  await new Promise((next) => setTimeout(next, 1100))
  it.clock.ms = Date.now()
  const { id } =
    (await it.store.read.selectFrom('attest_keys').selectAll().where('use', '=', 'ca').executeTakeFirst()) ??
    {}
  assert.ok(id)
  const revoked = await keeper.revoke({ key: id.slice(0, 12), reason: 'stolen', by: { by: 'anna' } })
  assert.deepEqual([revoked.key, revoked.treeSize, revoked.published], [id, 1, true])
  // The other server has not read the store yet, and signs with it no more either.
  await assert.rejects(keepers[1]?.authority() ?? Promise.resolve(), { code: 'conflict' })
  await keepers[1]?.sweep()
  for (const one of keepers) assert.notDeepEqual((await one.authority()).certificate, stolen.certificate)
  // Openssl's timestamps have whole seconds.
  await new Promise((next) => setTimeout(next, 1000))
  const thief = { ...keeper, check: () => ({ ok: true as const, timeMs: 0 }), authority: async () => stolen }
  const after = await signing(thief).statement(statement, who)
  assert.ok(oursTakes(keeper, before.json) && sigstoreTakes(keeper, before.json))
  assert.ok(!oursTakes(keeper, after.json) && !sigstoreTakes(keeper, after.json))
  const refused = verifyBundle(after.json, opened(keeper).trust)
  assert.ok(!refused.ok)
  assert.equal(refused.reason, 'revoked')
  const from = new Date(revoked.fromMs).toISOString()
  assert.ok(refused.detail.includes(id.slice(0, 16)) && refused.detail.includes(from), refused.detail)
  assert.match(refused.detail, /revoked from .* on, before it was signed \(20.*\): stolen$/)
  // Sigstore's root of the same has the end alone, and no reason.
  const byRoot = verifyBundle(after.json, parseTrustedRoot(keeper.inForce()?.payload.trustedRoot))
  assert.ok(!byRoot.ok && byRoot.reason === 'outside_authority', JSON.stringify(byRoot))
  assert.match(
    byRoot.detail,
    /it was signed at 20.*is trusted until 20.* alone: was it replaced, or taken back\?/,
  )
  const anew = await signing().statement(statement, who)
  assert.ok(oursTakes(keeper, anew.json) && sigstoreTakes(keeper, anew.json))
  const [entry] = await entries('trust.revoked')
  const logId = keeper.inForce()?.payload.trustedRoot.tlogs[0]?.logId.keyId
  assert.ok(logId)
  assert.deepEqual([entry?.data?.['tree_size'], entry?.data?.['log']], [1, logId])
  assert.deepEqual(keeper.inForce()?.payload.revoked[0]?.log, logId)
  assert.equal(log.size(), 3)
  // From an earlier moment on: then the first one does not count either.
  await keeper.revoke({ key: id, fromMs: Date.now() - 60_000, reason: 'stolen a minute ago', by: {} })
  assert.ok(!oursTakes(keeper, before.json) && !sigstoreTakes(keeper, before.json))
})

test('what is revoked by the length of the log alone does not count for ours, whatever its timestamp says', async (t) => {
  const { it, keeper, signing } = await setupTrust(t)
  await keeper.sweep()
  const bundles = [await signing().statement(statement, who), await signing().statement(statement, who)]
  const { trust } = opened(keeper)
  const ca = (
    await it.store.read.selectFrom('attest_keys').selectAll().where('use', '=', 'ca').executeTakeFirst()
  )?.id
  const revoked = [{ key: ca ?? '', fromMs: Date.now() + day, treeSize: 1, reason: '' }]
  assert.deepEqual(
    bundles.map(({ json }) => verifyBundle(json, { ...trust, revoked }).ok),
    [true, false],
  )
})

test('the next timestamp authority is named before it signs, so that an offline root can sign in time', async (t) => {
  const [own, following] = [await createTestLog(), await createTestLog()]
  t.after(() => [own, following].forEach((one) => one[Symbol.dispose]()))
  const { deps } = await setupTrust(t)
  let isAnnounced = false
  const [keys, others] = [await own.keys(), await following.keys()]
  const next = { chain: others.timestampChain, sinceMs: others.sinceMs }
  const log = {
    size: () => Promise.resolve(0),
    keys: () => Promise.resolve({ ...keys, ...(isAnnounced ? { nextTimestampChain: next } : {}) }),
  }
  const keeper = createTrustKeeper({ ...deps(), log })
  await keeper.sweep()
  assert.equal(opened(keeper).trust.timestampAuthorities.length, 1)
  isAnnounced = true
  // Another server, which has not asked the log yet.
  const second = createTrustKeeper({ ...deps(), log })
  await second.sweep()
  const named = opened(second).trust.timestampAuthorities
  assert.equal(named.length, 2)
  assert.ok(named.every(({ validFor }) => validFor.endMs === Number.POSITIVE_INFINITY))
  const signature = Buffer.from('a signature')
  const { timestamp } = await following.add(Buffer.from('{}'), signature)
  assert.ok(checkTimestamp(timestamp, signature, opened(second).trust).ok)
  // The document before did not name it.
  const before = openTrustDocument(await second.version(1), second.inForce()?.payload.root ?? [])
  assert.ok(before.ok && !checkTimestamp(timestamp, signature, before.trust).ok)
})

test('what can be revoked, and what not', async (t) => {
  const { keeper, logDown } = await setupTrust(t)
  await keeper.sweep()
  const root = keeper.inForce()?.payload
  const id = pemKeyId(root?.root[0] ?? '')
  await assert.rejects(keeper.revoke({ key: id, reason: '', by: {} }), {
    code: 'bad_input',
    message: /root key/,
  })
  await assert.rejects(keeper.revoke({ key: 'f'.repeat(64), reason: '', by: {} }), { code: 'not_found' })
  await assert.rejects(keeper.revoke({ key: 'nonsense', reason: '', by: {} }), { code: 'bad_input' })
  const log = root?.trustedRoot.tlogs[0]
  assert.ok(log)
  const logKey = logSpkiId(log)
  await assert.rejects(keeper.revoke({ key: logKey, fromMs: Date.now() + day, reason: '', by: {} }), {
    code: 'bad_input',
  })
  logDown(true)
  await assert.rejects(keeper.revoke({ key: logKey, reason: '', by: {} }), /log is down/)
  logDown(false)
  assert.equal((await keeper.revoke({ key: logKey, reason: 'x', by: {} })).published, true)
})

test('an offline root: handed on by the one that was here, which is destroyed; from then on nothing is signed without it', async (t) => {
  const { it, keeper, keepers, rows, entries } = await setupTrust(t, { servers: 2 })
  for (const one of keepers) await one.sweep()
  const pinned = keeper.inForce()?.payload.root ?? []
  const root = offlineRoot()
  const draft = await keeper.draft({ root: [root.publicKey] })
  assert.equal(draft.missing.length, 1)
  await assert.rejects(keeper.publish(draft.envelope, {}), { code: 'denied', message: /did not sign it/ })
  const published = await keeper.publish(await root.sign(draft.envelope), { by: 'anna' })
  assert.deepEqual([published.version, published.open], [2, []])
  assert.equal((await rows()).find(({ use }) => use === 'root')?.sealed, null)
  assert.ok(opened(keeper, pinned).ok)
  assert.equal((await entries('trust.published')).length, 2)
  // A new CA waits for the root key; the one that there is goes on.
  const first = await keeper.authority()
  const rotated = await keeper.rotateAuthority({ now: true, by: {} })
  assert.equal(rotated.published, false)
  assert.equal((await keeper.authority()).certificate, first.certificate)
  assert.match(
    keeper.warnings().join('\n'),
    /waits to be signed by the root key \(\+ CA [0-9a-f]{16} .*mayfly attest root next/,
  )
  const next = await keeper.draft({})
  assert.match(next.changes.join('\n'), /^\+ CA [0-9a-f]{16}/)
  await keeper.publish(await root.sign(next.envelope), {})
  assert.notDeepEqual((await keeper.authority()).certificate, first.certificate)
  assert.deepEqual(keeper.warnings(), [])
  await keepers[1]?.sweep()
  assert.equal(keepers[1]?.inForce()?.version, 3)
  // The document's end is told long before, and then nothing is signed.
  it.clock.ms += 350 * day
  await keeper.sweep()
  assert.match(keeper.warnings().join('\n'), /trust document ends in 50 days/)
  it.clock.ms += 51 * day
  await keeper.sweep()
  await assert.rejects(keeper.authority(), {
    code: 'conflict',
    message: /trust document ended at .*attest root next/,
  })
})

test('an offline root is followed by another one that both sign; who pinned the first follows from version to version', async (t) => {
  const { keeper } = await setupTrust(t)
  await keeper.sweep()
  const first = keeper.inForce()?.payload.root ?? []
  const [one, other] = [offlineRoot(), offlineRoot()]
  await keeper.publish(await one.sign((await keeper.draft({ root: [one.publicKey] })).envelope), {})
  const draft = await keeper.draft({ root: [other.publicKey] })
  assert.equal(draft.missing.length, 2)
  for (const signer of [one, other])
    await assert.rejects(keeper.publish(await signer.sign(draft.envelope), {}), { code: 'denied' })
  await keeper.publish(await other.sign(await one.sign(draft.envelope)), {})
  const current = keeper.inForce()?.envelope
  assert.equal(openTrustDocument(current, first).ok, false)
  const second = openTrustDocument(await keeper.version(2), first)
  assert.ok(second.ok)
  assert.ok(openTrustDocument(current, second.root, { minVersion: second.version }).ok)
})

test('documents that are not put in force: an older one, one of somebody else, one that was changed', async (t) => {
  const { keeper } = await setupTrust(t)
  await keeper.sweep()
  const root = offlineRoot()
  const old = await root.sign((await keeper.draft({ root: [root.publicKey] })).envelope)
  await keeper.publish(old, {})
  await assert.rejects(keeper.publish(old, {}), { code: 'conflict' })
  const next = (await keeper.draft({})).envelope
  await assert.rejects(keeper.publish(await offlineRoot().sign(next), {}), { code: 'denied' })
  const signed = JSON.parse(await root.sign(next)) as { payload: string }
  const changed = Buffer.from(signed.payload, 'base64').toString().replace('"version":3', '"version":9')
  const forged = { ...signed, payload: Buffer.from(changed).toString('base64') }
  await assert.rejects(keeper.publish(forged, {}), { code: 'denied' })
  for (const nonsense of ['', 'x', '{}', '[]', '{"payload":1}'])
    await assert.rejects(keeper.publish(nonsense, {}), { code: 'denied' })
  assert.equal(keeper.inForce()?.version, 2)
  await keeper.publish(signed, {})
  assert.equal(keeper.inForce()?.version, 3)
})

test('the root that is kept here is followed by another one, and its private part is destroyed', async (t) => {
  const { keeper, rows } = await setupTrust(t)
  await keeper.sweep()
  const pinned = keeper.inForce()?.payload.root ?? []
  const published = await keeper.rotateRoot({ by: 'anna' })
  assert.equal(published.version, 2)
  assert.ok(opened(keeper, pinned).ok)
  const roots = (await rows()).filter(({ use }) => use === 'root')
  assert.deepEqual(
    roots.map(({ sealed }) => sealed === null),
    [true, false],
  )
})

test('a document that nobody renews is refused by clients, and renewed here in time', async (t) => {
  const { it, keeper } = await setupTrust(t)
  await keeper.sweep()
  const { payload, envelope } = keeper.inForce() ?? {}
  const late = openTrustDocument(envelope, payload?.root ?? [], { nowMs: it.clock.ms + 91 * day })
  assert.equal(!late.ok && late.reason, 'expired')
  it.clock.ms += 46 * day
  await keeper.sweep()
  assert.equal(keeper.inForce()?.version, 2)
  // The clock is set back by a year, and forward again: nothing is signed twice, nothing is lost.
  it.clock.ms -= 365 * day
  await keeper.sweep()
  it.clock.ms += 365 * day
  await keeper.sweep()
  assert.ok((keeper.inForce()?.version ?? 0) <= 3)
  await keeper.authority()
})

test('a clock that is not the timestamp authority’s: what is signed then does not verify, and is not handed out', async (t) => {
  const { it, keeper, signing } = await setupTrust(t)
  await keeper.sweep()
  it.clock.ms += 20 * 60_000
  await assert.rejects(signing().statement(statement, who), {
    code: 'audit_rejected',
    message: /not handed out/,
  })
  it.clock.ms -= 20 * 60_000
  await signing().statement(statement, who)
})

test('a CA that the vault does not open: said so with what to do, which helps', async (t) => {
  const { it, deps } = await setupTrust(t)
  const keeper = createTrustKeeper(deps())
  await keeper.sweep()
  await it.store.write((tx) =>
    tx
      .updateTable('attest_keys')
      .set({ sealed: Buffer.from('rubbish') })
      .where('use', '=', 'ca')
      .execute(),
  )
  const restarted = createTrustKeeper(deps())
  await restarted.sweep()
  await assert.rejects(restarted.authority(), { code: 'vault_key', message: /rotate ca --now/ })
  assert.match(restarted.warnings().join(), /does not open.*rotate ca --now/)
  await restarted.rotateAuthority({ now: true, by: {} })
  await restarted.authority()
})

test('while the log is away the document stands; before the first one it says so', async (t) => {
  const { keeper, logDown } = await setupTrust(t)
  logDown(true)
  await keeper.sweep()
  assert.match(keeper.warnings().join(), /the log is down/)
  await assert.rejects(keeper.authority(), { code: 'conflict', message: /log is down/ })
  logDown(false)
  await keeper.sweep()
  logDown(true)
  await keeper.sweep()
  await keeper.authority()
})

test('keys that are elsewhere: the CA’s, the next one, and one that signs without a certificate', async (t) => {
  const key = () => createKeySigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'kms')
  const [ca, next] = [key(), key()]
  const keyless = await setupTrust(t, { outer: { ca, next: { ca: next } } })
  await keyless.keeper.sweep()
  const { trustedRoot } = keyless.keeper.inForce()?.payload ?? {}
  assert.equal(trustedRoot?.certificateAuthorities.length, 2)
  assert.deepEqual((await keyless.keeper.authority()).spki, await ca.publicKey())
  assert.ok((await keyless.rows()).every(({ use, sealed }) => use === 'root' || sealed === null))
  const bundle = await keyless.signing().statement(statement, who)
  assert.ok(sigstoreTakes(keyless.keeper, bundle.json))
  await assert.rejects(keyless.keeper.rotateAuthority({ now: true, by: {} }), { code: 'bad_input' })

  const signer = key()
  const held = await setupTrust(t, { outer: { signer } })
  await held.keeper.sweep()
  assert.equal(held.keeper.inForce()?.payload.keys.length, 1)
  const by = createHeldKeySigner({ log: held.log, check: held.keeper.check, signer })
  const said = await by.statement(statement, who)
  assert.ok(oursTakes(held.keeper, said.json))
  await held.keeper.revoke({ key: said.by, fromMs: Date.now() - 60_000, reason: 'lost', by: {} })
  assert.ok(!oursTakes(held.keeper, said.json))
  const other = createHeldKeySigner({ log: held.log, check: held.keeper.check, signer: key() })
  await assert.rejects(other.statement(statement, who), { code: 'audit_rejected', message: /not trusted/ })
})
