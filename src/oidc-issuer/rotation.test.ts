import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { code, setup } from '../broker/broker.fixture.ts'
import { createAccessTokens, type AccessClaims } from '../broker/index.ts'
import { newId, type RunId, type SessionId } from '../lib/index.ts'
import { createSigningKeys, createRotation, rotateAfterMs } from './index.ts'

const url = 'https://mayfly.example.com'
const minute = 60_000
const day = 24 * 60 * minute
const scheduleMs = rotateAfterMs(undefined)

/** One store with as many servers as are asked for. */
async function setupServers(t: TestContext, count = 1) {
  const it = await setup(t)
  const { store, vaultKey, clock, broker } = it
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const signingKeys = await createSigningKeys({ store, vaultKey, clock })
      const rotation = createRotation({ signingKeys, records: broker.outbox, vaultKey, clock })
      const tokens = createAccessTokens({ signingKeys, issuer: () => url, clock })
      return { signingKeys, rotation, tokens, sign: () => tokens.sign(claims(clock.ms / 1000 + 300)) }
    }),
  )
  const [server] = servers
  assert.ok(server)
  const rows = () => store.read.selectFrom('signing_keys').selectAll().execute()
  const entries = async () => {
    while ((await broker.counts()).undelivered > 0) await new Promise((next) => setImmediate(next))
    return it.audit.ofType('oidc.rotated')
  }
  return { ...server, it, servers, rows, entries }
}

const claims = (expiresSeconds: number): AccessClaims => ({
  session: newId<SessionId>('ses'),
  run: newId<RunId>('run'),
  roles: ['build'],
  jkt: 'thumb',
  actor: 'github:x',
  expiresSeconds,
})

test('a rotation ends no session: the next key is published, then signs, and the old one stays until its tokens have ended', async (t) => {
  const { signingKeys, rotation, tokens, sign, it, rows } = await setupServers(t)
  const first = signingKeys.signer('access', 'ES256').kid
  const [next] = await rotation.rotate({ use: 'access', now: false, by: {} })
  assert.ok(next)
  assert.deepEqual(new Set(tokens.publicJwks.keys.map(({ kid }) => kid)), new Set([first, next.kid]))
  assert.equal(signingKeys.signer('access', 'ES256').kid, first)
  it.clock.ms = next.signsFromMs - 1
  const before = sign()
  it.clock.ms = next.signsFromMs
  assert.equal(signingKeys.signer('access', 'ES256').kid, next.kid)
  const after = sign()
  it.clock.ms += 299_000
  await rotation.sweep(scheduleMs)
  for (const token of [before, after]) assert.equal((await tokens.verify(token)).ok, true)
  it.clock.ms = next.replacedUntilMs
  await rotation.sweep(scheduleMs)
  assert.deepEqual(
    (await rows()).map(({ kid }) => kid),
    [next.kid],
  )
})

test('a rotation is in the log with both keys, and asked for twice makes one key', async (t) => {
  const { signingKeys, rotation, rows, entries } = await setupServers(t)
  await signingKeys.firstSigner('identity', 'RS256')
  const made = await rotation.rotate({ now: false, by: { by: 'anna' } })
  const again = await rotation.rotate({ now: false, by: {} })
  assert.deepEqual(
    again.map(({ kid, pending }) => [kid, pending]),
    made.map(({ kid }) => [kid, true]),
  )
  assert.equal((await rows()).length, 4)
  const data = (await entries()).map((one) => one.data)
  assert.deepEqual(
    data.map((one) => [one['by'], one['reason'], one['use'], one['alg'], one['key'], one['replaces']]),
    made.map((one) => ['anna', 'asked', one.use, one.alg, one.kid, one.replaces]),
  )
})

test('a key in wrong hands: what it signed, and would have signed next, is refused at once, by every server', async (t) => {
  const { rotation, servers, it, entries } = await setupServers(t, 2)
  const [one, two] = servers
  assert.ok(one && two)
  const stolen = one.sign()
  const signed = one.signingKeys.signer('access', 'ES256').kid
  const [waiting] = await rotation.rotate({ use: 'access', now: false, by: {} })
  const [next] = await rotation.rotate({ use: 'access', now: true, by: {} })
  await two.rotation.sweep(scheduleMs)
  for (const server of servers) {
    assert.equal((await server.tokens.verify(stolen)).ok, false)
    assert.deepEqual(
      server.tokens.publicJwks.keys.map(({ kid }) => kid),
      [next?.kid],
    )
    assert.equal((await one.tokens.verify(server.sign())).ok, true)
  }
  // Also by a clock that is an hour behind, before anybody has deleted it.
  const [third] = await rotation.rotate({ use: 'access', now: true, by: {} })
  it.clock.ms -= 3_600_000
  await two.signingKeys.refresh()
  assert.equal((await two.tokens.verify(stolen)).ok, false)
  assert.deepEqual(
    two.signingKeys.published('access').map(({ kid }) => kid),
    [third?.kid],
  )
  assert.equal(two.signingKeys.signer('access', 'ES256').kid, third?.kid)
  it.clock.ms += 3_600_000
  // Also once the key that was waiting would have had its time.
  it.clock.ms += 2 * day
  await two.rotation.sweep(scheduleMs)
  assert.equal(two.signingKeys.signer('access', 'ES256').kid, third?.kid)
  assert.deepEqual(
    (await entries()).map(({ data }) => data['reason']),
    ['asked', 'compromised', 'compromised'],
  )
  // Whoever reads it asks since when the stolen key was taken: that is the one that signed, not the one that waited.
  const told = (await entries()).at(1)?.data
  for (const answer of [told, next]) {
    assert.equal(answer?.['replaces' as never], signed)
    assert.deepEqual(answer['withdrawn' as never], [signed, waiting?.kid])
  }
})

test('two servers make one first key, and one next key when it is due', async (t) => {
  const { servers, it, rows, entries } = await setupServers(t, 2)
  assert.equal((await rows()).length, 1)
  await Promise.all(servers.map(({ signingKeys }) => signingKeys.firstSigner('identity', 'RS256')))
  it.clock.ms += scheduleMs - 1
  await Promise.all(servers.map(({ rotation }) => rotation.sweep(scheduleMs)))
  assert.equal((await rows()).length, 2)
  it.clock.ms += 1
  await Promise.all(servers.map(({ rotation }) => rotation.sweep(scheduleMs)))
  await Promise.all(servers.map(({ rotation }) => rotation.sweep(scheduleMs)))
  assert.equal((await rows()).length, 4)
  assert.equal((await entries()).length, 2)
  const [one, two] = servers
  it.clock.ms += 2 * day
  assert.equal(
    one?.signingKeys.signer('identity', 'RS256').kid,
    two?.signingKeys.signer('identity', 'RS256').kid,
  )
})

test('two operators at once: a compromise wins over a rotation that was planned', async (t) => {
  const { servers, rows, it } = await setupServers(t, 2)
  const [one, two] = servers
  const old = one?.signingKeys.signer('access', 'ES256').kid
  const stolen = one?.sign() ?? ''
  await Promise.all([
    one?.rotation.rotate({ use: 'access', now: false, by: {} }),
    two?.rotation.rotate({ use: 'access', now: true, by: {} }),
  ])
  await one?.signingKeys.refresh()
  assert.notEqual(one?.signingKeys.signer('access', 'ES256').kid, old)
  assert.equal((await one?.tokens.verify(stolen))?.ok, false)
  const numbers = (await rows()).map(({ number }) => number)
  assert.equal(new Set(numbers).size, numbers.length)
  assert.ok(it)
})

test('a key that another server made is read again, for whoever shows a token of it', async (t) => {
  const { servers, it } = await setupServers(t, 2)
  const [one, two] = servers
  await one?.rotation.rotate({ use: 'access', now: true, by: {} })
  it.clock.ms += 1000
  assert.equal((await two?.tokens.verify(one?.sign() ?? ''))?.ok, true)
})

test('no key is found by what is no id of ours, nor by one of the other use', async (t) => {
  const { signingKeys } = await setupServers(t)
  const { kid } = await signingKeys.firstSigner('identity', 'ES256')
  assert.equal((await signingKeys.find('identity', kid))?.kid, kid)
  for (const id of [
    undefined,
    null,
    '',
    7,
    {},
    [kid],
    `${kid} `,
    '../../etc/passwd',
    "' OR 1=1 --",
    '__proto__',
  ])
    assert.equal(await signingKeys.find('identity', id), undefined)
  assert.equal(await signingKeys.find('access', kid), undefined)
})

test('a clock that was set back signs with a key that is published', async (t) => {
  const { signingKeys, tokens, sign, it } = await setupServers(t)
  it.clock.ms -= day
  assert.equal((await tokens.verify(sign())).ok, true)
  assert.equal(signingKeys.published('access').length, 1)
})

test('refused: a row whose public key is not that of its private one', async (t) => {
  const { signingKeys, it } = await setupServers(t)
  const { kid } = await signingKeys.firstSigner('identity', 'ES256')
  const other = signingKeys.signer('access', 'ES256')
  await it.store.write((tx) =>
    tx
      .updateTable('signing_keys')
      .set({ public_jwk: JSON.stringify(other.publicJwk) })
      .where('kid', '=', kid)
      .execute(),
  )
  await assert.rejects(createSigningKeys({ ...it }), code('vault_key', /restore the store/))
})
