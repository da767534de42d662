import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { limits, systemCode } from '../../lib/index.ts'
import { Http2Message } from './http2-message.ts'
import { Http2Response } from './http2-response.ts'

export interface Http2Handlers {
  /** A request that is well formed. */
  request(request: IncomingMessage, response: ServerResponse): void
  /** One that is not, and why. */
  malformed(request: IncomingMessage, response: ServerResponse, reason: string): void
  /** Why the connection was ended, if its client did what no client does. */
  ended(reason: string): void
}

/** Pseudo headers of a request (RFC 9113, section 8.3.1). */
const pseudoHeaders = 4

/** All that Node and nghttp2 bound in a session, each set on purpose. */
const options = {
  settings: {
    maxConcurrentStreams: limits.http2Streams,
    maxHeaderListSize: limits.requestHeadBytes,
    // Of both together a step's uploads lie in memory while their upstream is slow.
    initialWindowSize: 262_144,
    maxFrameSize: 16_384,
    headerTableSize: 4_096,
    enablePush: false,
    // CONNECT within a tunnel would be a way around it (RFC 8441).
    enableConnectProtocol: false,
  },
  maxHeaderListPairs: limits.requestHeaders + pseudoHeaders,
  // What goes out is bounded already (`answerHeadBytes`).
  maxSendHeaderBlockLength: 2 * limits.answerHeadBytes,
  maxDeflateDynamicTableSize: 4_096,
  // Megabytes that streams, headers and frames of one session may take in Node; beyond it streams are refused.
  maxSessionMemory: 10,
  maxSettings: 16,
  maxOutstandingPings: 4,
  // No push: streams of ours that the client would have to take.
  peerMaxConcurrentStreams: 0,
  // Frames that break the protocol, and streams beyond what was offered; a client that works sends next to none.
  maxSessionInvalidFrames: 32,
  maxSessionRejectedStreams: 32,
  // Streams that are begun and reset at once (CVE-2023-44487): many at a time when a build is cancelled, not for long.
  streamResetBurst: 200,
  streamResetRate: 30,
  strictFieldWhitespaceValidation: true,
  strictSingleValueFields: true,
}

/** PING and SETTINGS that a client may send, beside one for each so many bytes that it was sent: Go's measure its bandwidth by PING. */
const controlFrames = 1_000
const bytesPerControlFrame = 256

/** Speaks HTTP/2 on a TLS connection whose client asked for it. Nothing that comes on it ends more than the connection. */
export function serveHttp2(connection: TLSSocket, handlers: Http2Handlers): void {
  // A TLS socket that no tls.Server made says for ever that its handshake is under way, and the session would wait for it.
  Object.assign(connection, { secureConnecting: false })
  const session = performServerHandshake(connection, options)
  let why: string | undefined
  const end = (reason: string) => {
    if (why !== undefined) return
    why = reason
    handlers.ended(reason)
    if (!session.destroyed) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
    connection.destroy()
  }
  session.on('error', (error) => {
    if (systemCode(error)?.startsWith('ERR_HTTP2_') === true) end(error.message)
    connection.destroy()
  })
  session.on('close', () => connection.destroy())
  session.setTimeout(limits.silenceMs, () => session.close())
  boundControlFrames(session, connection, end)
  session.on('stream', (stream, headers) => serveStream(stream, headers, handlers))
}

/** A client that only makes us answer its PINGs costs all others their time (CVE-2019-9512, CVE-2019-9515). */
function boundControlFrames(
  session: ServerHttp2Session,
  connection: TLSSocket,
  end: (reason: string) => void,
): void {
  let frames = 0
  const count = () => {
    if (++frames > controlFrames + connection.bytesWritten / bytesPerControlFrame)
      end('it sends PING or SETTINGS frames without end')
  }
  session.on('ping', count)
  session.on('remoteSettings', count)
}

function serveStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, handlers: Http2Handlers): void {
  stream.on('error', () => undefined)
  stream.setTimeout(limits.silenceMs, () => stream.close(constants.NGHTTP2_CANCEL))
  const { expect } = headers
  const message = new Http2Message(stream, headers, {
    onRead: () => {
      if (expect !== undefined) answer.writeContinue()
    },
  })
  const request = message.asIncoming()
  const answer = new Http2Response(stream, request)
  message.method = headers[':method'] ?? ''
  message.url = headers[':path'] ?? ''
  const problem = problemOf(headers)
  const host = headers[':authority'] ?? headers.host
  if (host !== undefined) message.headers.host = host
  if (problem === undefined) handlers.request(request, answer.asResponse())
  else handlers.malformed(request, answer.asResponse(), problem)
}

/** nghttp2 has refused what RFC 9113 calls malformed; what it leaves open is settled here, since upstream gets one name and one path. */
function problemOf(headers: IncomingHttpHeaders): string | undefined {
  const { ':authority': authority, ':scheme': scheme, ':method': method, host, expect } = headers
  if (method === 'CONNECT') return 'CONNECT within a tunnel'
  if (scheme !== 'https') return 'its scheme is not https'
  if (authority !== undefined && host !== undefined && authority !== host)
    return 'its Host header is not its :authority'
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return 'it expects what nobody knows'
  return undefined
}
