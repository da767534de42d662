import assert from 'node:assert/strict'
import { test } from 'node:test'
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
