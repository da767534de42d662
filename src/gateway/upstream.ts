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
import {
  MayflyError,
  answerOf,
  limits,
  messageOf,
  passableHead,
  systemCode,
  type Secret,
} from '../lib/index.ts'
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

/** From TCP to TLS. */
const handshakeMs = 10_000

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
      const timer = setTimeout(() => secure.destroy(new Error('no TLS handshake in time')), handshakeMs)
      secure.once('secureConnect', () => resolve(secure))
      secure.on('error', (cause) => reject(unreachable(connection, cause)))
      secure.once('close', () => {
        clearTimeout(timer)
        reject(unreachable(connection, 'it closed the connection before TLS stood'))
      })
      secure.once('secureConnect', () => clearTimeout(timer))
    })
  }

  async function ask(
    connection: Connection,
    asked: UpstreamRequest,
  ): Promise<IncomingMessage | typeof stale> {
    const { method, path, headers, authorization, body, abandoned } = asked
    const outgoing = httpRequest({
      agent: agentOf(connection),
      host: connection.host,
      port: connection.port,
      method,
      ...withCredential(connection, authorization, path, { ...headers, host: authorityOf(connection) }),
      setHost: false,
      maxHeaderSize: limits.answerHeadBytes,
    })
    const answering = answerOf(outgoing)
    outgoing.setTimeout(limits.silenceMs, () =>
      outgoing.destroy(new Error(`nothing came for ${limits.silenceMs / 1000} s`)),
    )
    const abandon = () => outgoing.destroy(gone())
    abandoned.addEventListener('abort', abandon, { once: true })
    outgoing.once('close', () => abandoned.removeEventListener('abort', abandon))
    if (body === undefined || Buffer.isBuffer(body)) outgoing.end(body)
    else {
      body.on('error', (error) => outgoing.destroy(error))
      body.pipe(outgoing)
    }
    return answering.catch((cause: unknown) => {
      if (outgoing.reusedSocket && body === undefined && safe.has(method) && isReset(cause)) return stale
      throw cause instanceof MayflyError ? cause : unreachable(connection, cause)
    })
  }

  /** A server closes a connection that is idle when it likes; what is asked at that moment is asked again, on a new one. */
  async function askAgain(connection: Connection, asked: UpstreamRequest): Promise<IncomingMessage> {
    for (const sockets of Object.values(agentOf(connection).freeSockets))
      for (const socket of sockets ?? []) socket.destroy()
    const answer = await ask(connection, asked)
    if (answer === stale) throw unreachable(connection, 'it closes each connection before it answers')
    return answer
  }

  return {
    async send(connection, asked) {
      if (closed || asked.abandoned.aborted) throw gone()
      const first = await ask(connection, asked)
      const answer = first === stale ? await askAgain(connection, asked) : first
      const head = passableHead(answer)
      if (typeof head !== 'string') return answer
      answer.destroy()
      throw unreachable(connection, head)
    },
    close() {
      closed = true
      for (const agent of agents.values()) agent.destroy()
    },
  }
}

/** Its connection had ended before the request was read: nothing was done for it (RFC 9110, section 9.2.2). */
const stale = Symbol('stale')

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

function isReset(cause: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(systemCode(cause) ?? '')
}

/** The credential where its connection has it: in a header, or in the query. */
function withCredential(
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
