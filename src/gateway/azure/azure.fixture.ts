import type { TestContext } from 'node:test'
import { azureStandIn } from '../../kinds/index.ts'
import { Secret } from '../../lib/index.ts'
import { compileRules, openWorld, request, type Answer, type World } from '../gateway.fixture.ts'
import { startUpstream, type Upstream } from '../upstream.fixture.ts'

export interface Asking {
  readonly method?: string
  readonly host?: string
  /** As it is written in the request, with its query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Of which connection the stand-in is that is shown; empty for none. */
  readonly as?: string
}

export const hosts = {
  arm: 'management.azure.com',
  blob: 'releases.blob.core.windows.net',
  second: 'releases-secondary.blob.core.windows.net',
  queue: 'releases.queue.core.windows.net',
  table: 'releases.table.core.windows.net',
  vault: 'shop.vault.azure.net',
  login: 'login.microsoftonline.com',
}

export const tenant = '11111111-2222-3333-4444-555555555555'
export const subscription = '99999999-8888-7777-6666-555555555555'

export interface AzureWorld extends World {
  readonly azure: Upstream
  /** A stand-in, as tools get it for the federated token of a connection. */
  login(connection: string, form?: Readonly<Record<string, string>>): Promise<Answer>
  askAzure(asking: Asking): Promise<Answer>
}

/** Two subscriptions on one fake Azure, whose tokens are what the broker's stub gives for each audience. */
export async function openAzure(t: TestContext, grants: readonly string[]): Promise<AzureWorld> {
  const world = await openWorld(t)
  const azure = await startUpstream(t, Object.values(hosts))
  const place = {
    ...{ kind: 'azure', tenant, subscription, ca: azure.ca },
    ...{ dial: `127.0.0.1:${azure.port}` },
    credential: { 'azure-app': { tenant, client_id: tenant } },
  }
  const rules = compileRules({ prod: place, lab: place }, [
    ...grants,
    'azure:read lab/blob/containers/blobs/read@releases/lab/*',
  ])
  world.setTargets(rules.targets, rules.policy)
  for (const name of ['prod', 'lab'])
    world.brokers.minted.set(name, {
      management: new Secret(`Bearer management-of-${name}`),
      storage: new Secret(`Bearer storage-of-${name}`),
      vault: new Secret(`Bearer vault-of-${name}`),
    })
  const ask = ({ method = 'GET', host = hosts.arm, path, headers = {}, body = '' }: Asking) =>
    world.ask(request(method, path, { host, headers, ...(body === '' ? {} : { body }) }), {
      authority: `${host}:443`,
    })
  const login = (connection: string, form: Readonly<Record<string, string>> = {}) =>
    ask({
      ...{ host: hosts.login, path: `/${tenant}/oauth2/v2.0/token`, method: 'POST' },
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        ...{ grant_type: 'client_credentials', client_id: 'x', scope: 'https://storage.azure.com/.default' },
        ...{ client_assertion: azureStandIn(connection), ...form },
      }).toString(),
    })
  const shown = new Map<string, string>()
  return Object.assign(world, {
    ...{ azure, login },
    async askAzure({ as = 'prod', headers = {}, ...asking }: Asking) {
      const token = shown.get(as) ?? (as === '' ? '' : tokenIn(await login(as)))
      shown.set(as, token)
      return ask({
        ...asking,
        headers: { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...headers },
      })
    },
  })
}

export function tokenIn({ body }: Answer): string {
  return (JSON.parse(body) as { access_token: string }).access_token
}
