import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { MayflyError, type Secret } from '../../lib/index.ts'
import type { ClientIdentity } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'

export interface UpstreamRequest {
  readonly method: string
  /** Path below the host, with query. */
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly authorization: Secret | undefined
  /** For a connection with a client certificate; without it nothing is sent there. */
  readonly clientIdentity?: ClientIdentity | undefined
  readonly body?: Buffer | Readable
  /** By HTTP/2, which the host must speak. */
  readonly http2?: boolean
  /** Fires when nobody waits for the answer any more. */
  readonly abandoned: AbortSignal
}

/** Connections to upstreams that one step uses. Nothing is pooled across steps. */
export interface Upstream {
  /** Throws `upstream_unreachable` or `denied` before any answer came. */
  send(connection: Connection, request: UpstreamRequest): Promise<IncomingMessage>
  close(): void
}

/** The credential where its connection has it: in a header, or in the query. */
export function withCredential(
  { credential }: Connection,
  authorization: Secret | undefined,
  path: string,
  headers: OutgoingHttpHeaders,
): { path: string; headers: OutgoingHttpHeaders } {
  if (authorization === undefined) return { path, headers }
  const value = authorization.reveal()
  if (credential?.scheme !== 'query') {
    const name = credential?.scheme === 'header' ? credential.name : 'authorization'
    return { path, headers: { ...headers, [name]: value } }
  }
  const parameter = `${credential.name}=${encodeURIComponent(value)}`
  return { path: `${path}${path.includes('?') ? '&' : '?'}${parameter}`, headers }
}

/** `host` or `host:port`, as the Host header of this connection has it. */
export function authorityOf({ host, port, tls }: Connection): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (tls ? 443 : 80) ? name : `${name}:${port}`
}

export function gone(): MayflyError {
  return new MayflyError('revoked', 'the step, or its request, has ended')
}
