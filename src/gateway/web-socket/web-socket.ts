import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MayflyError, messageOf } from '../../lib/index.ts'
import type { Operation } from '../../policy/index.ts'
import { pickHeaders, plainAnswer, type Exchange, type Upgrade, type Upgraded } from '../exchange.ts'
import { passOn } from '../pass-http.ts'
import { injectedParameter, strippedQuery } from '../plain-headers.ts'
import { lookThroughFrames } from './frames.ts'

/** What a WebSocket is asked for. */
export interface AskedSocket {
  readonly operation: Operation
  /** Path and query, below the connection's base path. */
  readonly target: string
  readonly detail: Readonly<Record<string, unknown>>
  /** Answers a refusal in the protocol's own words. */
  readonly refuse: (status: number, message: string) => void
  /** Is told how it ended. */
  readonly ended?: (carried: Carried) => void
}

/** The one that a path alone is. */
export function plainSocket({ connection, path, query, response }: Exchange, action: string): AskedSocket {
  return {
    operation: { action, connection: connection.name, path: path.slice(1) },
    target: query === '' ? path : `${path}?${query}`,
    detail: { http: { method: 'GET', upgrade: 'websocket' } },
    refuse: (status, message) => plainAnswer(response, status, message),
  }
}

/**
 * A WebSocket (RFC 6455), where its operation is granted. The gateway shakes hands on both sides with a key of its own and
 * checks the host's answer; the credential goes with the handshake. What comes back from a host that was given one is looked
 * through for it, so compression is agreed on only where there is none. It ends with the step, or when nothing passes for long.
 */
export async function passWebSocket(
  exchange: Exchange,
  { socket, head }: Upgrade,
  { operation, target, detail, refuse, ended }: AskedSocket,
): Promise<void> {
  const { request, response, connection, path } = exchange
  const what = `${operation.action} ${connection.name}${path}`
  const deny = (status: number, why: string) => refuse(status, exchange.deny(what, why))
  const query = strippedQuery(exchange.query, injectedParameter(exchange.connection))
  if (typeof query === 'object') return deny(403, query.refused)
  const offer = readOffer(request)
  if (typeof offer === 'string') return deny(400, offer)
  const permit = await exchange.permitAll([operation], detail)
  if (!permit.allow) return refuse(403, permit.message)
  const isSeen = permit.authorization !== undefined && !connection.opaque
  const key = randomBytes(16).toString('base64')
  const upgraded = await exchange.upgrade(permit, {
    path: target,
    headers: {
      ...pickHeaders(request, ['origin', 'user-agent', 'accept-language']),
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
      ...(offer.protocols.length === 0 ? {} : { 'sec-websocket-protocol': offer.protocols.join(', ') }),
      ...(offer.extensions === undefined || isSeen ? {} : { 'sec-websocket-extensions': offer.extensions }),
    },
  })
  if (upgraded.socket === undefined) return passOn(exchange, upgraded.answer, what)
  const problem = answerProblem(upgraded, key, offer, isSeen)
  if (problem !== undefined) {
    upgraded.socket.destroy()
    return deny(502, problem)
  }
  response.detachSocket(request.socket)
  socket.write(answerHead(offer.key, upgraded.answer), 'latin1')
  if (head.length > 0) socket.unshift(head)
  const { reflection } = upgraded
  const frames = isSeen && reflection !== undefined ? [lookThroughFrames(reflection)] : []
  const carried = await carry(socket, upgraded.socket, frames)
  ended?.(carried)
  if (carried.why !== undefined) exchange.deny(what, carried.why)
}

/** What passed, in bytes of the step's and of the host's, and why it was cut, if it was. */
export interface Carried {
  readonly sent: number
  readonly received: number
  readonly why: string | undefined
}

/** Both ways until both have ended, what comes from the host through `look`. */
export async function carry(client: Duplex, host: Duplex, look: readonly Transform[]): Promise<Carried> {
  let why: string | undefined
  let [sent, received] = [0, 0]
  for (const one of [host, ...look])
    one.once('error', (error) => {
      if (error instanceof MayflyError) why ??= error.message
    })
  // The step's socket stands at both ends of it.
  client.setMaxListeners(30)
  const passing = pipeline([client, host, ...look, client])
  // In the same turn as the pipeline, which reads them.
  client.on('data', (chunk: Buffer) => (sent += chunk.length))
  host.on('data', (chunk: Buffer) => (received += chunk.length))
  await passing.catch(() => undefined)
  return { sent, received, why }
}

interface Offer {
  readonly key: string
  readonly protocols: readonly string[]
  readonly extensions: string | undefined
}

/** One of Kubernetes' has a slash: `SPDY/3.1+portforward.k8s.io`. */
const token = /^[!#$%&'*+./^_`|~0-9A-Za-z-]{1,40}$/
/** Some servers take a credential as the name of a protocol, for browsers that cannot set a header. */
const carriesCredential = /bearer|token|auth|key|jwt|secret|^eyj/i
const maxProtocols = 20

/** What the step's client asks for, or why it is no handshake (RFC 6455, section 4.2.1). */
function readOffer({ headers, httpVersion }: IncomingMessage): Offer | string {
  const key = headers['sec-websocket-key'] ?? ''
  if (
    httpVersion !== '1.1' ||
    !/^[A-Za-z0-9+/]{22}==$/.test(key) ||
    headers['sec-websocket-version'] !== '13'
  )
    return 'it is no handshake of a WebSocket (RFC 6455, version 13)'
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
    return 'a handshake of a WebSocket has no body'
  const protocols = (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
  if (
    protocols.length > maxProtocols ||
    !protocols.every((one) => token.test(one)) ||
    protocols.some((one) => carriesCredential.test(one))
  )
    return 'its Sec-WebSocket-Protocol is no list of protocols, or has a credential in it: that is added by the gateway'
  return { key, protocols, extensions: headers['sec-websocket-extensions'] }
}

/** Why the host's 101 is none to its question (RFC 6455, section 4.1); undefined if it is. */
function answerProblem(
  { answer, reflection }: Upgraded,
  key: string,
  { protocols, extensions }: Offer,
  isSeen: boolean,
): string | undefined {
  const { headers } = answer
  if (headers.upgrade?.toLowerCase() !== 'websocket' || headers['sec-websocket-accept'] !== acceptOf(key))
    return 'the host’s answer belongs to another handshake (Sec-WebSocket-Accept)'
  const { 'sec-websocket-protocol': protocol, 'sec-websocket-extensions': agreed } = headers
  if (protocol !== undefined && !protocols.includes(protocol))
    return 'the host chose a protocol that was not asked for'
  if (agreed !== undefined && (isSeen || extensions === undefined))
    return 'the host uses an extension that was not asked for'
  try {
    if (isSeen) reflection?.head(headers)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function answerHead(key: string, { headers }: IncomingMessage): string {
  const passed = ['sec-websocket-protocol', 'sec-websocket-extensions'].flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [`${name}: ${value}`] : []
  })
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'upgrade: websocket',
    'connection: Upgrade',
    `sec-websocket-accept: ${acceptOf(key)}`,
  ]
  return `${[...lines, ...passed].join('\r\n')}\r\n\r\n`
}

/** RFC 6455, section 4.2.2. */
function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}
