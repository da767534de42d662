import { canonicalHost } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'

const maxChars = 8_192

/**
 * Where a URL leads that an upstream named (a redirect, a place for uploads, a token endpoint): the path on the connection's own
 * host, or on one that it names for this. Undefined for anywhere else, and for what is no plain URL of a file.
 */
export function hostMeant(
  connection: Connection,
  url: URL,
  beside?: 'storage' | 'token',
): { host: Connection; path: string; withCredential: boolean } | undefined {
  const path = `${url.pathname}${url.search}`
  if (url.username !== '' || url.password !== '' || path.length > maxChars) return undefined
  if (isAt(connection, url)) return { host: connection, path, withCredential: true }
  if (url.protocol !== 'https:') return undefined
  if (beside === 'token') {
    const host = connection.tokenHost
    return host !== undefined && isAt(host, url) ? { host, path, withCredential: true } : undefined
  }
  const host = beside === 'storage' ? connection.storage?.find((one) => isAt(one, url)) : undefined
  return host === undefined ? undefined : { host, path, withCredential: false }
}

/** What makes a place that an upstream named one that the gateway goes to, if anything does. */
export function adviceOn({ name }: Pick<Connection, 'name'>, { protocol, host, username }: URL): string {
  return protocol !== 'https:' || host === '' || username !== ''
    ? `${protocol} and what follows is no place of files by https, and no setting lets it pass`
    : `if its files are there, add to connection "${name}" in mayfly.yaml: storage: [${JSON.stringify(host)}]`
}

// A registry behind a proxy often believes that it is reached by http://: its host and path count, the connection is ours.
function isAt({ host, port }: Connection, { hostname, port: named, protocol }: URL): boolean {
  if (protocol !== 'https:' && protocol !== 'http:') return false
  const isUsual = named === '' && (port === 443 || port === 80)
  return canonicalHost(hostname) === host && (isUsual || Number(named) === port)
}
