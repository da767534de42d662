import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { SignJWT, exportJWK } from 'jose'
import { Provider } from 'oidc-provider'
import { Secret } from '../lib/index.ts'
import type { IdentityTokenRequest } from '../oidc-issuer/index.ts'
import {
  assertHidden,
  failsWith,
  leftBy,
  refusesOddAnswers,
  refusesOddCredentials,
  revealed,
  setUp,
  startApi,
} from './api.fixture.ts'
import { oauthClient } from './oauth-client.ts'

const secret = 'p@ss word:1%&+'
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A real authorization server (oidc-provider), whose clients prove themselves in each of the three ways. */
async function startServer(t: TestContext) {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = {
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
    scope: 'read write',
  }
  const provider = new Provider(url, {
    clients: [
      {
        ...client,
        client_id: 'a:basic',
        client_secret: secret,
        token_endpoint_auth_method: 'client_secret_basic',
      },
      {
        ...client,
        client_id: 'post',
        client_secret: secret,
        token_endpoint_auth_method: 'client_secret_post',
      },
      {
        ...client,
        client_id: 'signed',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k' }] },
      },
    ],
    scopes: ['read', 'write', 'admin'],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: false },
    },
    ttl: { ClientCredentials: 1200 },
  })
  // Its events say why it refuses; nobody listens here.
  server.on('request', provider.callback())
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return url
}

const urls = (url: string) => ({
  token_url: `${url}/token`,
  revoke_url: `${url}/token/revocation`,
  introspect_url: `${url}/token/introspection`,
})

/** As RFC 7523 wants it of the client itself. */
async function identityToken({ audience, subject }: IdentityTokenRequest) {
  // At the end, when nothing of the step is there any more, it is still for whom it was.
  assert.ok('run' in subject && subject.run === 'run_1' && subject.role === 'builder')
  assert.equal(subject.connection.name, 'api')
  const token = await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .setIssuer('signed')
    .setSubject('signed')
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(privateKey)
  return new Secret(token)
}

test('at a real server: a token for each way to prove who the client is, used, revoked, and seen to be dead', async (t) => {
  const url = await startServer(t)
  const ways = [
    { client_id: 'a:basic', client_secret: 'secret:client' },
    { client_id: 'post', client_secret: 'secret:client', client_auth: 'post' },
    { client_id: 'signed', assertion: { audience: url } },
  ]
  for (const way of ways) {
    const config = { ...urls(url), ...way, scopes: ['read'] }
    const { mint, held, tools, clock } = setUp(oauthClient, {
      config,
      secrets: { client: `${secret}\n` },
      tools: { identityToken },
    })
    const { asked, minted } = await mint()
    const { token = '', authorization } = revealed(minted)
    assert.equal(authorization, `Bearer ${token}`)
    assert.equal(minted.expiresMs, clock.ms + 1_200_000)
    assert.deepEqual(minted.facts, { client: way.client_id, scope: 'read' })
    assertHidden([minted.facts, oauthClient.plan(asked)], [token, secret])
    const of = held(asked, minted)
    assert.equal(await oauthClient.probe?.(of, tools), 'alive')
    assert.equal(await oauthClient.revoke(of, tools), 'revoked')
    assert.equal(await oauthClient.probe?.(of, tools), 'dead')
    assert.equal(
      await oauthClient.revoke(of, tools),
      'revoked',
      'RFC 7009: what it does not know is revoked, too',
    )
  }
})

test('at a real server: another scope, another secret and another client are refused in its own words', async (t) => {
  const url = await startServer(t)
  const config = { ...urls(url), client_id: 'a:basic', client_secret: 'secret:client' }
  const secrets = { client: secret }
  const outside = setUp(oauthClient, { config: { ...config, scopes: ['admin'] }, secrets })
  await assert.rejects(
    outside.mint(),
    failsWith('credential_failed', /answers 400 to the request for a token: invalid_scope/, [secret]),
  )
  const wrong = setUp(oauthClient, { config, secrets: { client: 'another-secret' } })
  await assert.rejects(
    wrong.mint(),
    failsWith('credential_failed', /401.*invalid_client/, ['another-secret']),
  )
  const { mint, held } = setUp(oauthClient, { config, secrets })
  const { asked, minted } = await mint()
  await assert.rejects(
    oauthClient.revoke(held(asked, minted), wrong.tools),
    failsWith('credential_failed', /401 to the request to revoke a token: invalid_client/, [
      'another-secret',
    ]),
  )
})

test('each phase ends in a clear error without a secret, whatever the server says', async (t) => {
  const good = { access_token: 'token-1-secret', token_type: 'bearer', expires_in: 60 }
  const api = await startApi(t, () => ({ json: good }))
  const config = {
    ...urls(api.url),
    client_id: 'me',
    client_secret: 'secret:client',
    parameters: { audience: 'x&scope=all' },
  }
  const { mint, held, tools } = setUp(oauthClient, { api, config, secrets: { client: secret } })
  const { asked, minted } = await mint()
  assert.deepEqual(Object.fromEntries(new URLSearchParams(api.seen[0]?.text)), {
    grant_type: 'client_credentials',
    audience: 'x&scope=all',
  })
  const of = held(asked, minted)
  const token = 'planted-in-the-answer'
  await refusesOddAnswers(api, mint, [secret])
  await refusesOddAnswers(api, () => oauthClient.revoke(of, tools), [secret, 'token-1-secret'])
  await refusesOddAnswers(api, async () => oauthClient.probe?.(of, tools), [secret, 'token-1-secret'])
  await refusesOddCredentials(
    api,
    mint,
    [secret],
    [
      { ...good, access_token: undefined },
      { ...good, access_token: [token] },
      { ...good, access_token: `${token} x` },
      { ...good, access_token: token, token_type: undefined },
      { ...good, access_token: token, token_type: 'DPoP' },
      { ...good, access_token: token, expires_in: 0 },
      { ...good, access_token: token, expires_in: {} },
      { ...good, access_token: token, expires_in: 'soon' },
    ],
  )
  for (const odd of [
    { expires_in: 0 },
    { expires_in: null },
    { token_type: 'DPoP' },
    { access_token: 'a b' },
  ]) {
    api.mood = () => ({ json: { ...good, ...odd } })
    const handle = await leftBy(mint)
    api.mood = 'well'
    assert.equal(await oauthClient.revoke({ ...of, handle }, tools), 'revoked')
    const ended = new URLSearchParams(api.seen.at(-1)?.text).get('token')
    assert.equal(ended, odd.access_token ?? good.access_token, 'what was made is ended')
  }
  const narrow = setUp(oauthClient, {
    ...{ api, config: { ...config, scopes: ['a'] }, secrets: { client: secret } },
  })
  api.mood = () => ({ json: { ...good, scope: 'a admin' } })
  assert.deepEqual((await narrow.mint()).minted.facts, {
    ...{ client: 'me', scope: 'a admin', scope_beyond: 'admin' },
  })
  for (const json of [{}, { active: 'false' }, { active: 0 }]) {
    api.mood = () => ({ json })
    await assert.rejects(
      async () => oauthClient.probe?.(of, tools),
      failsWith('credential_failed', /no `active`/),
    )
  }
})

test('a token whose answer never came, or that cannot be revoked, lives to its own end, and that is said', async (t) => {
  const said: Record<string, unknown> = { access_token: 'token-1-secret', token_type: 'Bearer' }
  const api = await startApi(t, () => ({ json: said }))
  const config = { ...urls(api.url), client_id: 'me', client_secret: 'secret:client', ttl: '5m' }
  const able = setUp(oauthClient, { api, config, secrets: { client: secret } })
  assert.deepEqual(oauthClient.revocation(able.config), { means: 'at_once' })
  const { asked, minted } = await able.mint()
  assert.ok(
    minted.expiresMs > able.clock.ms + 86_400_000,
    'nobody says that it ends: it is never taken for expired',
  )
  assert.equal(await oauthClient.revoke(able.held(asked, undefined), able.tools), 'nothing_to_do')
  const unable = setUp(oauthClient, {
    config: { token_url: config.token_url, client_id: 'me', client_secret: 'secret:client' },
    secrets: { client: secret },
  })
  assert.deepEqual(oauthClient.revocation(unable.config), { means: 'by_expiry' })
  await assert.rejects(
    unable.mint(),
    failsWith('credential_failed', /no expires_in.*might never end/, ['token-1-secret']),
  )
  said['expires_in'] = '90'
  const later = await unable.mint()
  assert.equal(later.minted.expiresMs, unable.clock.ms + 90_000)
  const of = unable.held(later.asked, later.minted)
  assert.equal(await oauthClient.revoke(of, unable.tools), 'nothing_to_do')
  assert.equal(await oauthClient.probe?.(of, unable.tools), 'unknown')
})

test('two ways to prove who the client is, or none, are refused when mayfly.yaml is loaded', () => {
  const config = { token_url: 'https://auth.test/token', client_id: 'me' }
  for (const more of [
    {},
    { client_secret: 'secret:x', assertion: {} },
    { client_secret: 'secret:x', parameters: { client_id: 'you' } },
    { client_secret: 'secret:x', token_url: 'http://auth.test/token' },
  ])
    assert.throws(() => setUp(oauthClient, { config: { ...config, ...more } }))
})
