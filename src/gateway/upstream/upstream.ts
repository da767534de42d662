import {
  Agent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import type { Readable } from 'node:stream'
import { MayflyError, answerOf, limits, passableHead, systemCode } from '../../lib/index.ts'
import type { ClientIdentity } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import { firstByteLimit, idleLimit, type TimeLimit } from '../egress/index.ts'
import { authorityOf, gone, withCredential, type Upstream, type UpstreamRequest } from './upstream-request.ts'
import { createHttp2Upstream } from './upstream-http2.ts'
import { unreachable, type SocketOpener } from './upstream-socket.ts'

export function createUpstream(deps: { openSocket: SocketOpener }): Upstream {
  // By the connection itself, not its name: after a change of the configuration the name may mean another address.
  const agents = new Map<Connection, Agent>()
  const byHttp2 = createHttp2Upstream(deps)
  const underWay = new Set<ClientRequest>()
  let closed = false

  function agentOf(connection: Connection, identity: ClientIdentity | undefined): Agent {
    const known = agents.get(connection)
    if (known !== undefined) return known
    // As many as the step itself may open. An Agent counts a socket only once it stands, and closes those beyond the number after
    // each request: with a smaller one a crowd of clients would dial anew all the time.
    const most = limits.tunnelsPerStep
    const agent = new Agent({ keepAlive: true, maxSockets: most, maxFreeSockets: most, scheduling: 'lifo' })
    // An Agent's socket is whatever createConnection hands to its callback; ours comes through the guard.
    agent.createConnection = (_options, callback) => {
      deps.openSocket(connection, identity).then(
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

  async function ask(
    connection: Connection,
    asked: UpstreamRequest,
  ): Promise<IncomingMessage | typeof stale> {
    const { method, path, headers, authorization, clientIdentity, body, abandoned } = asked
    if (connection.clientCertificate !== undefined && clientIdentity === undefined)
      throw unreachable(connection, 'the permission for this request holds no client certificate')
    const outgoing = httpRequest({
      agent: agentOf(connection, clientIdentity),
      host: connection.host,
      port: connection.port,
      method,
      ...withCredential(connection, authorization, path, {
        ...framed(headers, body),
        host: authorityOf(connection),
      }),
      setHost: false,
      maxHeaderSize: limits.answerHeadBytes,
    })
    const answering = answerOf(outgoing)
    boundTime(connection, outgoing)
    const abandon = () => {
      if (!isSent(outgoing)) outgoing.destroy(gone())
    }
    underWay.add(outgoing)
    abandoned.addEventListener('abort', abandon, { once: true })
    outgoing.once('close', () => {
      underWay.delete(outgoing)
      abandoned.removeEventListener('abort', abandon)
    })
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
    for (const sockets of Object.values(agents.get(connection)?.freeSockets ?? {}))
      for (const socket of sockets ?? []) socket.destroy()
    const answer = await ask(connection, asked)
    if (answer === stale) throw unreachable(connection, 'it closes each connection before it answers')
    return answer
  }

  return {
    async send(connection, asked) {
      if (closed || asked.abandoned.aborted) throw gone()
      const first = await (asked.http2 === true ? byHttp2.send(connection, asked) : ask(connection, asked))
      const answer = first === stale ? await askAgain(connection, asked) : first
      const head = passableHead(answer)
      if (typeof head !== 'string') return answer
      answer.destroy()
      throw unreachable(connection, head)
    },
    close() {
      closed = true
      byHttp2.close()
      const heard = [...underWay].filter(isSent)
      for (const outgoing of underWay) if (!isSent(outgoing)) outgoing.destroy(gone())
      const destroy = () => {
        for (const agent of agents.values()) agent.destroy()
      }
      if (heard.length === 0) destroy()
      else setTimeout(destroy, heardMs).unref()
    },
  }
}

/** How long is waited for the answer to what has changed something, after the step that asked for it has ended. */
const heardMs = 30_000

/**
 * Whether it may have been done already, whoever leaves now: what came of it is heard, so that it is recorded and nobody does it a
 * second time.
 */
function isSent(outgoing: ClientRequest): boolean {
  return !safe.has(outgoing.method) && outgoing.writableEnded && outgoing.socket !== null
}

/** Its connection had ended before the request was read: nothing was done for it (RFC 9110, section 9.2.2). */
const stale = Symbol('stale')

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

function isReset(cause: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(systemCode(cause) ?? '')
}

/** A request that stands still is ended: while its body goes up, while its answer is awaited, while that comes down. */
function boundTime(connection: Connection, outgoing: ClientRequest): void {
  let limit = idleLimit(connection)
  const turn = (next: TimeLimit) => outgoing.setTimeout((limit = next).ms)
  turn(limit)
  const awaited = () => turn(firstByteLimit(connection))
  outgoing.once('finish', awaited)
  /** What is destroyed: whoever reads the answer hears why from the answer alone. */
  let awaits: ClientRequest | IncomingMessage = outgoing
  outgoing.once('response', (answer) => {
    awaits = answer
    // It may come before the body is up.
    outgoing.off('finish', awaited)
    turn(idleLimit(connection))
  })
  outgoing.on('timeout', () => awaits.destroy(unreachable(connection, new Error(limit.message))))
}

/**
 * Says where the body ends. For GET, HEAD, DELETE and OPTIONS Node does not: it writes a body without a frame, and the host would read
 * it as another request, which no grant was asked for.
 */
function framed(headers: OutgoingHttpHeaders, body: Buffer | Readable | undefined): OutgoingHttpHeaders {
  if (body === undefined || headers['content-length'] !== undefined) return headers
  return Buffer.isBuffer(body)
    ? { ...headers, 'content-length': body.length }
    : { ...headers, 'transfer-encoding': 'chunked' }
}
