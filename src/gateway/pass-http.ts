import type { IncomingMessage } from 'node:http'
import type { Operation } from '../policy/index.ts'
import { discard, plainAnswer, type Exchange } from './exchange.ts'
import { requestHeaders, strippedQuery } from './plain-headers.ts'

/**
 * A request of an HTTP API, once it is known which operations it is: all of them are granted, or it is not sent. Strips what the step
 * could authenticate itself with, so that an attacker's own account is not reached through a host that is granted (design.md,
 * Never 7); refuses redirects to another host, which may carry a credential in their address. `body`: what was read of it already.
 */
export async function passHttp(
  exchange: Exchange,
  what: string,
  operations: readonly Operation[],
  body?: Buffer,
): Promise<void> {
  const { request, response, connection, path } = exchange
  const query = strippedQuery(exchange.query)
  if (typeof query === 'object') return plainAnswer(response, 403, exchange.deny(what, query.refused))
  const permit = await exchange.permitAll(operations, { http: { method: request.method } })
  if (!permit.allow) return plainAnswer(response, 403, permit.message)
  const headers = requestHeaders(request, connection)
  const sent = body ?? (hasBody(request) ? request : undefined)
  const upstream = await exchange.send(permit, {
    method: request.method ?? '',
    path: query === '' ? path : `${path}?${query}`,
    headers: body === undefined ? headers : { ...headers, 'content-length': String(body.length) },
    ...(sent === undefined ? {} : { body: sent }),
  })
  await passOn(exchange, upstream, what)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Passes an answer on, unless it leads elsewhere or says that the credential is not good. */
export async function passOn(exchange: Exchange, upstream: IncomingMessage, what: string): Promise<void> {
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
