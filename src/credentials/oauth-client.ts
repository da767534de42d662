import { MayflyError, Secret } from '../lib/index.ts'
import { secretName } from '../config/index.ts'
import type { IssuerConfig } from '../connections/index.ts'
import type { HttpAnswer } from '../http-client/index.ts'
import type { IdentityFacts } from '../oidc-issuer/index.ts'
import { apiOf, isGood, objectOf, type Api } from './api.ts'
import { endAfter, endless } from './expiry.ts'
import type {
  CredentialIssuer,
  Held,
  HeldConnection,
  IssuerTools,
  Minted,
  MintRequest,
  Plain,
} from './issuer.ts'
import { bearer, tokenIn } from './shown-token.ts'
import { orUnusable } from './unusable.ts'

type Config = IssuerConfig<'oauth-client'>
/** Whom Mayfly's own identity token is for, where it proves who the client is: at the end it must be the same client. */
type Whom = IdentityFacts & { readonly connection: HeldConnection }

/**
 * Access tokens by OAuth 2.0 client credentials (RFC 6749, section 4.4). A token has no name, so one whose answer never came
 * cannot be found: it lives to its own end, a few minutes where the server says so.
 */
export const oauthClient: CredentialIssuer<'oauth-client'> = {
  name: 'oauth-client',
  // The server says how long, and nobody else; more than a day is rare.
  longestSeconds: 86_400,
  revocation: ({ revoke_url: url }) => ({ means: url === undefined ? 'by_expiry' : 'at_once' }),
  plan: () => ({}),
  async mint(request, _plan, tools) {
    const { config } = request
    const { scopes, parameters, token_url: url } = config
    const form = {
      grant_type: 'client_credentials',
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      ...parameters,
    }
    const { answer, api } = await ask(url, form, config, request, tools)
    if (!isGood(answer)) throw api.refusal(answer, 'the request for a token')
    const said = objectOf(answer, api)
    const { access_token: token } = said
    const isText = typeof token === 'string' && token !== '' && token.length <= 16_384
    const handle = isText ? { token, whom: whomOf(request) } : undefined
    return orUnusable(handle, () => mintedBy(said, request, handle ?? null, { api, tools }))
  },
  async revoke(held, tools) {
    const { token } = handleOf(held)
    const { revoke_url: url } = held.config
    if (token === undefined || url === undefined) return 'nothing_to_do'
    const { answer, api } = await askOf(held, url, token, tools)
    // RFC 7009, section 2.2: 200 for a token that it does not know, too.
    if (!isGood(answer)) throw api.refusal(answer, 'the request to revoke a token')
    return 'revoked'
  },
  async probe(held, tools) {
    const { token } = handleOf(held)
    const { introspect_url: url } = held.config
    if (token === undefined || url === undefined) return 'unknown'
    const { answer, api } = await askOf(held, url, token, tools)
    if (!isGood(answer)) throw api.refusal(answer, 'the question whether a token is active')
    const { active } = objectOf(answer, api)
    if (typeof active !== 'boolean') throw api.odd('no `active` (RFC 7662)')
    return active ? 'alive' : 'dead'
  },
}

function mintedBy(
  said: Readonly<Record<string, unknown>>,
  request: MintRequest<'oauth-client'>,
  handle: Plain,
  { api, tools }: { api: Api; tools: IssuerTools },
): Minted {
  const token = tokenIn(said['access_token'], 'access_token', api)
  // RFC 6749, section 7.1: a type that is not known must not be used. DPoP and mTLS tokens are bound to keys that nobody has here.
  if (typeof said['token_type'] !== 'string' || said['token_type'].toLowerCase() !== 'bearer')
    throw api.odd('a token that is no Bearer token (token_type)')
  const { client_id: client, scopes } = request.config
  return {
    fields: { token: new Secret(token) },
    authorization: bearer(token),
    expiresMs: endOf(said['expires_in'], request, api, tools.clock.nowMs()),
    handle,
    facts: { client, ...scopeFacts(said['scope'], scopes) },
  }
}

/** A server may give more than it was asked for (RFC 6749, section 5.1; Keycloak always does): then the record says what. */
function scopeFacts(said: unknown, asked: readonly string[]): Record<string, string> {
  if (typeof said !== 'string') return {}
  const beyond = asked.length === 0 ? [] : said.split(' ').filter((one) => one !== '' && !asked.includes(one))
  return {
    scope: said.slice(0, 500),
    ...(beyond.length === 0 ? {} : { scope_beyond: beyond.join(' ').slice(0, 500) }),
  }
}

/** A token of which nobody says how long it lives is taken only where it can be revoked. */
function endOf(seconds: unknown, request: MintRequest<'oauth-client'>, api: Api, nowMs: number): number {
  if (seconds !== undefined) return endAfter(seconds, api, nowMs)
  if (request.config.revoke_url === undefined)
    throw api.odd('no expires_in, and without `revoke_url` its token might never end')
  return endless(nowMs)
}

function askOf(held: Held<'oauth-client'>, url: string, token: string, tools: IssuerTools) {
  const { whom } = handleOf(held)
  const form = { token, token_type_hint: 'access_token' }
  return ask(url, form, held.config, { ...whom, lease: held.lease, connection: held.connection }, tools, [
    new Secret(token),
  ])
}

async function ask(
  url: string,
  form: Readonly<Record<string, string>>,
  config: Config,
  whom: Whom,
  tools: IssuerTools,
  known: readonly Secret[] = [],
): Promise<{ answer: HttpAnswer; api: Api }> {
  const proof = await proofOf(config, whom, tools)
  const api = apiOf(url, { tools, connection: whom.connection, secrets: [...known, ...proof.secrets] })
  const answer = await api.ask({
    method: 'POST',
    url,
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...proof.headers,
    },
    body: new URLSearchParams({ ...form, ...proof.form }).toString(),
  })
  return { answer, api }
}

interface Proof {
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  readonly secrets: readonly Secret[]
}

/** RFC 6749, section 2.3.1, or RFC 7523, section 2.2: who the client is. */
async function proofOf(config: Config, whom: Whom, tools: IssuerTools): Promise<Proof> {
  const { client_id: id, client_secret: reference, client_auth: how, assertion, token_url: url } = config
  if (reference === undefined) {
    const signed = await tools.identityToken({ audience: assertion?.audience ?? url, subject: whom })
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    return {
      form: { client_id: id, client_assertion_type: type, client_assertion: signed.reveal() },
      secrets: [signed],
    }
  }
  const opened = await tools.openSecret(secretName(reference))
  const secret = new Secret(opened.reveal().trim())
  if (secret.reveal() === '') throw new MayflyError('bad_input', `secret "${secretName(reference)}" is empty`)
  if (how === 'post') return { form: { client_id: id, client_secret: secret.reveal() }, secrets: [secret] }
  const pair = `${asForm(id)}:${asForm(secret.reveal())}`
  return {
    headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
    secrets: [secret, new Secret(pair)],
  }
}

/** application/x-www-form-urlencoded, which Basic wants of both here. */
function asForm(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2)
}

function whomOf({ run, step, role, repository, job }: MintRequest<'oauth-client'>): Plain {
  const attributes = Object.entries(job?.attributes ?? {}).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return {
    ...{ run, step, role },
    ...(repository === undefined ? {} : { repository }),
    ...(job === undefined ? {} : { job: { issuer: job.issuer, attributes: Object.fromEntries(attributes) } }),
  }
}

function handleOf({ handle }: Held<'oauth-client'>) {
  const none = { run: '', step: '', role: '' }
  const { token, whom = none } = (handle ?? {}) as {
    token?: string
    whom?: Omit<Whom, 'lease' | 'connection'>
  }
  return { token, whom }
}
