import { MayflyError, Secret } from '../lib/index.ts'
import { secretName } from '../config/index.ts'
import type { IssuerConfig } from '../connections/index.ts'
import type { HttpAnswer } from '../http-client/index.ts'
import { apiOf, isGood, objectOf, type Api } from './api.ts'
import { endAt } from './expiry.ts'
import type { CredentialIssuer, Held, HeldConnection, IssuerTools } from './issuer.ts'
import { leaseName, nameIn } from './lease-name.ts'
import { bearer, tokenIn } from './shown-token.ts'
import { orUnusable } from './unusable.ts'

type Config = IssuerConfig<'kubernetes-token'>

/** The API server gives no shorter one (TokenRequestSpec, `expirationSeconds`). */
const leastSeconds = 600
/** So long an API server remembers that a token was good (kube-apiserver, TokenSuccessCacheTTL). */
const cachedSeconds = 10

/**
 * Tokens of a service account, by TokenRequest (Kubernetes' reference, authentication.k8s.io/v1). Each is bound to a Secret with
 * nothing in it, which is made for the lease and has its name: once that is deleted the API server takes the token no more.
 */
export const kubernetesToken: CredentialIssuer<'kubernetes-token'> = {
  name: 'kubernetes-token',
  longestSeconds: leastSeconds,
  revocation: () => ({ means: 'within', seconds: cachedSeconds }),
  plan: ({ lease }) => ({ name: leaseName(lease) }),
  async mint(request, plan, tools) {
    const { config, connection, ttlSeconds } = request
    const cluster = await asAdmin(config, connection, tools)
    const name = nameIn(plan)
    const uid = await makeSecret(cluster, name, request)
    const answer = await cluster.ask('POST', `${cluster.account}/token`, {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      spec: {
        ...(config.audiences === undefined ? {} : { audiences: config.audiences }),
        expirationSeconds: Math.max(leastSeconds, Math.ceil(ttlSeconds)),
        boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name, uid },
      },
    })
    // The Secret is there, whatever is said of the token.
    return orUnusable({}, () => {
      if (!isGood(answer))
        throw refusal(cluster, answer, `a token of service account ${config.service_account}`)
      const { token, expirationTimestamp } = statusOf(objectOf(answer, cluster.api))
      const value = tokenIn(token, 'status.token', cluster.api)
      return {
        fields: { token: new Secret(value) },
        authorization: bearer(value),
        expiresMs: endAt(expirationTimestamp, answer, cluster.api, tools.clock.nowMs()),
        handle: { token: value },
        facts: { service_account: config.service_account, secret: name },
      }
    })
  },
  async revoke(held, tools) {
    const cluster = await asAdmin(held.config, held.connection, tools)
    return end(cluster, nameIn(held.plan))
  },
  probe,
}

interface Cluster {
  readonly api: Api
  /** Paths of the account's namespace, and of the account. */
  readonly secrets: string
  readonly account: string
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<HttpAnswer>
}

async function asAdmin(config: Config, connection: HeldConnection, tools: IssuerTools): Promise<Cluster> {
  const name = secretName(config.admin)
  const opened = (await tools.openSecret(name)).reveal().trim()
  if (!/^[\x21-\x7e]+$/.test(opened))
    throw new MayflyError('bad_input', `secret "${name}" is no token: mayfly secret set ${name}`)
  return asking(config, connection, new Secret(opened), tools)
}

function asking(config: Config, connection: HeldConnection, token: Secret, tools: IssuerTools): Cluster {
  const root = connection.url.replace(/\/+$/, '')
  const api = apiOf(root, { tools, connection, secrets: [token] })
  const [namespace = '', account = ''] = config.service_account.split('/')
  const within = `/api/v1/namespaces/${namespace}`
  return {
    api,
    secrets: `${within}/secrets`,
    account: `${within}/serviceaccounts/${account}`,
    ask: (method, path, body) =>
      api.ask({
        method,
        url: `${root}${path}`,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${token.reveal()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  }
}

/** What the token is bound to; its id there. One of this name that is there already was made by a request whose answer never came. */
async function makeSecret(
  cluster: Cluster,
  name: string,
  { run, step, role }: { readonly run: string; readonly step: string; readonly role: string },
): Promise<string> {
  const make = () =>
    cluster.ask('POST', cluster.secrets, {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: {
        name,
        labels: { 'app.kubernetes.io/managed-by': 'mayfly', 'mayfly/lease': name },
        annotations: { 'mayfly/run': run, 'mayfly/step': step, 'mayfly/role': role },
      },
      immutable: true,
    })
  const first = await make()
  if (first.status === 409) await end(cluster, name)
  const answer = first.status === 409 ? await make() : first
  if (!isGood(answer)) throw refusal(cluster, answer, `a Secret at ${cluster.secrets}`)
  const { metadata } = objectOf(answer, cluster.api) as { metadata?: { uid?: unknown } }
  const uid = metadata?.uid
  if (typeof uid !== 'string' || !/^[A-Za-z0-9-]{1,64}$/.test(uid))
    throw cluster.api.odd('a Secret without a uid')
  return uid
}

async function end(cluster: Cluster, name: string): Promise<'revoked' | 'not_found'> {
  const answer = await cluster.ask('DELETE', `${cluster.secrets}/${name}`)
  if (answer.status === 404) return 'not_found'
  if (!isGood(answer)) throw refusal(cluster, answer, `the deletion of Secret ${name}`)
  return 'revoked'
}

/** Uses it; a token for another audience than the API server's own is shown to it by TokenReview, which says whether it is one. */
async function probe(
  { config, connection, handle }: Held<'kubernetes-token'>,
  tools: IssuerTools,
): Promise<'dead' | 'alive' | 'unknown'> {
  const { token } = (handle ?? {}) as { token?: string }
  if (token === undefined) return 'unknown'
  if (config.audiences === undefined) {
    const { status } = await asking(config, connection, new Secret(token), tools).ask('GET', '/api')
    if (status === 401) return 'dead'
    return status === 200 || status === 403 ? 'alive' : 'unknown'
  }
  const cluster = await asAdmin(config, connection, tools)
  const answer = await cluster.ask('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    kind: 'TokenReview',
    apiVersion: 'authentication.k8s.io/v1',
    spec: { token, audiences: config.audiences },
  })
  // An admin may not be allowed to ask.
  if (!isGood(answer)) return 'unknown'
  return statusOf(objectOf(answer, cluster.api)).authenticated === true ? 'alive' : 'dead'
}

function statusOf({ status }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> & {
  readonly token?: unknown
  readonly expirationTimestamp?: unknown
  readonly authenticated?: unknown
} {
  return typeof status === 'object' && status !== null ? (status as Record<string, unknown>) : {}
}

/** The server's own words (Status, `message`) say which right is missing. */
function refusal({ api }: Cluster, answer: HttpAnswer, what: string): MayflyError {
  return api.refusal(answer, `the request for ${what}`)
}
