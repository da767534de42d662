import { gcpAudience } from '../config/index.ts'
import { Secret } from '../lib/index.ts'
import { apiOf, isGood, objectOf } from './api.ts'
import { endAfter, endAt } from './expiry.ts'
import { accessBoundary } from './gcp-boundary.ts'
import type { CredentialIssuer, IssuerTools, Minted, MintRequest } from './issuer.ts'
import { bearer, tokenIn } from './shown-token.ts'

type Request = MintRequest<'gcp-service-account'>

interface Token {
  readonly token: string
  readonly expiresMs: number
}

const tokenType = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

/** A service account's token lives no longer, unless an organisation allows it. */
const longestSeconds = 3_600

/**
 * Access tokens by workload identity federation (Security Token Service API, `token`; IAM Service Account Credentials API,
 * `generateAccessToken`). A token cannot be ended before its time: the gateway alone holds it, and forgets it with the step.
 */
export const gcpServiceAccount: CredentialIssuer<'gcp-service-account'> = {
  name: 'gcp-service-account',
  longestSeconds,
  revocation: () => ({ means: 'by_expiry' }),
  plan: () => ({}),
  async mint(request, _plan, tools) {
    const { config, grants } = request
    const federated = await byIdentity(request, tools)
    if (config.service_account === undefined) return mintedBy(federated, request, { narrowed: false })
    const own = await ofAccount(federated, request, tools)
    const boundary = config.boundary === 'grants' ? accessBoundary(grants) : undefined
    const narrowed =
      boundary === undefined
        ? own
        : await exchanged(request, tools, [own.token], {
            subject_token: own.token,
            subject_token_type: tokenType('access_token'),
            options: encodeURIComponent(JSON.stringify(boundary)),
          })
    return mintedBy({ ...narrowed, expiresMs: Math.min(own.expiresMs, narrowed.expiresMs) }, request, {
      narrowed: boundary !== undefined,
    })
  },
  revoke: async () => 'nothing_to_do',
}

function mintedBy(
  { token, expiresMs }: Token,
  { config }: Request,
  { narrowed }: { narrowed: boolean },
): Minted {
  return {
    fields: { token: new Secret(token) },
    authorization: bearer(token),
    expiresMs,
    handle: {},
    facts: { account: config.service_account ?? config.workload_identity_provider, narrowed },
  }
}

async function byIdentity(request: Request, tools: IssuerTools): Promise<Token> {
  const { config } = request
  const identity = await tools.identityToken({ audience: gcpAudience(config), subject: request })
  return exchanged(request, tools, [identity.reveal()], {
    audience: `//iam.googleapis.com/${config.workload_identity_provider}`,
    scope: config.scopes.join(' '),
    subject_token: identity.reveal(),
    subject_token_type: tokenType('jwt'),
  })
}

/** RFC 8693, as Google takes it. */
async function exchanged(
  { config, connection }: Request,
  tools: IssuerTools,
  secrets: readonly string[],
  fields: Readonly<Record<string, string>>,
): Promise<Token> {
  const api = apiOf(config.sts, { tools, connection, secrets: secrets.map((one) => new Secret(one)) })
  const answer = await api.ask({
    method: 'POST',
    url: new URL('/v1/token', config.sts).href,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: tokenType('access_token'),
      ...fields,
    }).toString(),
  })
  if (!isGood(answer)) throw api.refusal(answer, 'the exchange of a token')
  const said = objectOf(answer, api)
  const token = tokenIn(said['access_token'], 'access_token', api)
  // A token with a boundary has the end of the one that it was made from, and need not say it.
  const { expires_in: seconds = longestSeconds } = said
  return { token, expiresMs: endAfter(seconds, api, tools.clock.nowMs()) }
}

async function ofAccount(federated: Token, request: Request, tools: IssuerTools): Promise<Token> {
  const { config, connection, ttlSeconds } = request
  const base = config.iam_credentials
  const api = apiOf(base, { tools, connection, secrets: [new Secret(federated.token)] })
  const path = `/v1/projects/-/serviceAccounts/${config.service_account}:generateAccessToken`
  const answer = await api.ask({
    method: 'POST',
    url: new URL(path, base).href,
    headers: {
      authorization: `Bearer ${federated.token}`,
      'content-type': 'application/json',
      accept: 'application/json',
    },
    body: JSON.stringify({ scope: config.scopes, lifetime: `${lifetimeSeconds(ttlSeconds)}s` }),
  })
  if (!isGood(answer)) throw api.refusal(answer, `the request for a token of ${config.service_account}`)
  const said = objectOf(answer, api)
  const token = tokenIn(said['accessToken'], 'accessToken', api)
  return { token, expiresMs: endAt(said['expireTime'], answer, api, tools.clock.nowMs()) }
}

function lifetimeSeconds(ttlSeconds: number): number {
  return Math.min(longestSeconds, Math.max(60, Math.ceil(ttlSeconds)))
}
