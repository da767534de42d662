import { Secret } from '../lib/index.ts'
import { apiOf, isGood, objectOf } from './api.ts'
import { endless } from './expiry.ts'
import type { IssuerTools, Minted, MintRequest } from './issuer.ts'
import { basic, tokenIn } from './shown-token.ts'

/** Whom a registry of Azure takes for the user of its own refresh tokens. */
const user = '00000000-0000-0000-0000-000000000000'

/**
 * A login at a registry of Azure for a token of Microsoft Entra ID (Azure Container Registry, "AAD-OAuth": `/oauth2/exchange`): its
 * refresh token is the password at its token endpoint, as `az acr login` gives it to docker. All of it stays in the gateway.
 */
export async function registryLogin(
  token: string,
  { connection, config }: MintRequest<'azure-app'>,
  tools: IssuerTools,
): Promise<Pick<Minted, 'fields' | 'authorization' | 'expiresMs'>> {
  const api = apiOf(connection.url, { tools, connection, secrets: [new Secret(token)] })
  const answer = await api.ask({
    method: 'POST',
    url: new URL('/oauth2/exchange', connection.url).href,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({
      ...{ grant_type: 'access_token', service: connection.host, tenant: config.tenant },
      access_token: token,
    }).toString(),
  })
  if (!isGood(answer)) throw api.refusal(answer, `the exchange of a token of application ${config.client_id}`)
  const password = tokenIn(objectOf(answer, api)['refresh_token'], 'refresh_token', api)
  const secret = new Secret(password)
  return {
    fields: { username: new Secret(user), password: secret, token: secret },
    authorization: basic(user, password),
    expiresMs: endOf(password) ?? endless(tools.clock.nowMs()),
  }
}

/** Only the token itself says when it ends (RFC 7519, `exp`): three hours from now, mostly. */
function endOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const end = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined
    return typeof end === 'number' && Number.isSafeInteger(end) && end > 0 ? end * 1000 : undefined
  } catch {
    return undefined
  }
}
