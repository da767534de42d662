import type { IncomingMessage } from 'node:http'
import {
  connect,
  constants,
  sensitiveHeaders,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { MayflyError, limits } from '../../lib/index.ts'
import type { ClientIdentity } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import { Http2Message } from '../requests/index.ts'
import { firstByteLimit, idleLimit, type TimeLimit } from '../egress/index.ts'
import { authorityOf, gone, withCredential, type Upstream, type UpstreamRequest } from './upstream-request.ts'
import { unreachable, type SocketOpener } from './upstream-socket.ts'

const options = {
  settings: { enablePush: false, initialWindowSize: 262_144, maxHeaderListSize: limits.answerHeadBytes },
  maxHeaderListPairs: limits.answerHeaders + 1,
  maxReservedRemoteStreams: 0,
  maxSessionInvalidFrames: 32,
  maxSessionMemory: 10,
  maxSettings: 16,
  maxOutstandingPings: 4,
}

/** As `createUpstream`, by HTTP/2: one connection to each host, for one step alone. */
export function createHttp2Upstream(deps: { openSocket: SocketOpener }): Upstream {
  const sessions = new Map<Connection, Promise<ClientHttp2Session>>()
  const sockets = new Set<Duplex>()
  let closed = false

  async function openSession(connection: Connection, identity: ClientIdentity | undefined) {
    const socket = await deps.openSocket(connection, identity, 'h2')
    if (closed) {
      socket.destroy()
      throw gone()
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const session = connect(`https://${authorityOf(connection)}`, {
      ...options,
      createConnection: () => socket,
    })
    session.on('error', () => undefined)
    session.setTimeout(limits.silenceMs, () => {
      sessions.delete(connection)
      session.close()
    })
    // After GOAWAY it takes no new requests; those that are under way may end (RFC 9113, section 6.8).
    for (const end of ['goaway', 'close']) session.once(end, () => sessions.delete(connection))
    session.once('close', () => socket.destroy())
    return session
  }

  function sessionOf(
    connection: Connection,
    identity: ClientIdentity | undefined,
  ): Promise<ClientHttp2Session> {
    const known = sessions.get(connection)
    if (known !== undefined) return known
    const opening = openSession(connection, identity)
    sessions.set(connection, opening)
    opening.catch(() => sessions.delete(connection))
    return opening
  }

  async function ask(
    connection: Connection,
    asked: UpstreamRequest,
  ): Promise<IncomingMessage | typeof unprocessed> {
    const session = await sessionOf(connection, asked.clientIdentity)
    if (asked.abandoned.aborted) throw gone()
    const stream = begin(session, connection, asked)
    const abandon = () => stream.close(constants.NGHTTP2_CANCEL)
    asked.abandoned.addEventListener('abort', abandon, { once: true })
    stream.once('close', () => asked.abandoned.removeEventListener('abort', abandon))
    return answerOn(stream, connection, asked.method).catch((cause: unknown) => {
      const mayRepeat = asked.body === undefined || Buffer.isBuffer(asked.body)
      if (mayRepeat && stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return unprocessed
      throw cause instanceof MayflyError ? cause : unreachable(connection, cause)
    })
  }

  return {
    async send(connection, asked) {
      if (closed || asked.abandoned.aborted) throw gone()
      if (connection.clientCertificate !== undefined && asked.clientIdentity === undefined)
        throw unreachable(connection, 'the permission for this request holds no client certificate')
      if (!connection.tls)
        throw unreachable(connection, 'gRPC needs HTTP/2, which is spoken within TLS alone: an https:// URL')
      const first = await ask(connection, asked)
      const answer = first === unprocessed ? await ask(connection, asked) : first
      if (answer === unprocessed)
        throw unreachable(connection, 'it refuses each stream before it looks at it')
      return answer
    },
    close() {
      closed = true
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The host says that it has not looked at the request (RFC 9113, section 8.7). */
const unprocessed = Symbol('unprocessed')

function begin(
  session: ClientHttp2Session,
  connection: Connection,
  asked: UpstreamRequest,
): ClientHttp2Stream {
  const { method, authorization, body } = asked
  const { path, headers } = withCredential(connection, authorization, asked.path, asked.headers)
  const { credential } = connection
  const stream = session.request(
    {
      ...headers,
      ':method': method,
      ':scheme': 'https',
      ':authority': authorityOf(connection),
      ':path': path,
      // What is secret does not go into the table of compressed headers (RFC 7541, section 7.1.3).
      [sensitiveHeaders]: [
        'authorization',
        credential?.scheme === 'header' ? credential.name.toLowerCase() : '',
      ],
    },
    { endStream: body === undefined },
  )
  stream.on('error', () => undefined)
  if (Buffer.isBuffer(body)) stream.end(body)
  else if (body !== undefined) {
    body.on('error', () => stream.close(constants.NGHTTP2_CANCEL))
    body.pipe(stream)
  }
  return stream
}

/** The answer, as soon as its head is there; what a host may say at any time ends no more than its stream. */
function answerOn(
  stream: ClientHttp2Stream,
  connection: Connection,
  method: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let interim = 0
    const why = boundTime(stream, connection)
    stream.on('headers', () => {
      if (++interim > limits.interimAnswers)
        stream.destroy(new Error('it sends interim answers (1xx) without end'))
    })
    stream.on('error', (error) => reject(why() ?? error))
    stream.on('close', () => reject(why() ?? new Error('it closed the stream without an answer')))
    stream.on('response', (headers: IncomingHttpHeaders & { ':status'?: number }) => {
      const status = headers[':status'] ?? 0
      const answer = new Http2Message(stream, headers, { bodiless: method === 'HEAD' || status === 304 })
      answer.statusCode = status
      resolve(answer.asIncoming())
    })
  })
}

/** As for HTTP/1.1: while the body goes up, while the answer is awaited, while that comes down. */
function boundTime(stream: ClientHttp2Stream, connection: Connection): () => MayflyError | undefined {
  let limit = idleLimit(connection)
  let late: MayflyError | undefined
  const turn = (next: TimeLimit) => stream.setTimeout((limit = next).ms)
  turn(limit)
  const awaited = () => turn(firstByteLimit(connection))
  stream.once('finish', awaited)
  stream.once('response', () => {
    stream.off('finish', awaited)
    turn(idleLimit(connection))
  })
  stream.on('timeout', () => stream.destroy((late = unreachable(connection, new Error(limit.message)))))
  return () => late
}
