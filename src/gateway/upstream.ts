import { Agent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import {
  connect as tlsConnect,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { Duplex } from 'node:stream'
import { MayflyError, messageOf, type Secret } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'
import type { EgressGuard } from './egress-guard.ts'

export interface UpstreamRequest {
  readonly method: string
  /** Path below the host, with query. */
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly authorization: Secret | undefined
  readonly body?: Buffer | Readable
  /** Fires when nobody waits for the answer any more. */
  readonly abandoned: AbortSignal
}

/** Connections to upstreams that one step uses. Nothing is pooled across steps. */
export interface Upstream {
  /** Throws `upstream_unreachable` or `denied` before any answer came. */
  send(connection: Connection, request: UpstreamRequest): Promise<IncomingMessage>
  close(): void
}

/** Per connection's CA: a TLS context with the machine's roots. Kept by the gateway, shared by all steps. */
export type TlsContexts = (connection: Connection) => SecureContext

export function createTlsContexts(): TlsContexts {
  const contexts = new Map<string, SecureContext>()
  return ({ ca = '' }) => {
    const known = contexts.get(ca)
    if (known !== undefined) return known
    const roots = [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
    const context = createSecureContext({ ca: ca === '' ? roots : [...roots, ca], minVersion: 'TLSv1.2' })
    contexts.set(ca, context)
    return context
  }
}

export function createUpstream(deps: { guard: EgressGuard; contexts: TlsContexts }): Upstream {
  // By the connection itself, not its name: after a change of the configuration the name may mean another address.
  const agents = new Map<Connection, Agent>()
  let closed = false

  function agentOf(connection: Connection): Agent {
    const known = agents.get(connection)
    if (known !== undefined) return known
    const agent = new Agent({ keepAlive: true, maxSockets: 64, maxFreeSockets: 16, scheduling: 'lifo' })
    // An Agent's socket is whatever createConnection hands to its callback; ours comes through the guard.
    agent.createConnection = (_options, callback) => {
      openSocket(connection).then(
        (socket) => {
          // The step may have ended while its upstream was dialled.
          if (closed) socket.destroy(gone())
          callback?.(closed ? gone() : null, socket)
        },
        (error: Error) => callback?.(error, undefined as never),
      )
      return undefined
    }
    agents.set(connection, agent)
    return agent
  }

  async function openSocket(connection: Connection): Promise<Duplex> {
    const socket = await deps.guard.dial({ host: connection.host, port: connection.port, connection })
    if (!connection.tls) return socket
    return new Promise<TLSSocket>((resolve, reject) => {
      const secure = tlsConnect({
        socket,
        servername: connection.host,
        secureContext: deps.contexts(connection),
        ALPNProtocols: ['http/1.1'],
      })
      secure.once('secureConnect', () => resolve(secure))
      secure.once('error', (cause) => reject(unreachable(connection, cause)))
    })
  }

  return {
    send(connection, { method, path, headers, authorization, body, abandoned }) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(gone())
        const outgoing = httpRequest({
          agent: agentOf(connection),
          host: connection.host,
          port: connection.port,
          method,
          path,
          headers: {
            ...headers,
            host: authorityOf(connection),
            ...(authorization === undefined ? {} : { authorization: authorization.reveal() }),
          },
          setHost: false,
        })
        outgoing.once('response', resolve)
        outgoing.once('upgrade', (_response, socket) => {
          socket.destroy()
          reject(unreachable(connection, 'it switched to another protocol'))
        })
        const leave = () => void outgoing.destroy(gone())
        abandoned.addEventListener('abort', leave, { once: true })
        // One request of a step may take several to its upstream.
        outgoing.once('close', () => abandoned.removeEventListener('abort', leave))
        outgoing.once('error', (cause) =>
          reject(cause instanceof MayflyError ? cause : unreachable(connection, cause)),
        )
        if (body === undefined || Buffer.isBuffer(body)) outgoing.end(body)
        else {
          body.once('error', (error) => outgoing.destroy(error))
          body.pipe(outgoing)
        }
      })
    },
    close() {
      closed = true
      for (const agent of agents.values()) agent.destroy()
    },
  }
}

/** `host` or `host:port`, as the Host header of this connection has it. */
export function authorityOf({ host, port, tls }: Connection): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (tls ? 443 : 80) ? name : `${name}:${port}`
}

function gone(): MayflyError {
  return new MayflyError('revoked', 'the step, or its request, has ended')
}

function unreachable(connection: Connection, cause: unknown): MayflyError {
  return new MayflyError(
    'upstream_unreachable',
    `connection "${connection.name}" (${connection.url}) does not answer: ${messageOf(cause)}`,
    { cause },
  )
}
