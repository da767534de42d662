import type { IncomingMessage } from 'node:http'
import { discard, plainAnswer, type Exchange, type HttpHandler } from '../exchange.ts'
import { requestHeaders, strippedQuery } from './request.ts'

/**
 * Any HTTP API: an operation is method and path. Strips what the step could authenticate itself with, so that an attacker's
 * own account is not reached through a host that is granted (design.md, Never 7). Refuses methods without an action, and
 * redirects to another host, which may carry a credential in their address.
 */
export function createHttpHandler(): HttpHandler {
  return async (exchange) => {
    const { request, response, connection, path } = exchange
    const what = `http ${request.method} ${connection.name}${path}`
    const action = actions.get(request.method ?? '')
    if (action === undefined)
      return plainAnswer(response, 403, exchange.deny(what, `no grant is for the method ${request.method}`))
    const query = strippedQuery(exchange.query)
    if (typeof query === 'object') return plainAnswer(response, 403, exchange.deny(what, query.refused))
    const operation = { action, connection: connection.name, path: path.slice(1) }
    const permit = await exchange.permit(operation, { http: { method: request.method } })
    if (!permit.allow) return plainAnswer(response, 403, permit.message)
    const upstream = await exchange.send(permit, {
      method: request.method ?? '',
      path: query === '' ? path : `${path}?${query}`,
      headers: requestHeaders(request, connection),
      ...(hasBody(request) ? { body: request } : {}),
    })
    await passOn(exchange, upstream, what)
  }
}

const actions: ReadonlyMap<string, string> = new Map([
  ['GET', 'http:get'],
  ['HEAD', 'http:get'],
  ['OPTIONS', 'http:get'],
  ['POST', 'http:post'],
  ['PUT', 'http:put'],
  ['PATCH', 'http:patch'],
  ['DELETE', 'http:delete'],
])

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

async function passOn(exchange: Exchange, upstream: IncomingMessage, what: string): Promise<void> {
  const { response } = exchange
  const target = targetOf(exchange, upstream)
  const refused = refusedAnswer(exchange, upstream, target)
  if (refused !== undefined) {
    discard(upstream)
    return plainAnswer(response, 502, exchange.deny(what, refused))
  }
  await exchange.relay(upstream, target instanceof URL ? { location: target.href } : {})
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 300 && statusCode < 400
}

/** Where the answer points. */
function targetOf(
  { connection, path }: Exchange,
  { headers }: IncomingMessage,
): URL | 'unreadable' | undefined {
  const { location } = headers
  if (location === undefined) return undefined
  const base = `${new URL(connection.url).origin}${connection.basePath}${path}`
  return URL.canParse(location, base) ? new URL(location, base) : 'unreadable'
}

/** Why an answer is not one to the step; undefined if it is. */
function refusedAnswer(
  { connection }: Exchange,
  upstream: IncomingMessage,
  target: URL | 'unreadable' | undefined,
): string | undefined {
  if (upstream.statusCode === 401 && connection.credential !== undefined)
    return `the host refused the credential of connection "${connection.name}" (401): an operator must renew its secret`
  if (target === undefined) return undefined
  if (target === 'unreadable') return 'it points to an address that is none'
  if (target.origin !== new URL(connection.url).origin && isRedirect(upstream))
    return `it redirects to ${target.host}, which is not this connection: name that host in a connection of its own`
  const query = strippedQuery(target.search.slice(1))
  return typeof query === 'string' ? undefined : 'it points to an address with a credential in it'
}
