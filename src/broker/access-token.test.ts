import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { SignJWT, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { Secret, newId, type RunId, type SessionId, type StepId } from '../lib/index.ts'
import { code, setup, startMs } from './broker.fixture.ts'
import { createSigningKeys } from '../oidc-issuer/index.ts'
import { createAccessTokens, type AccessClaims } from './index.ts'

const url = 'https://mayfly.example.com'
const now = startMs / 1000

const claims: AccessClaims = {
  session: newId<SessionId>('ses'),
  run: newId<RunId>('run'),
  roles: ['build', 'release'],
  step: newId<StepId>('stp'),
  jkt: 'thumb',
  actor: 'github:repo:octo/app',
  expiresSeconds: now + 60,
}

async function setupTokens(t: TestContext) {
  const it = await setup(t)
  const signingKeys = await createSigningKeys({ store: it.store, vaultKey: it.vaultKey, clock: it.clock })
  const key = signingKeys.signer('access', 'ES256')
  const tokens = createAccessTokens({ signingKeys, issuer: () => url, clock: it.clock })
  const forge = (payload: Record<string, unknown> = {}, typ: string | undefined = 'at+jwt') =>
    new SignJWT({
      iss: url,
      aud: url,
      sub: claims.session,
      iat: now,
      exp: now + 60,
      scope: 'build',
      run: claims.run,
      cnf: { jkt: 'thumb' },
      act: { sub: 'a' },
      ...payload,
    })
      .setProtectedHeader({ alg: 'ES256', ...(typ === '' ? {} : { typ }), kid: key.kid })
      .sign(key.privateKey)
  return { it, key, tokens, forge }
}

test('what is signed verifies, with a step and without', async (t) => {
  const { tokens } = await setupTokens(t)
  assert.deepEqual(await tokens.verify(tokens.sign(claims)), { ok: true, claims })
  const { step: _, ...ofSession } = claims
  assert.deepEqual(await tokens.verify(tokens.sign(ofSession)), { ok: true, claims: ofSession })
})

test('an access token is an at+jwt (RFC 9068), and its public key verifies it', async (t) => {
  const { tokens } = await setupTokens(t)
  const token = tokens.sign(claims)
  const header = decodeProtectedHeader(token)
  assert.deepEqual([header.alg, header.typ], ['ES256', 'at+jwt'])
  const payload = decodeJwt(token)
  assert.deepEqual(
    [payload.iss, payload.aud, payload.sub, payload['scope']],
    [url, url, claims.session, 'build release'],
  )
  assert.deepEqual(payload['cnf'], { jkt: 'thumb' })
  const [jwk] = tokens.publicJwks.keys
  assert.ok(jwk)
  assert.equal('d' in jwk, false)
  assert.equal(jwk.kid, header.kid)
  await jwtVerify(token, await importJWK(jwk, 'ES256'), { currentDate: new Date(startMs) })
})

test('two tokens of the same claims are two', async (t) => {
  const { tokens } = await setupTokens(t)
  const [a, b] = [decodeJwt(tokens.sign(claims)).jti, decodeJwt(tokens.sign(claims)).jti]
  assert.ok(a !== undefined && b !== undefined && a !== b)
})

test('refused: expired, to the second', async (t) => {
  const { tokens, it } = await setupTokens(t)
  const token = tokens.sign(claims)
  it.clock.ms += 59_000
  assert.equal((await tokens.verify(token)).ok, true)
  it.clock.ms += 1000
  const result = await tokens.verify(token)
  assert.equal(!result.ok && result.reason, 'expired')
})

const forgeries: readonly (readonly [string, Record<string, unknown>, string?])[] = [
  ['another issuer', { iss: 'https://evil.example.com' }],
  ['another audience', { aud: 'https://evil.example.com' }],
  ['typ JWT, such as an identity token', {}, 'JWT'],
  ['no typ', {}, ''],
  ['typ dpop+jwt', {}, 'dpop+jwt'],
  ['no cnf', { cnf: undefined }],
  ['cnf null', { cnf: null }],
  ['no act', { act: undefined }],
  ['no run', { run: undefined }],
  ['no scope', { scope: undefined }],
  ['no sub', { sub: undefined }],
  ['no exp', { exp: undefined }],
]
for (const [what, payload, typ] of forgeries) {
  test(`refused: ${what}`, async (t) => {
    const { tokens, forge } = await setupTokens(t)
    assert.equal((await tokens.verify(await forge())).ok, true)
    const result = await tokens.verify(await forge(payload, typ))
    assert.equal(!result.ok && result.reason, 'invalid')
  })
}

test('refused: a cnf without a thumbprint', async (t) => {
  const { tokens, forge } = await setupTokens(t)
  for (const cnf of [{}, { jkt: 7 }, { jkt: '' }, 'thumb']) {
    assert.equal((await tokens.verify(await forge({ cnf }))).ok, false, JSON.stringify(cnf))
  }
})

test('refused: another key with our kid, alg none, no token at all', async (t) => {
  const { tokens, key } = await setupTokens(t)
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const others = createAccessTokens({
    signingKeys: {
      signer: () => ({ ...key, ...stranger }),
      find: async () => undefined,
      published: () => [],
    },
    issuer: () => url,
    clock: { nowMs: () => startMs },
  })
  assert.equal((await tokens.verify(others.sign(claims))).ok, false)
  const [, payload] = tokens.sign(claims).split('.')
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
  for (const token of [`${none}.${payload}.`, '', '.', 'a.b.c'])
    assert.equal((await tokens.verify(token)).ok, false, token)
})

test('the signing key: made once, the same after a restart, sealed', async (t) => {
  const { it, key, tokens } = await setupTokens(t)
  const token = tokens.sign(claims)
  await it.restart()
  const again = await createSigningKeys({ store: it.store, vaultKey: it.vaultKey, clock: it.clock })
  assert.equal(again.signer('access', 'ES256').kid, key.kid)
  const verifier = createAccessTokens({ signingKeys: again, issuer: () => url, clock: it.clock })
  assert.equal((await verifier.verify(token)).ok, true)
  const rows = await it.store.read.selectFrom('signing_keys').selectAll().execute()
  assert.equal(rows.length, 1)
  assert.equal(Buffer.from(rows[0]?.sealed ?? []).includes('"d"'), false)
  assert.equal(rows[0]?.public_jwk.includes('"d"'), false)
})

test('refused: the signing key under another vault key', async (t) => {
  const { it } = await setupTokens(t)
  const vaultKey = new Secret(randomBytes(32))
  await assert.rejects(createSigningKeys({ store: it.store, vaultKey, clock: it.clock }), code('vault_key'))
})
