import { MayflyError, Secret } from '../lib/index.ts'
import { durationSeconds, secretName } from '../config/index.ts'
import type { IssuerConfig } from '../connections/index.ts'
import {
  asText,
  at,
  jsonOf,
  namesIn,
  textAt,
  writeRequest,
  type HttpAnswer,
  type Values,
  type WrittenRequest,
} from '../http-client/index.ts'
import { apiOf, isGood, type Api } from './api.ts'
import { endAfter, endAt, endless } from './expiry.ts'
import type {
  CredentialIssuer,
  Held,
  HeldConnection,
  IssuerTools,
  Minted,
  MintRequest,
  Plain,
} from './issuer.ts'
import { lifetimeMs } from './lifetime.ts'
import { leaseName, nameIn } from './lease-name.ts'
import { basicIn, bearer, tokenIn } from './shown-token.ts'
import { orUnusable } from './unusable.ts'

type Config = IssuerConfig<'http-issuer'>
type Request = MintRequest<'http-issuer'>

/**
 * Any API that makes credentials, by requests that configuration has written. It is found again by the lease's name, which the
 * mint request gives it, and ended by what its answer said, or what was found.
 */
export const httpIssuer: CredentialIssuer<'http-issuer'> = {
  name: 'http-issuer',
  longestSeconds: 86_400,
  revocation({ revoke, revoked_within: within }) {
    if (revoke === undefined) return { means: 'by_expiry' }
    return within === undefined ? { means: 'at_once' } : { means: 'within', seconds: durationSeconds(within) }
  },
  plan: ({ lease }) => ({ name: leaseName(lease) }),
  mint: (request, plan, tools) => makeBy(request.config.mint, request, nameIn(plan), {}, tools),
  async renew(request, held, tools) {
    const { renew } = request.config
    if (renew === undefined)
      throw new MayflyError('config_invalid', `connection "${request.connection.name}" has no \`renew\``)
    return makeBy(renew, request, nameIn(held.plan), fieldsOf(held.handle), tools)
  },
  async revoke(held, tools) {
    const { config, connection, plan, handle } = held
    if (config.revoke === undefined) return 'nothing_to_do'
    if (handle !== undefined) return end(config.revoke, held, fieldsOf(handle), tools)
    if (config.find === undefined) return 'nothing_to_do'
    const ids = await find(config, connection, nameIn(plan), tools)
    for (const id of ids) await end(config.revoke, held, { id }, tools)
    return ids.length > 0 ? 'revoked' : 'not_found'
  },
  async probe({ config, connection, plan, handle }, tools) {
    if (config.probe === undefined || handle === undefined) return 'unknown'
    const values = { 'lease.name': nameIn(plan), ...fieldsOf(handle) }
    const asked = await ask(config.probe, config, connection, values, tools).catch(unlessRefused)
    if (asked === undefined) return 'unknown'
    const { status } = asked.answer
    if (deadBy(config.probe).includes(status)) return 'dead'
    return status < 300 ? 'alive' : 'unknown'
  },
}

/** What refuses the admin's secret says nothing of the credential. */
function deadBy({ dead, ...request }: WrittenRequest & { readonly dead?: readonly number[] | undefined }) {
  if (dead !== undefined) return dead
  return showsSecret(request) ? [404] : [401, 403, 404]
}

function showsSecret(request: WrittenRequest): boolean {
  return namesIn(request).some((one) => one.startsWith('secret.'))
}

/** A redirect, say to a page for people, tells nothing. */
function unlessRefused(error: unknown): undefined {
  if (error instanceof MayflyError && error.code === 'credential_failed') return undefined
  throw error
}

type Fields = Readonly<Record<string, string>>

async function makeBy(
  written: WrittenRequest,
  request: Request,
  name: string,
  before: Fields,
  tools: IssuerTools,
): Promise<Minted> {
  const { config, connection, run, step, role } = request
  const ttlSeconds = lifetimeMs(request) / 1000
  const expires = new Date(tools.clock.nowMs() + ttlSeconds * 1000).toISOString().replace(/\.\d+/, '')
  const ofLease = {
    'lease.name': name,
    'lease.ttl': ttlSeconds,
    'lease.expires': expires,
    'lease.run': run,
    'lease.step': step,
    'lease.role': role,
  }
  const shown = await identityOf(request, written, tools)
  const values = { ...before, ...ofLease, ...shown }
  const { answer, api } = await ask(written, config, connection, values, tools)
  if (!isGood(answer)) throw api.refusal(answer, 'the request for a credential')
  // A renewal that says nothing of use leaves what there was.
  const left = Object.keys(before).length === 0 ? whatEnds(config, answer) : undefined
  return orUnusable(left, () => mintedBy(request, written, { answer, api, name, before }, ttlSeconds, tools))
}

/** By what an answer that is not as it should be has said, what was made can be ended. Undefined where it does not say enough. */
function whatEnds(config: Config, answer: HttpAnswer): Plain | undefined {
  const { revoke } = config
  if (revoke === undefined) return undefined
  const fields = readable(config, answer)
  const lacks = namesIn(revoke).some((one) => Object.hasOwn(config.extract, one) && fields[one] === undefined)
  return lacks ? undefined : { fields }
}

/** What can be read of an answer that is not as it should be. */
function readable(config: Config, answer: HttpAnswer): Fields {
  const found: Record<string, string> = {}
  for (const [name, path] of Object.entries(config.extract)) {
    try {
      const value = textAt(answer, path, '')
      if (value !== undefined && value.length <= 16_384) found[name] = value
    } catch {
      // This one is not there.
    }
  }
  return found
}

function mintedBy(
  { config }: Request,
  written: WrittenRequest,
  { answer, api, name, before }: { answer: HttpAnswer; api: Api; name: string; before: Fields },
  ttlSeconds: number,
  tools: IssuerTools,
): Minted {
  const fields = { ...before, ...extract(config, answer, api, before) }
  const expiresMs = endOf(fields, answer, api, tools.clock.nowMs(), saysEnd(written) ? ttlSeconds : undefined)
  const secret = (key: string) => !['id', 'expires_in', 'expires_at'].includes(key)
  return {
    fields: Object.fromEntries(
      Object.entries(fields).flatMap(([key, value]) => (secret(key) ? [[key, new Secret(value)]] : [])),
    ),
    authorization: authorizationOf(config, fields, api),
    expiresMs,
    handle: { fields },
    facts: { name },
  }
}

/** Who asks, where the API trusts Mayfly's own OIDC issuer. */
async function identityOf(request: Request, written: WrittenRequest, tools: IssuerTools): Promise<Fields> {
  const { identity } = request.config
  if (identity === undefined || !namesIn(written).includes('identity.token')) return {}
  const { audience, aws_session_tags: awsSessionTags = false } = identity
  const token = await tools.identityToken({ audience, subject: request, awsSessionTags })
  return { 'identity.token': token.reveal() }
}

/** What the answer to a renewal leaves out stays as it was, but for the end. */
function extract(config: Config, answer: HttpAnswer, api: Api, before: Fields): Fields {
  const found: Record<string, string> = {}
  for (const [name, path] of Object.entries(config.extract)) {
    const value = textAt(answer, path, api.whose)
    if (value !== undefined && value.length <= 16_384) found[name] = value
    else if (!Object.hasOwn(before, name) || name.startsWith('expires_'))
      throw api.odd(`no text at ${path} (extract.${name})`)
  }
  return found
}

/** Does the request say how long it is needed? */
function saysEnd(written: WrittenRequest): boolean {
  return namesIn(written).some((name) => name === 'lease.ttl' || name === 'lease.expires')
}

function endOf(
  fields: Fields,
  answer: HttpAnswer,
  api: Api,
  nowMs: number,
  askedSeconds: number | undefined,
): number {
  const { expires_in: seconds, expires_at: time } = fields
  if (seconds !== undefined) return endAfter(seconds, api, nowMs)
  if (time !== undefined) return endAt(time, answer, api, nowMs)
  return askedSeconds === undefined ? endless(nowMs) : nowMs + askedSeconds * 1000
}

function authorizationOf({ authorization }: Config, fields: Fields, api: Api): Secret {
  const fill = (text: string) => {
    const question = writeRequest({ method: 'GET', url: 'https://none', headers: { text } }, fields)
    return question.headers?.['text'] ?? ''
  }
  if (authorization === undefined) {
    const { token, username = '', password } = fields
    if (token !== undefined) return bearer(tokenIn(token, 'token', api))
    return basicIn(username, password, api)
  }
  if ('bearer' in authorization) return bearer(tokenIn(fill(authorization.bearer), 'token', api))
  if ('basic' in authorization)
    return new Secret(`Basic ${Buffer.from(fill(authorization.basic)).toString('base64')}`)
  return new Secret(fill(authorization.value))
}

async function end(
  written: WrittenRequest,
  { config, connection, plan }: Held<'http-issuer'>,
  fields: Fields,
  tools: IssuerTools,
): Promise<'revoked' | 'not_found'> {
  const values = { 'lease.name': nameIn(plan), ...fields }
  const { answer, api } = await ask(written, config, connection, values, tools)
  if (answer.status === 404 || answer.status === 410) return 'not_found'
  // One that ends itself, and is not known any more, is dead.
  if (answer.status === 401 && !showsSecret(written)) return 'not_found'
  if (!isGood(answer)) throw api.refusal(answer, 'the request to revoke')
  return 'revoked'
}

const mostPages = 20

/** The ids of what has this name. An API may list more than was asked for: what is another's is left alone. */
async function find(
  { find: how, ...config }: Config,
  connection: HeldConnection,
  name: string,
  tools: IssuerTools,
): Promise<string[]> {
  if (how === undefined) return []
  const ids: string[] = []
  let request: WrittenRequest = how.request
  for (let page = 0; page < mostPages; page++) {
    const { answer, api, url } = await ask(
      request,
      { ...config, find: how },
      connection,
      { 'lease.name': name },
      tools,
    )
    if (!isGood(answer)) throw api.refusal(answer, 'the question what was made')
    const list =
      how.items === undefined ? jsonOf(answer, api.whose) : at(jsonOf(answer, api.whose), how.items)
    if (!Array.isArray(list)) throw api.odd('no list (find.items)')
    for (const item of list) {
      const id = asText(at(item, how.id))
      if (asText(at(item, how.name))?.includes(name) !== true) continue
      if (id === undefined) throw api.odd('an item without an id (find.id)')
      ids.push(id)
    }
    const next = api.nextPage(answer, url)
    if (next === undefined) return ids
    request = { ...request, url: next.replaceAll(/[{}]/g, '$&$&') }
  }
  return ids
}

async function ask(
  written: WrittenRequest,
  config: Config,
  connection: HeldConnection,
  values: Values,
  tools: IssuerTools,
): Promise<{ answer: HttpAnswer; api: Api; url: string }> {
  const secrets = await openSecrets(written, config, tools)
  const opened = Object.fromEntries(
    Object.entries(secrets).map(([name, secret]) => [name, secret.reveal().trim()]),
  )
  const known = [...Object.values(secrets), ...secretsIn(values)]
  const api = apiOf(written.url.replaceAll(/[{}]/g, ''), { tools, connection, secrets: known })
  const question = writeRequest(written, { ...values, ...opened })
  return { answer: await api.ask(question), api, url: question.url }
}

async function openSecrets(
  written: WrittenRequest,
  { admin }: Config,
  tools: IssuerTools,
): Promise<Record<string, Secret>> {
  const secrets: Record<string, Secret> = {}
  const used = new Set(namesIn(written))
  for (const [name, reference] of Object.entries(admin))
    if (used.has(`secret.${name}`)) secrets[`secret.${name}`] = await tools.openSecret(secretName(reference))
  return secrets
}

/** Of what a request is made of, all that is not the lease's own may be a secret. */
function secretsIn(values: Values): Secret[] {
  return Object.entries(values)
    .filter(([name]) => !name.startsWith('lease.') && name !== 'id')
    .map(([, value]) => new Secret(String(value)))
}

function fieldsOf(handle: Plain | undefined): Fields {
  const { fields = {} } = (handle ?? {}) as { fields?: object }
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)]))
}
