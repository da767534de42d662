import type { IncomingMessage } from 'node:http'
import { discard, type Exchange, type Permit } from './exchange.ts'
import { adviceOn } from './host-beside.ts'

/** An answer, and where it came from; or why there is none. */
export type Asked =
  | { readonly ok: true; readonly upstream: IncomingMessage; readonly url: URL }
  | { readonly ok: false; readonly elsewhere?: URL; readonly why: string }

const redirects = new Set([301, 302, 303, 307, 308])
const maxHops = 5

/** Asks an address of the connection, or of its storage hosts, and goes where it is sent on to among these. */
export async function ask(
  exchange: Exchange,
  permit: Permit,
  from: URL,
  request: { method: string; headers: Record<string, string> },
): Promise<Asked> {
  let url = from
  for (let hop = 0; hop <= maxHops; hop++) {
    const asking = exchange.sendTo(permit, url, request, 'storage')
    if (asking === undefined)
      return {
        ok: false,
        elsewhere: url,
        why: `the registry sends clients on to ${url.host}: ${adviceOn(exchange.connection, url)}`,
      }
    const upstream = await asking
    const { statusCode = 0, headers } = upstream
    if (!redirects.has(statusCode) || headers.location === undefined) return { ok: true, upstream, url }
    discard(upstream)
    const next = URL.parse(headers.location, url.href)
    if (next === null) return { ok: false, why: 'the registry sends clients on to no address' }
    url = next
  }
  return { ok: false, why: 'the registry sends clients on without end' }
}

/**
 * What a registry has not itself some send on to another for (GitLab's to npmjs.com and pypi.org): it does not have it, and there it
 * is another connection's. Not so of an address on its own host that the gateway does not go to.
 */
export function isElsewhere(asked: Asked, { host }: Exchange['connection']): boolean {
  return !asked.ok && asked.elsewhere !== undefined && asked.elsewhere.hostname !== host
}

/** The address that a request names. */
export function addressOf({ connection, storage, path, query }: Exchange): URL {
  const at = query === '' ? path : `${path}?${query}`
  return storage === undefined
    ? ownAddress(connection, at)
    : new URL(`https://${storage.host}:${storage.port}${at}`)
}

export function ownAddress({ url, basePath }: Exchange['connection'], path: string): URL {
  return new URL(`${new URL(url).origin}${basePath}${path}`)
}
