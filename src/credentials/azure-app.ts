import { azureAudiencesOf, azureScope } from '../kinds/index.ts'
import { Secret } from '../lib/index.ts'
import { apiOf, isGood, objectOf } from './api.ts'
import { registryLogin } from './azure-registry.ts'
import { endAfter } from './expiry.ts'
import type { CredentialIssuer, IssuerTools, MintRequest } from './issuer.ts'
import { bearer, tokenIn } from './shown-token.ts'

type Request = MintRequest<'azure-app'>

/** Entra ID says how long, and nobody else: 60 to 90 minutes, with continuous access evaluation up to a day. */
const longestSeconds = 86_400

/** Whom the servers of all clusters of Azure want a token for that take logins of Entra ID ("AKS-managed Microsoft Entra integration"). */
const clusters = '6dae42f8-4368-4678-94ff-3960e28e3630/.default'
const registries = 'https://containerregistry.azure.net/.default'

/**
 * Access tokens of Microsoft Entra ID (Microsoft identity platform, "OAuth 2.0 client credentials flow", third case: a certificate
 * credential that another issuer has signed). A token cannot be ended before its time: the gateway alone holds it, and forgets it
 * with the step. A connection of kind `azure` has one for each audience that its grants need, by the audience's name.
 */
export const azureApp: CredentialIssuer<'azure-app'> = {
  name: 'azure-app',
  longestSeconds,
  revocation: () => ({ means: 'by_expiry' }),
  plan: () => ({}),
  async mint(request, _plan, tools) {
    const { config, connection } = request
    const { client_id: application, tenant } = config
    const scopes = scopesOf(request)
    const tokens: Token[] = []
    for (const scope of Object.values(scopes)) tokens.push(await tokenFor(scope, request, tools))
    const facts = { application, tenant, scope: Object.values(scopes).join(' ') }
    const [first] = tokens
    if (first === undefined) throw new TypeError('no scope')
    if (connection.kind === 'oci')
      return { ...(await registryLogin(first.token, request, tools)), handle: {}, facts }
    const shown = tokens.map(({ token }) => bearer(token))
    const named = Object.keys(scopes).map((name, i) => [name, shown[i]] as const)
    return {
      fields: {
        ...(connection.kind === 'azure' ? Object.fromEntries(named) : {}),
        token: new Secret(first.token),
      },
      authorization: shown[0] ?? bearer(first.token),
      expiresMs: Math.min(...tokens.map(({ expiresMs }) => expiresMs)),
      ...{ handle: {}, facts },
    }
  },
  revoke: async () => 'nothing_to_do',
}

/** By whom a token is for: of Azure itself what the grants need, and no more. */
function scopesOf({ config, connection, grants }: Request): Readonly<Record<string, string>> {
  if (config.scope !== undefined) return { token: config.scope }
  if (connection.kind === 'kubernetes') return { token: clusters }
  if (connection.kind === 'oci') return { token: registries }
  const needed = azureAudiencesOf(grants)
  const all = needed.length === 0 ? (['management'] as const) : needed
  return Object.fromEntries(all.map((audience) => [audience, azureScope(audience, connection.url)]))
}

interface Token {
  readonly token: string
  readonly expiresMs: number
}

async function tokenFor(scope: string, request: Request, tools: IssuerTools): Promise<Token> {
  const { config, connection } = request
  const { authority, tenant, client_id: client, audience } = config
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
  return { token, expiresMs: endAfter(said['expires_in'], api, tools.clock.nowMs()) }
}
