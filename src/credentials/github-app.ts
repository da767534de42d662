import { createPrivateKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { MayflyError, Secret } from '../lib/index.ts'
import { secretName } from '../config/index.ts'
import { githubAppReach, type Reach } from '../kinds/index.ts'
import type { Connection, IssuerConfig } from '../connections/index.ts'
import type { HttpAnswer, HttpQuestion } from '../http-client/index.ts'
import { apiOf, isGood, objectOf, serverNowMs, type Api } from './api.ts'
import { endAt } from './expiry.ts'
import { isBeyond, isLevel, permissionsFor, type Permissions } from './github-permissions.ts'
import type { CredentialIssuer, Held, HeldConnection, IssuerTools, MintRequest } from './issuer.ts'
import { basic, bearer, tokenIn } from './shown-token.ts'
import { orUnusable } from './unusable.ts'

type Config = IssuerConfig<'github-app'>
type Request = MintRequest<'github-app'>

/**
 * Installation access tokens of a GitHub App, for the repositories and permissions of a role's grants. Source: GitHub's REST reference,
 * "Apps", version 2022-11-28. A token lives an hour and has no name: one whose answer never came cannot be found, and lives that hour.
 */
export const githubApp: CredentialIssuer<'github-app'> = {
  name: 'github-app',
  longestSeconds: 3600,
  revocation: () => ({ means: 'at_once' }),
  plan: () => ({}),
  async mint(request, _plan, tools) {
    const { config, connection } = request
    const wanted = reach(request)
    const app = await asApp(config, connection, tools)
    const installation = await findInstallation(config, wanted, app)
    const words = wanted.parts.map(({ word }) => word)
    const found = permissionsFor(connection.kind, words, installation.permissions, config.permissions)
    if (!found.ok)
      throw new MayflyError(
        'credential_failed',
        `connection "${connection.name}": App ${config.app_id} has no ${found.lacks} at ${installation.owner}, which the role's grants need: give it that permission at GitHub, and have the installation accept it`,
      )
    const { permissions } = found
    const { repositories } = wanted
    const answer = await app.ask('POST', `/app/installations/${installation.id}/access_tokens`, {
      permissions,
      ...(repositories === undefined ? {} : { repositories }),
    })
    if (!isGood(answer))
      throw app.refusal(
        answer,
        `the request for a token for ${repositories?.join(', ') ?? 'all repositories'}`,
      )
    const said = objectOf(answer, app.api)
    const token = tokenIn(said['token'], 'token', app.api)
    return orUnusable({ token }, () => {
      if (isWider(said, permissions, repositories)) throw app.api.odd('a token for more than was asked for')
      return {
        fields: {
          token: new Secret(token),
          username: new Secret('x-access-token'),
          password: new Secret(token),
        },
        // Git and registries take it as a password, the API as it is.
        authorization:
          connection.kind === 'git' || connection.kind === 'oci'
            ? basic('x-access-token', token)
            : bearer(token),
        expiresMs: endAt(said['expires_at'], answer, app.api, tools.clock.nowMs()),
        handle: { token },
        facts: {
          installation: installation.id,
          owner: installation.owner,
          repositories: repositories ?? 'all',
          permissions,
        },
      }
    })
  },
  async revoke(held, tools) {
    const token = tokenOf(held)
    if (token === undefined) return 'nothing_to_do'
    const { status, error } = await endToken(held.config, held.connection, token, tools)
    if (status === 401 || status === 404) return 'not_found'
    if (error !== undefined) throw error
    return 'revoked'
  },
  async probe(held, tools) {
    const token = tokenOf(held)
    if (token === undefined) return 'unknown'
    const answer = await withToken(held.config, held.connection, token, tools).ask(
      'GET',
      '/installation/repositories?per_page=1',
    )
    if (answer.status === 401) return 'dead'
    return isGood(answer) ? 'alive' : 'unknown'
  },
}

/** Of other repositories, or with other permissions, than it was asked for. */
function isWider(
  said: Readonly<Record<string, unknown>>,
  permissions: Permissions,
  repositories: readonly string[] | undefined,
): boolean {
  const { permissions: given = {}, repository_selection: selection, repositories: list = [] } = said
  if (typeof given !== 'object' || isBeyond((given ?? {}) as Record<string, unknown>, permissions))
    return true
  if (repositories === undefined) return false
  if (selection === 'all' || !Array.isArray(list)) return true
  const asked = new Set(repositories.map((name) => name.toLowerCase()))
  const names = list.map((one: { name?: unknown } | null) => String(one?.name).toLowerCase())
  return names.some((name) => !asked.has(name))
}

function tokenOf({ handle }: Held<'github-app'>): string | undefined {
  const { token } = (handle ?? {}) as { token?: unknown }
  return typeof token === 'string' ? token : undefined
}

/** Throws `credential_failed` for grants that no token can be for. */
function reach({ connection, config, grants }: Request): Reach {
  const base = connection.kind === 'git' ? connection.basePath.replace(/^\//, '') : ''
  const found = githubAppReach(grants, { base, all: config.all_repositories === true })
  if (typeof found !== 'string') return found
  throw new MayflyError('credential_failed', `connection "${connection.name}": ${found}`)
}

interface Installation {
  readonly id: number
  readonly owner: string
  readonly permissions: Permissions
}

async function findInstallation(
  { installation_id: id, app_id: app }: Config,
  { owner, repositories }: Reach,
  asked: AsApp,
): Promise<Installation> {
  const { api } = asked
  if (id === undefined && owner === undefined)
    throw new MayflyError(
      'credential_failed',
      `${api.whose}: no grant says whose repositories: name installation_id under github-app`,
    )
  const [name] = repositories ?? []
  const place =
    name === undefined
      ? `/users/${owner}/installation`
      : `/repos/${owner}/${encodeURIComponent(name)}/installation`
  const answer = await asked.ask('GET', id === undefined ? place : `/app/installations/${id}`)
  if (answer.status === 404)
    throw new MayflyError(
      'credential_failed',
      `${api.whose}: App ${app} is not installed ${id === undefined ? `for ${[owner, name].filter(Boolean).join('/')}` : `as ${id}`}, or does not see it`,
    )
  if (!isGood(answer)) throw asked.refusal(answer, 'the question where the App is installed')
  const said = objectOf(answer, api)
  const { login } = (said['account'] ?? {}) as { login?: unknown }
  const found = said['id']
  if (typeof found !== 'number' || !Number.isSafeInteger(found) || typeof login !== 'string')
    throw api.odd('an installation without an id or an account')
  // The name of a repository alone would be another owner's.
  if (owner !== undefined && login.toLowerCase() !== owner)
    throw new MayflyError(
      'credential_failed',
      `${api.whose}: installation ${found} is of ${login.slice(0, 100)}, and the grants are for ${owner}`,
    )
  const permissions = Object.entries(said['permissions'] ?? {}).filter(
    (entry): entry is [string, Permissions[string]] => isLevel(entry[1]),
  )
  return { id: found, owner: login, permissions: Object.fromEntries(permissions) }
}

interface AsApp {
  readonly api: Api
  ask(method: HttpQuestion['method'], path: string, body?: object): Promise<HttpAnswer>
  refusal(answer: HttpAnswer, doing: string): MayflyError
}

const publicApi = 'https://api.github.com'

/** Asks as the App itself: by a JWT of nine minutes, from a minute ago on, since GitHub's clock may be behind. */
async function asApp(config: Config, connection: Connection, tools: IssuerTools): Promise<AsApp> {
  const name = secretName(config.key)
  const pem = await tools.openSecret(name)
  const now = Math.floor(tools.clock.nowMs() / 1000)
  const jwt = await new SignJWT()
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuer(String(config.app_id))
    .setIssuedAt(now - 60)
    .setExpirationTime(now + 540)
    .sign(readKey(pem, name))
  const asked = asking(config, connection, new Secret(jwt), tools)
  return {
    ...asked,
    refusal(answer, doing) {
      const refused = asked.api.refusal(answer, doing)
      const skew = Math.round((serverNowMs(answer.headers, tools.clock.nowMs()) - tools.clock.nowMs()) / 1000)
      if (
        answer.status !== 401 ||
        (Math.abs(skew) < 60 && !/\b(?:exp|iat)\b|Issued at|Expiration time/.test(refused.message))
      )
        return refused
      return new MayflyError(
        'credential_failed',
        `${refused.message}: its clock and this server's differ by ${Math.abs(skew)} s (this one is ${skew > 0 ? 'behind' : 'ahead'}): set the clock (NTP)`,
      )
    },
  }
}

function readKey(pem: Secret, name: string): KeyObject {
  try {
    const key = createPrivateKey(pem.reveal())
    if (key.asymmetricKeyType === 'rsa') return key
  } catch {
    // What OpenSSL says of it could repeat it.
  }
  throw new MayflyError(
    'bad_input',
    `secret "${name}" is no RSA private key in PEM, as GitHub gives it: mayfly secret set ${name}`,
  )
}

function withToken(config: Config, connection: HeldConnection, token: string, tools: IssuerTools) {
  return asking(config, connection, new Secret(token), tools)
}

function asking(
  config: Config,
  connection: HeldConnection,
  token: Secret,
  tools: IssuerTools,
): Omit<AsApp, 'refusal'> {
  const root = (config.api ?? publicApi).replace(/\/+$/, '')
  const api = apiOf(root, { tools, connection, secrets: [token] })
  return {
    api,
    ask: (method, path, body) =>
      api.ask({
        method,
        url: `${root}${path}`,
        headers: {
          accept: 'application/vnd.github+json',
          'x-github-api-version': '2022-11-28',
          authorization: `Bearer ${token.reveal()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  }
}

async function endToken(
  config: Config,
  connection: HeldConnection,
  token: string,
  tools: IssuerTools,
): Promise<{ status: number; error?: MayflyError }> {
  const { api, ask } = withToken(config, connection, token, tools)
  const answer = await ask('DELETE', '/installation/token')
  const { status } = answer
  return isGood(answer) ? { status } : { status, error: api.refusal(answer, 'the request to revoke a token') }
}
