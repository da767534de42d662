import { Secret } from '../lib/index.ts'
import { apiOf, isGood, objectOf } from './api.ts'
import { endAfter } from './expiry.ts'
import type { CredentialIssuer } from './issuer.ts'
import { bearer, tokenIn } from './shown-token.ts'

/** Entra ID says how long, and nobody else: 60 to 90 minutes, with continuous access evaluation up to a day. */
const longestSeconds = 86_400

/**
 * Access tokens of Microsoft Entra ID (Microsoft identity platform, "OAuth 2.0 client credentials flow", third case: a certificate
 * credential that another issuer has signed). A token cannot be ended before its time: the gateway alone holds it, and forgets it
 * with the step.
 */
export const azureApp: CredentialIssuer<'azure-app'> = {
  name: 'azure-app',
  longestSeconds,
  revocation: () => ({ means: 'by_expiry' }),
  plan: () => ({}),
  async mint(request, _plan, tools) {
    const { config, connection } = request
    const { authority, tenant, client_id: client, scope, audience } = config
    // Entra ID takes RS256 alone.
    const identity = await tools.identityToken({ audience, subject: request, alg: 'RS256' })
    const api = apiOf(authority, { tools, connection, secrets: [identity] })
    const answer = await api.ask({
      method: 'POST',
      url: new URL(`/${tenant}/oauth2/v2.0/token`, authority).href,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({
        ...{ grant_type: 'client_credentials', client_id: client, scope },
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: identity.reveal(),
      }).toString(),
    })
    if (!isGood(answer)) throw api.refusal(answer, `the request for a token of application ${client}`)
    const said = objectOf(answer, api)
    const token = tokenIn(said['access_token'], 'access_token', api)
    if (typeof said['token_type'] !== 'string' || said['token_type'].toLowerCase() !== 'bearer')
      throw api.odd('a token that is no Bearer token (token_type)')
    return {
      fields: { token: new Secret(token) },
      authorization: bearer(token),
      expiresMs: endAfter(said['expires_in'], api, tools.clock.nowMs()),
      handle: {},
      facts: { application: client, tenant, scope },
    }
  },
  revoke: async () => 'nothing_to_do',
}
