import { MayflyError, Secret } from '../lib/index.ts'
import { secretName } from '../config/index.ts'
import type { IssuerConfig } from '../connections/index.ts'
import { jsonOf, type HttpAnswer, type HttpQuestion } from '../http-client/index.ts'
import { apiOf, isGood, objectOf, type Api } from './api.ts'
import type { CredentialIssuer, Held, HeldConnection, IssuerTools } from './issuer.ts'
import { leaseName, nameIn } from './lease-name.ts'
import { basic, bearer, tokenIn } from './shown-token.ts'
import { orUnusable } from './unusable.ts'

type Config = IssuerConfig<'gitlab-token'>

const dayMs = 86_400_000

/**
 * Access tokens of a GitLab project or group. Source: GitLab's REST reference, "Project access tokens API" and "Group access tokens
 * API" (version 4). GitLab knows an end by its day only, so a token that is not revoked lives to the midnight after its step's end.
 */
export const gitlabToken: CredentialIssuer<'gitlab-token'> = {
  name: 'gitlab-token',
  longestSeconds: (2 * dayMs) / 1000,
  revocation: () => ({ means: 'at_once' }),
  plan: ({ lease }) => ({ name: leaseName(lease) }),
  async mint({ config, connection, ttlSeconds }, plan, tools) {
    const gitlab = await asAdmin(config, connection, tools)
    const { scopes, access_level: level } = config
    const expiresMs = midnightAfter(tools.clock.nowMs() + ttlSeconds * 1000)
    const name = nameIn(plan)
    const answer = await gitlab.ask('POST', gitlab.tokens, {
      name,
      scopes,
      access_level: levels[level],
      expires_at: dayOf(expiresMs),
    })
    if (!isGood(answer)) throw gitlab.api.refusal(answer, `the request for an access token of ${config.of}`)
    const said = objectOf(answer, gitlab.api)
    const token = tokenIn(said['token'], 'token', gitlab.api)
    const id = idOf(said, gitlab.api)
    const endsMs = orUnusable({ id, token }, () => {
      refuseWider(said, config, gitlab.api)
      const saidMs = endOf(said['expires_at'], gitlab.api, tools.clock.nowMs())
      if (saidMs > expiresMs) throw gitlab.api.odd('a token that lives longer than was asked for')
      return saidMs
    })
    return {
      fields: { token: new Secret(token), username: new Secret('mayfly'), password: new Secret(token) },
      // Git and the registry take it as a password of any user.
      authorization:
        connection.kind === 'git' || connection.kind === 'oci' ? basic('mayfly', token) : bearer(token),
      expiresMs: endsMs,
      handle: { id, token },
      facts: { name, id, of: config.of, scopes, access_level: level },
    }
  },
  async revoke(held, tools) {
    const gitlab = await asAdmin(held.config, held.connection, tools)
    const { id } = handleOf(held)
    const ids = id === undefined ? await find(gitlab, nameIn(held.plan)) : [id]
    const ended = []
    for (const one of ids) ended.push(await end(gitlab, one))
    return ended.includes('revoked') ? 'revoked' : 'not_found'
  },
  async probe(held, tools) {
    const { token } = handleOf(held)
    if (token === undefined) return 'unknown'
    const self = asking(held.config, held.connection, new Secret(token), tools)
    const { status } = await self.ask('GET', '/personal_access_tokens/self')
    if (status === 401) return 'dead'
    // A token of other scopes than `api` may not ask, and lives.
    return status === 200 || status === 403 ? 'alive' : 'unknown'
  },
}

const levels = { guest: 10, planner: 15, reporter: 20, developer: 30, maintainer: 40 } as const

function refuseWider(
  said: Readonly<Record<string, unknown>>,
  { scopes, access_level: level }: Config,
  api: Api,
): void {
  const given: readonly unknown[] = Array.isArray(said['scopes']) ? said['scopes'] : []
  if (given.some((scope) => !scopes.some((one) => one === scope)))
    throw api.odd('a token of more scopes than were asked for')
  const { access_level: givenLevel = levels[level] } = said
  if (typeof givenLevel !== 'number' || givenLevel > levels[level])
    throw api.odd(`a token of a higher access_level than ${level}, which was asked for`)
}

/** A token ends when its day begins, in UTC. */
function midnightAfter(ms: number): number {
  return (Math.floor(ms / dayMs) + 1) * dayMs
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function endOf(day: unknown, api: Api, nowMs: number): number {
  const ms = typeof day === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : Number.NaN
  if (Number.isNaN(ms)) throw api.odd('a token without an end (expires_at)')
  if (ms <= nowMs) throw api.odd('a token that has ended already (is its clock right?)')
  return ms
}

function idOf({ id }: Readonly<Record<string, unknown>>, api: Api): number {
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 1) throw api.odd('a token without an id')
  return id
}

interface Gitlab {
  readonly api: Api
  /** Where the tokens of its project or group are. */
  readonly tokens: string
  ask(method: HttpQuestion['method'], path: string, body?: object): Promise<HttpAnswer>
  at(path: string): string
}

const publicApi = 'https://gitlab.com/api/v4'

async function asAdmin(config: Config, connection: HeldConnection, tools: IssuerTools): Promise<Gitlab> {
  const opened = (await tools.openSecret(secretName(config.admin))).reveal().trim()
  if (!/^[\x21-\x7e]+$/.test(opened))
    throw new MayflyError(
      'bad_input',
      `secret "${secretName(config.admin)}" is no token: mayfly secret set ${secretName(config.admin)}`,
    )
  return asking(config, connection, new Secret(opened), tools)
}

function asking(config: Config, connection: HeldConnection, token: Secret, tools: IssuerTools): Gitlab {
  const root = (config.api ?? publicApi).replace(/\/+$/, '')
  const api = apiOf(root, { tools, connection, secrets: [token] })
  const [kind = '', path = ''] = config.of.split(':')
  const at = (place: string) => (place.startsWith('/') ? `${root}${place}` : place)
  return {
    api,
    tokens: `/${kind}s/${encodeURIComponent(path)}/access_tokens`,
    at,
    ask: (method, place, body) =>
      api.ask({
        method,
        url: at(place),
        headers: {
          accept: 'application/json',
          'private-token': token.reveal(),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  }
}

const mostPages = 20

/** The ids of all that have this name and live. Older versions ignore `search` and `state`: each page is looked through. */
async function find(gitlab: Gitlab, name: string): Promise<number[]> {
  const { api } = gitlab
  const ids: number[] = []
  let next: string | undefined = `${gitlab.tokens}?state=active&search=${name}&per_page=100`
  for (let page = 0; next !== undefined && page < mostPages; page++) {
    const answer: HttpAnswer = await gitlab.ask('GET', next)
    if (!isGood(answer)) throw api.refusal(answer, 'the question which access tokens there are')
    const list = jsonOf(answer, api.whose)
    if (!Array.isArray(list)) throw api.odd('no list of access tokens')
    for (const one of list as Readonly<Record<string, unknown>>[])
      if (one?.['name'] === name && one['revoked'] !== true) ids.push(idOf(one, api))
    next = api.nextPage(answer, gitlab.at(next))
  }
  return ids
}

async function end(gitlab: Gitlab, id: number): Promise<'revoked' | 'not_found'> {
  const { api, tokens } = gitlab
  const answer = await gitlab.ask('DELETE', `${tokens}/${id}`)
  if (answer.status === 404) return 'not_found'
  if (!isGood(answer)) throw api.refusal(answer, 'the request to revoke an access token')
  return 'revoked'
}

function handleOf({ handle }: Held<'gitlab-token'>): { id?: number; token?: string } {
  return (handle ?? {}) as { id?: number; token?: string }
}
