import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import type { AttestDocument } from '../../config/index.ts'
import { createHttpClient } from '../../http-client/index.ts'
import { Secret } from '../../lib/index.ts'
import { configuredKeys, createPublishedSigner, createStoredPins } from '../keys/index.ts'
import { createHeldKeySigner, createKeylessSigner } from '../sign/index.ts'
import { openTrustDocument, verifyBundle } from '../verify/index.ts'
import { createTrustKeeper } from './index.ts'
import { offlineRoot, setupTrust, statement, who } from './trust.fixture.ts'

function pemOf(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  })
}

test('the next key is in the trust document before it signs; what each key is, where, and since when', async (t) => {
  const world = await setupTrust(t)
  const { it, log } = world
  const pems: Readonly<Record<string, string>> = { one: pemOf(), two: pemOf(), three: pemOf() }
  const pins = createStoredPins({ store: it.store, clock: it.clock })
  /** A server with this file. */
  async function server(file: { signer: { secret: string }; next?: { secret: string } }) {
    const openSecret = (name: string) => Promise.resolve(new Secret(pems[name] ?? ''))
    const outer = configuredKeys(file, { http: createHttpClient(), variables: {}, openSecret, pins })
    const keeper = createTrustKeeper({ ...world.deps(), outer })
    await keeper.sweep()
    assert.ok(outer.signer !== undefined)
    const signer = createPublishedSigner(outer.signer, () => keeper.inForce()?.payload)
    const by = createHeldKeySigner({ log, check: keeper.check, signer })
    const states = (await keeper.keys())
      .filter(({ use }) => use === 'signing')
      .map(({ at, state }) => `${at}: ${state}`)
    return { keeper, states, sign: () => by.statement(statement, who) }
  }

  const first = await server({ signer: { secret: 'one' } })
  assert.deepEqual(first.states, ['secret one: signs'])
  await first.sign()
  const announced = await server({ signer: { secret: 'one' }, next: { secret: 'two' } })
  assert.deepEqual(announced.states, ['secret one: signs', 'secret two: next'])
  assert.equal(announced.keeper.inForce()?.payload.keys.length, 2)
  const later = await server({ signer: { secret: 'two' } })
  assert.deepEqual(later.states, ['secret one: retired', 'secret two: signs'])
  const bundle = await later.sign()
  // A server with the former file goes on until it is started anew.
  await first.keeper.sweep()
  await first.sign()

  // From here on the root key is offline: what is new waits for it.
  const offline = offlineRoot()
  const draft = await later.keeper.draft({ root: [offline.publicKey] })
  await later.keeper.publish(await offline.sign(draft.envelope), { by: 'test' })
  const size = log.size()
  const third = await server({ signer: { secret: 'three' } })
  assert.deepEqual(third.states.at(-1), 'secret three: unpublished')
  await assert.rejects(third.sign(), {
    code: 'attest_key',
    message: /not in the trust document yet.*root next/,
  })
  assert.equal(log.size(), size, 'nothing was signed')
  const next = await third.keeper.draft({})
  await third.keeper.publish(await offline.sign(next.envelope), { by: 'test' })
  await third.sign()

  const [, two] = (await third.keeper.keys()).filter(({ use }) => use === 'signing')
  assert.equal(two?.key, bundle.by)
  await third.keeper.revoke({ key: bundle.by, reason: 'lost', by: { by: 'test' } })
  const revoked = (await third.keeper.keys()).find(({ key }) => key === bundle.by)
  assert.equal(revoked?.state, 'revoked')
  const former = await server({ signer: { secret: 'two' } })
  await third.keeper.publish(await offline.sign((await third.keeper.draft({})).envelope), { by: 'test' })
  await former.keeper.sweep()
  await assert.rejects(former.sign(), { code: 'attest_key', message: /was revoked/ })
})

test('from certificates to a key and back: what is to sign is known before it does, and what others signed stays good', async (t) => {
  const world = await setupTrust(t)
  const { it, log } = world
  const pems: Readonly<Record<string, string>> = { one: pemOf(), ca: pemOf() }
  const pins = createStoredPins({ store: it.store, clock: it.clock })
  const offline = offlineRoot()
  const signed: string[] = []

  /** A server with this file; the root key is offline, so that nothing gets into the document by itself. */
  async function server(file: Pick<AttestDocument, 'signer' | 'ca' | 'next'>) {
    const openSecret = (name: string) => Promise.resolve(new Secret(pems[name] ?? ''))
    const outer = configuredKeys(file, { http: createHttpClient(), variables: {}, openSecret, pins })
    const keeper = createTrustKeeper({ ...world.deps(), outer })
    await keeper.sweep()
    const by =
      outer.signer === undefined
        ? createKeylessSigner({
            log,
            check: keeper.check,
            authority: () => keeper.authority(),
            clock: it.clock,
          })
        : createHeldKeySigner({
            ...{ log, check: keeper.check },
            signer: createPublishedSigner(outer.signer, () => keeper.inForce()?.payload),
          })
    return {
      keeper,
      sign: async () => void signed.push((await by.statement(statement, who)).json),
      async publish(root?: readonly string[]) {
        const { envelope } = await keeper.draft(root === undefined ? {} : { root })
        await keeper.publish(await offline.sign(envelope), { by: 'test' })
      },
      states: async () => (await keeper.keys()).map(({ use, state }) => `${use} ${state}`),
      shown: async () => (await keeper.standing()).authorities.map(({ state }) => state),
    }
  }

  const allHold = (envelope: string | undefined) => {
    const opened = openTrustDocument(envelope, [offline.publicKey])
    assert.ok(opened.ok)
    assert.deepEqual(
      signed.map((json) => verifyBundle(json, opened.trust)).filter(({ ok }) => !ok),
      [],
    )
  }

  const keyless = await server({ signer: 'keyless' })
  await keyless.publish([offline.publicKey])
  await keyless.sign()
  // Straight away it would sign what nobody knows: it signs nothing.
  await assert.rejects((await server({ signer: { secret: 'one' } })).sign(), { code: 'attest_key' })
  const announced = await server({ signer: 'keyless', next: { signer: { secret: 'one' } } })
  await announced.publish()
  assert.deepEqual(await announced.states(), ['ca signs', 'signing next'])
  await announced.sign()
  const known = announced.keeper.inForce()?.envelope
  const byKey = await server({ signer: { secret: 'one' } })
  await byKey.sign()
  assert.deepEqual(
    [await byKey.states(), await byKey.shown()],
    [['ca retired', 'signing signs'], ['retired']],
  )
  allHold(known)

  // Back, to a CA that is here; the former one has been revoked meanwhile.
  const [ca] = await byKey.keeper.keys()
  it.clock.ms = Date.now() + 2_000
  await byKey.keeper.revoke({ key: ca?.key ?? '', reason: 'no longer in use', by: {} })
  const back = await server({ signer: { secret: 'one' }, next: 'keyless' })
  await back.publish()
  assert.deepEqual(await back.states(), ['ca revoked', 'signing signs', 'ca next'])
  assert.deepEqual(await back.shown(), ['revoked', 'next'])
  await back.sign()
  const knownBack = back.keeper.inForce()?.envelope
  const again = await server({ signer: 'keyless' })
  await again.sign()
  assert.deepEqual(await again.states(), ['ca revoked', 'signing retired', 'ca signs'])
  allHold(knownBack)

  // And to a CA whose key is elsewhere, from a key without certificates.
  const outerNext = await server({ signer: { secret: 'one' }, next: { ca: { secret: 'ca' } } })
  await outerNext.publish()
  assert.equal((await outerNext.states()).at(-1), 'ca next')
  const byOuter = await server({ signer: 'keyless', ca: { secret: 'ca' } })
  await byOuter.sign()
  assert.equal((await byOuter.states()).at(-1), 'ca signs')
  allHold(outerNext.keeper.inForce()?.envelope)
  assert.equal(signed.length, 6)
})
