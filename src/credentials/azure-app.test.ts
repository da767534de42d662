import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Secret } from '../lib/index.ts'
import type { IdentityTokenRequest } from '../oidc-issuer/index.ts'
import {
  assertHidden,
  failsWith,
  refusesOddAnswers,
  refusesOddCredentials,
  revealed,
  setUp,
  startApi,
  startMs,
} from './api.fixture.ts'
import { azureApp } from './azure-app.ts'

const tenant = '11111111-2222-3333-4444-555555555555'
const client = '66666666-7777-8888-9999-000000000000'
const scope = 'https://management.azure.com/.default'
const identity = 'eyJ.own.identity'

test('a token of an application for Mayfly’s own identity, as Entra ID’s reference says', async (t) => {
  const api = await startApi(t, () => ({
    json: { access_token: 'token-of-app', token_type: 'Bearer', expires_in: 3_599 },
  }))
  const asked: IdentityTokenRequest[] = []
  const tools = {
    identityToken: async (request: IdentityTokenRequest) => {
      asked.push(request)
      return new Secret(identity)
    },
  }
  const it = setUp(azureApp, { api, config: { tenant, client_id: client, scope, authority: api.url }, tools })
  const { asked: request, minted } = await it.mint()
  assert.deepEqual([asked[0]?.audience, asked[0]?.alg], ['api://AzureADTokenExchange', 'RS256'])
  assert.equal(api.seen[0]?.path, `/${tenant}/oauth2/v2.0/token`)
  assert.deepEqual(Object.fromEntries(new URLSearchParams(api.seen[0]?.text)), {
    ...{ grant_type: 'client_credentials', client_id: client, scope },
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: identity,
  })
  assert.equal(revealed(minted).authorization, 'Bearer token-of-app')
  assert.equal(minted.expiresMs, startMs + 3_599_000)
  assert.deepEqual(azureApp.revocation(it.config), { means: 'by_expiry' })
  assert.equal(await azureApp.revoke(it.held(request, minted), it.tools), 'nothing_to_do')
  assertHidden([minted.facts, minted.handle], ['token-of-app'])
  await refusesOddAnswers(api, () => it.mint(), [identity])
  await refusesOddCredentials(
    api,
    () => it.mint(),
    [identity],
    [
      { access_token: 'planted-in-the-answer', token_type: 'pop', expires_in: 60 },
      { access_token: 'planted-in-the-answer', token_type: 'Bearer' },
    ],
  )
  api.mood = () => ({
    status: 401,
    json: { error: 'invalid_client', error_description: `AADSTS700213: ${identity}` },
  })
  await assert.rejects(
    it.mint(),
    failsWith('credential_failed', /401 to the request for a token of application 66666666/, [identity]),
  )
})

function startEntra(t: TestContext) {
  let count = 0
  return startApi(t, ({ path }) => ({
    json: path.endsWith('/oauth2/exchange')
      ? { refresh_token: `eyJ.${claims({ exp: (startMs + 10_800_000) / 1000 })}.signature` }
      : { access_token: `token-${++count}`, token_type: 'Bearer', expires_in: 3_600 },
  }))
}

const claims = (said: object) => Buffer.from(JSON.stringify(said)).toString('base64url')
const tools = { identityToken: async () => new Secret(identity) }
const ofApp = (authority: string) => ({ tenant, client_id: client, authority })

test('of Azure a token for each audience that the grants need, and for no other', async (t) => {
  const api = await startEntra(t)
  const it = setUp(azureApp, {
    ...{ api, config: ofApp(api.url), tools, kind: 'azure', url: 'https://management.azure.com' },
    connection: { tenant, subscription: tenant },
    grants: [
      'azure:call prod/blob/containers/blobs/write@releases/app/*',
      'azure:read prod/microsoft.web/sites/read@shop-rg/*',
      'azure:read prod/arm:GET',
    ],
  })
  const { minted } = await it.mint()
  assert.deepEqual(
    api.seen.map(({ text }) => new URLSearchParams(text).get('scope')),
    ['https://management.azure.com/.default', 'https://storage.azure.com/.default'],
  )
  assert.deepEqual(revealed(minted), {
    ...{ management: 'Bearer token-1', storage: 'Bearer token-2', token: 'token-1' },
    authorization: 'Bearer token-1',
  })
})

test('a registry gives a login for such a token; a cluster wants one of its own', async (t) => {
  const api = await startEntra(t)
  const registry = setUp(azureApp, { api, config: ofApp(api.url), tools, kind: 'oci', url: api.url })
  const { minted } = await registry.mint()
  assert.deepEqual(Object.fromEntries(new URLSearchParams(api.seen[1]?.text)), {
    ...{ grant_type: 'access_token', service: '127.0.0.1', tenant, access_token: 'token-1' },
  })
  assert.match(revealed(minted).authorization ?? '', /^Basic MDAwMDAwMDAt/)
  assert.equal(minted.expiresMs, startMs + 10_800_000)
  assertHidden([minted.facts, minted.handle], ['token-1', 'signature'])
  const cluster = setUp(azureApp, {
    ...{ api, config: ofApp(api.url), tools, kind: 'kubernetes', url: 'https://cluster.test' },
  })
  await cluster.mint()
  assert.match(api.seen.at(-1)?.text ?? '', /scope=6dae42f8-4368-4678-94ff-3960e28e3630%2F\.default/)
})

test('who says what tokens are for is clear when the policy is loaded', () => {
  const config = ofApp('https://login.microsoftonline.com')
  assert.throws(() => setUp(azureApp, { config }), /needs the scope/)
  assert.throws(
    () =>
      setUp(azureApp, {
        ...{ config: { ...config, scope }, kind: 'azure', url: 'https://management.azure.com' },
        connection: { tenant, subscription: tenant },
      }),
    /takes no scope/,
  )
})
