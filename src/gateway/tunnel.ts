import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import {
  canonicalHost,
  joinSockets,
  limits,
  messageOf,
  type ServedCertificate,
  type StepId,
} from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { stepEvent, type AccessTokens, type Broker, type Step } from '../broker/index.ts'
import type { Connection, Targets } from '../connections/index.ts'
import { connectUri, type ProofVerifier } from '../identity/index.ts'
import { isStream } from '../kinds/index.ts'
import type { ActivityRecord } from './activity.ts'
import type { Denials } from './denials.ts'
import { egressDenial, type EgressGuard } from './egress/index.ts'
import type { OpenConnections } from './open-connections.ts'
import { secureServer } from './open-stream.ts'
import type { Gatekeeper } from './permit.ts'
import type { RunCa } from './run-ca.ts'

export interface TunnelDeps {
  tokens: AccessTokens
  proofs: ProofVerifier
  broker: Broker
  audit: AuditClient
  activity: ActivityRecord
  gatekeeper: Gatekeeper
  denials: Denials
  guard: EgressGuard
  targets: () => Targets
  /** The run CA of a step whose supervisor asked for one. */
  ca: (step: Step) => Promise<RunCa>
  /** Our URL, as the supervisor's proofs name it. */
  url: () => string
  /** Carries what comes on one terminated connection. */
  serve: (socket: Duplex, step: Step, at: At) => void
  /** Remembers the socket of a step's CONNECT as `track` does; false if the step has as many open as it may. */
  admit: (step: Step, socket: Socket) => boolean
  /** Remembers a socket so that the end of the step destroys it; `outer` is the one that it runs on. */
  track: (step: Step, socket: Duplex, outer?: Duplex) => void
  /** A CONNECT that was let through: to one of the connections, or to an egress host. */
  opened: OpenConnections['opened']
  /** A host was asked for that nothing names. */
  unlisted: (step: Step, host: string, port: number) => void
  /** With it the gateway speaks HTTPS: CONNECT comes within TLS. */
  certificate?: ServedCertificate
}

/** The connections on the host and port that a CONNECT names. */
export type At = readonly [Connection, ...Connection[]]

/** Accepts CONNECT with a DPoP-bound step token, and nothing else. */
export function createTunnelServer(deps: TunnelDeps): Server {
  const { certificate } = deps
  const options = {
    maxHeaderSize: limits.requestHeadBytes,
    headersTimeout: limits.requestHeadMs,
    requestTimeout: limits.requestHeadMs,
    connectionsCheckingInterval: 1_000,
  }
  const server =
    certificate === undefined
      ? createServer(options, refuseMethod)
      : createTlsServer(
          // As the plain one: what a client has ended may still be answered.
          { ...options, ...certificate.pair, handshakeTimeout: 10_000, allowHalfOpen: true },
          refuseMethod,
        )
  if (server instanceof TlsServer) certificate?.follow(server)
  // Without a listener a connection that cannot be taken (no more files) would end the process.
  server.on('error', () => undefined)
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    socket.setNoDelay(true)
    acceptTunnel(deps, request, socket, head).catch((error: unknown) =>
      answer(socket, 502, `mayfly: ${messageOf(error)}`),
    )
  })
  return server
}

function refuseMethod(request: IncomingMessage, response: ServerResponse): void {
  request.on('error', () => undefined)
  response.on('error', () => undefined)
  response
    .writeHead(405, { 'content-type': 'text/plain', connection: 'close' })
    .end(
      'mayfly gateway: CONNECT only: this is the address of the gateway, and MAYFLY_SERVER is that of the API\n',
    )
}

async function acceptTunnel(
  deps: TunnelDeps,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<void> {
  const authority = request.url ?? ''
  const step = await authenticate(deps, request, authority)
  if (typeof step === 'string') return answer(socket, 407, `mayfly: ${step}`)
  if ('nonce' in step) return answer(socket, 407, 'mayfly: the proof needs a nonce', step.nonce)
  if (!deps.admit(step, socket))
    return answer(
      socket,
      429,
      `mayfly: the step has ${limits.tunnelsPerStep} connections open, no more are taken: close some, or open fewer at a time`,
    )
  const target = parseAuthority(authority)
  if (target === undefined)
    return refuse(deps, socket, step, JSON.stringify(authority.slice(0, 300)), 'it is no host name and port')
  const [connection, ...others] = deps.targets().at(target.host, target.port)
  if (connection !== undefined) return terminate(deps, socket, head, step, [connection, ...others])
  await passThrough(deps, socket, head, step, target)
}

/** The step that this token and proof stand for, the nonce that its proof lacks, or one line why not. */
async function authenticate(
  deps: TunnelDeps,
  request: IncomingMessage,
  authority: string,
): Promise<Step | { nonce: string } | string> {
  const [scheme, token] = (request.headers['proxy-authorization'] ?? '').split(' ')
  if (scheme !== 'DPoP' || token === undefined)
    return 'the gateway takes a DPoP-bound step token (Proxy-Authorization: DPoP)'
  const access = await deps.tokens.verify(token)
  if (!access.ok) return `the step token is ${access.reason}`
  const proof = await deps.proofs.verify(header(request, 'dpop'), {
    method: 'CONNECT',
    uri: connectUri(deps.url(), authority),
    accessToken: token,
  })
  if (!proof.ok) return proof.nonce === undefined ? proof.detail : { nonce: proof.nonce }
  if (proof.jkt !== access.claims.jkt) return 'the proof is by another key than the token is bound to'
  if (access.claims.step === undefined) return 'this is a session token; the gateway takes a step token'
  return deps.broker.step(access.claims.step) ?? whyEnded(deps.broker, access.claims.step)
}

function whyEnded(broker: Broker, step: StepId): string {
  const end = broker.endOf({ step })
  return end === undefined ? 'the step has ended' : `the step has ended (${end.reason})`
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function parseAuthority(authority: string): { host: string; port: number } | undefined {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):([0-9]{1,5})$/.exec(authority)
  const host = canonicalHost(parts?.[1] ?? '')
  const port = Number(parts?.[2])
  return host === undefined || !(port >= 1 && port <= 65_535) ? undefined : { host, port }
}

/** TLS ends here, under the run's CA, for the host that was named in CONNECT and no other. */
async function terminate(deps: TunnelDeps, socket: Socket, head: Buffer, step: Step, at: At): Promise<void> {
  const [connection] = at
  const { name, host, port } = connection
  deps.opened(socket, step, { connection: name, host, port })
  if (!connection.tls) {
    established(socket, head)
    return deps.serve(socket, step, at)
  }
  const secureContext = await (await deps.ca(step)).contextFor(connection.host)
  // The step may have ended while its certificate was made: its sockets are closed already.
  if (socket.destroyed || step.endReason !== undefined) return void socket.destroy()
  established(socket, head)
  const protocols = isStream(connection.kind) ? undefined : ['h2', 'http/1.1']
  const secure = secureServer(socket, connection.host, secureContext, protocols)
  secure.on('error', () => secure.destroy())
  deps.track(step, secure, socket)
  deps.serve(secure, step, at)
}

/** A host of an egress list, everybody's or the role's: its address is checked, that it may is recorded, then bytes as they come. We add no credential and read nothing. */
async function passThrough(
  deps: TunnelDeps,
  socket: Socket,
  head: Buffer,
  step: Step,
  target: { host: string; port: number },
): Promise<void> {
  const name = `${target.host}:${target.port}`
  const { host, port } = target
  const rule = deps.targets().egress.allows(host, port, step.role)
  if (rule === undefined) {
    deps.unlisted(step, host, port)
    return refuse(deps, socket, step, name, egressDenial(deps.targets(), step.role, host, port))
  }
  const asPrivate = rule.private ? { private: true } : {}
  const entry = { host, port, rule: rule.source, list: rule.list, ...asPrivate }
  const record = async () => void (await deps.audit.append(stepEvent(step, 'egress.granted', entry)))
  let upstream: Socket
  try {
    upstream = await deps.guard.dial({ host, port, ...asPrivate }, record)
  } catch (error) {
    return answer(socket, 502, deps.gatekeeper.deny(step, name, messageOf(error)))
  }
  // The step may have ended while the name was resolved: its sockets are closed, ours must not stay.
  if (socket.destroyed) return void upstream.destroy()
  deps.activity.granted(step.id, `egress ${name}`)
  deps.opened(socket, step, { host, port })
  deps.track(step, upstream)
  established(socket, head)
  joinSockets(socket, upstream)
}

/** Later each time that the step is refused; meanwhile the socket counts among those that it has open. */
function refuse(deps: TunnelDeps, socket: Socket, step: Step, what: string, reason: string): void {
  const message = deps.gatekeeper.deny(step, what, reason)
  const later = setTimeout(() => answer(socket, 403, message), deps.denials.delayMs(step))
  socket.once('close', () => clearTimeout(later))
}

function established(socket: Socket, head: Buffer): void {
  socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
  if (head.length > 0) socket.unshift(head)
}

const lingerMs = 500

function answer(socket: Socket, status: number, message: string, nonce?: string): void {
  if (socket.destroyed) return
  const reason =
    {
      403: 'Forbidden',
      407: 'Proxy Authentication Required',
      429: 'Too Many Requests',
      502: 'Bad Gateway',
    }[status] ?? 'Error'
  const body = `${message}\n`
  // RFC 9449, section 9, as a proxy says it.
  const challenge = nonce === undefined ? '' : `, error="use_dpop_nonce"\r\nDPoP-Nonce: ${nonce}`
  const authenticate = status === 407 ? `Proxy-Authenticate: DPoP algs="ES256"${challenge}\r\n` : ''
  // Who was refused does not keep the socket by not closing their side.
  setTimeout(() => socket.destroy(), lingerMs).unref()
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain; charset=utf-8\r\n${authenticate}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
