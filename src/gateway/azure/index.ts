import type { IncomingMessage } from 'node:http'
import { MayflyError, type Clock } from '../../lib/index.ts'
import {
  azureAudienceOf,
  azureCloudOf,
  azurePlaceOf,
  azureScope,
  type AzurePlace,
} from '../../kinds/index.ts'
import type { Operation } from '../../policy/index.ts'
import { UpstreamBusy } from '../busy.ts'
import { hasBody, type Chooser, type Exchange, type HttpHandler, type Permit } from '../exchange.ts'
import { readTarget, writeTarget, type Target } from '../raw-target.ts'
import { answerError, dialectOf, type Dialect } from './answers.ts'
import { readArm } from './arm.ts'
import { readBlob } from './blob.ts'
import { unnamed, type Reading } from './called.ts'
import { answerJson, answerLogin } from './login.ts'
import { problemOf } from './odd-request.ts'
import { connectionShown } from './stand-in.ts'
import { readVault } from './vault.ts'

/**
 * Azure's APIs. A step shows a stand-in that opens nothing, which it gets from the gateway's own answers in the place of Microsoft
 * Entra ID; its request is named in the words of RBAC, and goes on with a token for the host's audience that the step never sees.
 * Invariant: nothing that a step shows as a credential goes upstream, and no key or signed address comes back.
 */
export function createAzureHandler(deps: { readonly clock: Clock }): HttpHandler {
  return async (exchange) => {
    const { connection, asked } = exchange
    const place = azurePlaceOf(asked.host, connection.url)
    if (place?.service === 'login') return answerLogin(exchange, deps.clock)
    const dialect = place === undefined ? 'arm' : dialectOf(place)
    try {
      if (place === undefined)
        return refuse(exchange, dialect, `${asked.host} is no host of a service that is known here`)
      if (place.service === 'vault' && exchange.request.headers.authorization === undefined)
        return challenge(exchange)
      const read = readRequest(exchange, place)
      if (typeof read === 'string') return refuse(exchange, dialect, read)
      if (isListOfSubscriptions(exchange, place, read.target)) return answerSubscriptions(exchange)
      await pass(exchange, read, { dialect, place })
    } catch (error) {
      if (error instanceof UpstreamBusy)
        return answerError(exchange, dialect, `mayfly: ${error.message}`, {
          status: error.status,
          headers: error.headers,
        })
      if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
      answerError(exchange, dialect, error.message, { status: 502 })
    }
  }
}

/** Which connection's stand-in a request shows. */
export const meantByToken: Chooser = ({ headers }, at) => {
  const name = connectionShown(headers.authorization)
  return at.find((one) => (one.hostOf ?? one).name === name)
}

interface Asked {
  readonly reading: Reading
  readonly target: Target
  readonly body: IncomingMessage | undefined
}

function readRequest(exchange: Exchange, place: AzurePlace): Asked | string {
  const { request, connection, path, query } = exchange
  if (connectionShown(request.headers.authorization) !== connection.name)
    return `it does not show the stand-in of connection "${connection.name}": let the tool take the settings that it finds in a step, and no key, signed URL or login of your own`
  const target = readTarget(path, query)
  if (typeof target === 'string') return target
  const problem = problemOf(request.headers, target, place.service)
  if (problem !== undefined) return problem
  const reading = readingOf(exchange, place, target)
  if (typeof reading === 'string') return reading
  return { reading, target, body: hasBody(request) ? request : undefined }
}

function readingOf(exchange: Exchange, { service, of }: AzurePlace, target: Target): Reading | string {
  const { request, connection } = exchange
  const { method = '', headers } = request
  if (service === 'blob') return readBlob({ account: of, method, target, headers, url: connection.url })
  if (service === 'vault') return { called: [readVault(of, method, target)] }
  if (service !== 'arm') return { called: [unnamed(service, of, method, target)] }
  const one = readArm(connection.settings?.subscription ?? '', method, target)
  return typeof one === 'string' ? one : { called: [one] }
}

/** A vault's libraries ask without a token first, to hear where tokens come from (Azure Key Vault, "Authentication, requests and responses"). */
function challenge(exchange: Exchange): void {
  const { connection } = exchange
  const { login } = azureCloudOf(connection.url)
  const resource = azureScope('vault', connection.url).replace('/.default', '')
  answerError(exchange, 'vault', 'mayfly: show the token that you get for this', {
    status: 401,
    headers: {
      'www-authenticate': `Bearer authorization="https://${login}/${connection.settings?.tenant}", resource="${resource}"`,
    },
  })
}

function isListOfSubscriptions({ request }: Exchange, { service }: AzurePlace, { parts }: Target): boolean {
  return service === 'arm' && request.method === 'GET' && parts.join('/').toLowerCase() === 'subscriptions'
}

/** `az login` asks which there are: the one that the connection is for, as the step was told already. */
function answerSubscriptions(exchange: Exchange): void {
  const { name, settings } = exchange.connection
  const { tenant: tenantId, subscription: subscriptionId } = settings ?? {}
  answerJson(exchange, {
    value: [
      {
        ...{ id: `/subscriptions/${subscriptionId}`, subscriptionId, tenantId, displayName: name },
        ...{ state: 'Enabled', authorizationSource: 'RoleBased', managedByTenants: [] },
        subscriptionPolicies: {
          locationPlacementId: 'Public_2014-09-01',
          quotaId: 'PayAsYouGo_2014-09-01',
          spendingLimit: 'Off',
        },
      },
    ],
    count: { type: 'Total', value: 1 },
  })
}

/** Headers that may go on; what says who asks is ours to say. */
const passable =
  /^(?:accept(?:-.*)?|cache-control|content-.*|date|if-.*|prefer|range|user-agent|(?:max)?dataserviceversion|(?:return-)?client-request-id|x-ms-.*)$/
const own = /^x-ms-(?:.*authorization.*|.*signature.*|.*token.*)$/
const copyAuthorization = 'x-ms-copy-source-authorization'

async function pass(
  exchange: Exchange,
  { reading, target, body }: Asked,
  { dialect, place }: { readonly dialect: Dialect; readonly place: AzurePlace },
): Promise<void> {
  const { connection, request } = exchange
  const shown = request.headers[copyAuthorization]
  if (shown !== undefined && connectionShown(String(shown)) !== connection.name)
    return refuse(
      exchange,
      dialect,
      `its ${copyAuthorization} is not the stand-in of connection "${connection.name}"`,
    )
  const operations = reading.called.map(({ action, resource, read }): Operation => ({
    action: read ? 'azure:read' : 'azure:call',
    connection: connection.name,
    path: action,
    ref: resource,
  }))
  const permit = await exchange.permitAll(operations, { azure: { method: request.method } })
  if (!permit.allow) return answerError(exchange, dialect, permit.message)
  const held = permitFor(permit, place)
  if (held === undefined)
    return refuse(
      exchange,
      dialect,
      `no token was made for ${place.service}, since no grant of the role names it: add a grant for ${reading.called[0]?.action}`,
    )
  const headers = Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && passable.test(name) && !own.test(name) ? [[name, value] as const] : [],
    ),
  )
  if (shown !== undefined && held.authorization !== undefined)
    headers[copyAuthorization] = held.authorization.reveal()
  const upstream = await exchange.send(held, {
    method: request.method ?? '',
    path: writeTarget(target),
    headers,
    ...(body === undefined ? {} : { body }),
    relayBusy: true,
  })
  tellDone(exchange, reading, upstream)
  if (/^30[12378]$/.test(String(upstream.statusCode)) && upstream.headers.location !== undefined) {
    upstream.destroy()
    return answerError(exchange, dialect, exchange.deny(whatOf(exchange), elsewhere), { status: 502 })
  }
  return exchange.relay(upstream)
}

const elsewhere = 'its answer sends the tool on to another address, which is not passed on'

/** With the token for this host's audience; of a kept token with that one. */
function permitFor(permit: Permit, { service }: AzurePlace): Permit | undefined {
  if (permit.fields === undefined) return permit
  const authorization = permit.fields[azureAudienceOf(service)]
  return authorization === undefined ? undefined : { ...permit, authorization }
}

function tellDone(exchange: Exchange, { called: all }: Reading, { statusCode = 0 }: IncomingMessage): void {
  const [first] = all
  if (first === undefined || all.every(({ read }) => read)) return
  exchange.accepted({
    type: 'operations.done',
    item: {
      operation: `${first.action} ${first.resource}`.slice(0, 500),
      facts: { status: statusCode, things: all.length },
    },
  })
}

function refuse(exchange: Exchange, dialect: Dialect, why: string): void {
  answerError(exchange, dialect, exchange.deny(whatOf(exchange), why))
}

/** The request in one line, for refusals: without its query, which may have a signature. */
function whatOf({ request, connection, asked, path }: Exchange): string {
  return `azure ${request.method} ${connection.name} ${asked.host}${path.slice(0, 500)}`
}
