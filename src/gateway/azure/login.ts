import { azureCloudOf, azureStandsFor } from '../../kinds/index.ts'
import type { Clock } from '../../lib/index.ts'
import { collect } from '../collect.ts'
import type { Exchange } from '../exchange.ts'
import { answerError } from './answers.ts'
import { standInToken } from './stand-in.ts'

const maxFormBytes = 65_536
const tenantForm = '[A-Za-z0-9][A-Za-z0-9.-]{0,100}'
const routes = {
  token: new RegExp(`^/(${tenantForm})/oauth2/(?:v2\\.0/)?token$`),
  configuration: new RegExp(`^/(${tenantForm})/(?:v2\\.0/)?\\.well-known/openid-configuration$`),
  // Where Azure's own machines get theirs (App Service, "Managed identities", REST endpoint), and so `az login --identity`.
  machine: /^\/msi\/token$/,
  discovery: /^\/(common)\/discovery\/instance$/,
}

/**
 * Microsoft Entra ID, as far as tools ask it before they have a token (OpenID Connect Discovery; "Microsoft identity platform and the
 * OAuth 2.0 client credentials flow"). All of it is answered here, and nothing goes there.
 */
export async function answerLogin(exchange: Exchange, clock: Clock): Promise<void> {
  const { connection, path, request } = exchange
  const host = azureCloudOf(connection.url).login
  const base = `https://${host}`
  const [, tenant = ''] = routes.configuration.exec(path) ?? []
  if (routes.discovery.test(path) && request.method === 'GET')
    return answerJson(exchange, {
      tenant_discovery_endpoint: `${base}/common/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    })
  if (tenant !== '' && request.method === 'GET')
    return answerJson(exchange, {
      token_endpoint: `${base}/${tenant}/oauth2/v2.0/token`,
      authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/authorize`,
      device_authorization_endpoint: `${base}/${tenant}/oauth2/v2.0/devicecode`,
      jwks_uri: `${base}/${tenant}/discovery/v2.0/keys`,
      issuer: `${base}/${tenant}/v2.0`,
      response_types_supported: ['code', 'id_token'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    })
  if (routes.machine.test(path) && request.method === 'GET')
    return answerToken(exchange, connection.settings?.tenant ?? '', machineForm(exchange), clock)
  const [, of] = routes.token.exec(path) ?? []
  if (of !== undefined && request.method === 'POST') {
    const body = await collect(request, maxFormBytes)
    return answerToken(exchange, of, new URLSearchParams(body?.toString('utf8') ?? ''), clock)
  }
  refuse(exchange, 'of Microsoft Entra ID only what tools log in with is answered in a step', 403)
}

/** What tools get for the federated token of their settings: a stand-in, which opens nothing. */
function answerToken(exchange: Exchange, tenant: string, form: URLSearchParams, clock: Clock): void {
  // A script that logs in with a secret may be given the stand-in for one.
  const shown = form.get('client_assertion') ?? form.get('client_secret') ?? ''
  const connection = azureStandsFor(shown.trim())
  if (connection === undefined || form.get('grant_type') !== 'client_credentials')
    return refuse(
      exchange,
      'it asks for a token with a login that is not the stand-in of a connection: let the tool take the settings that it finds in a step (AZURE_FEDERATED_TOKEN_FILE)',
      401,
    )
  const issuer = `https://${azureCloudOf(exchange.connection.url).login}/${tenant}/v2.0`
  const audience = form.get('resource') ?? (form.get('scope') ?? '').replace(/\/\.default$/, '')
  const { token, seconds } = standInToken(connection, {
    ...{ audience: audience.slice(0, 300), tenant, issuer },
    nowMs: clock.nowMs(),
  })
  const expiresOn = Math.floor(clock.nowMs() / 1000) + seconds
  answerJson(exchange, {
    ...{ token_type: 'Bearer', expires_in: seconds, ext_expires_in: seconds, access_token: token },
    // As the older endpoint says it.
    ...(form.has('resource') ? { resource: audience, expires_on: String(expiresOn) } : {}),
  })
}

/** The same request as a form. */
function machineForm({ request, query }: Exchange): URLSearchParams {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    resource: new URLSearchParams(query).get('resource') ?? '',
    client_assertion: String(request.headers['x-identity-header'] ?? ''),
  })
}

function refuse(exchange: Exchange, why: string, status: number): void {
  const what = `azure login ${exchange.connection.name}${exchange.path.slice(0, 200)}`
  answerError(exchange, 'token', exchange.deny(what, why), { status })
}

export function answerJson({ response }: Pick<Exchange, 'response'>, value: unknown): void {
  const text = JSON.stringify(value)
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
