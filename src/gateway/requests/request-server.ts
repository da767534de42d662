import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { limits, messageOf, systemCode } from '../../lib/index.ts'
import { answerFault } from '../busy.ts'
import { plainAnswer, type Upgrade } from '../exchange.ts'
import { serveHttp2 } from './http2-session.ts'
import { refusePriorKnowledge } from './http2-refusal.ts'

/** Reads HTTP requests on connections that are handed to it. It listens nowhere. */
export interface RequestServer {
  /**
   * HTTP/2 where TLS has agreed on it (ALPN), HTTP/1.1 otherwise. `beginsTls`: `connection` is a TLSSocket whose handshake is still to
   * come. Without it the connection is read at once, also if it is a TLSSocket: that is the gateway's own, which carried the CONNECT.
   */
  take(connection: Duplex, beginsTls: boolean): void
}

export interface RequestHandlers {
  /**
   * What it rejects with is answered with 502, or the request is cut where the head was sent already. `connection` is the one that
   * was handed in.
   */
  readonly serve: (
    request: IncomingMessage,
    response: ServerResponse,
    connection: Duplex,
    upgrade?: Upgrade,
  ) => Promise<void>
  /** Records what was refused before it was a request; returns the text for the step. */
  readonly refused: (connection: Duplex, what: string, reason: string) => string
}

/** Nothing that comes on a connection ends more than that connection. */
export function createRequestServer({ serve, refused }: RequestHandlers): RequestServer {
  /** Stops the clock of a connection whose first request is there. */
  const heads = new WeakMap<Duplex, () => void>()
  /** Requests of a connection that are not answered yet. */
  const open = new WeakMap<Duplex, number>()

  function begin(
    request: IncomingMessage,
    response: ServerResponse,
    connection: Duplex,
    upgrade?: Upgrade,
  ): void {
    heads.get(connection)?.()
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    if (request.rawHeaders.length > 2 * limits.requestHeaders) {
      response.setHeader('connection', 'close')
      return plainAnswer(response, 431, `mayfly: more than ${limits.requestHeaders} headers in a request`)
    }
    if (hostsOf(request) > 1) {
      // Node takes the first, another reader the last (RFC 9112, section 3.2).
      response.setHeader('connection', 'close')
      return plainAnswer(response, 400, 'mayfly: a request with two Host headers')
    }
    serve(request, response, connection, upgrade).catch((error: unknown) =>
      answerFault(response, error, `mayfly: ${messageOf(error)}`),
    )
  }

  function beginHttp1(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    open.set(socket, (open.get(socket) ?? 0) + 1)
    response.once('close', () => open.set(socket, (open.get(socket) ?? 1) - 1))
    begin(request, response, socket)
  }

  const http = createServer(
    {
      IncomingMessage: ReadRequest,
      shouldUpgradeCallback: asksUpgrade,
      maxHeaderSize: limits.requestHeadBytes,
      keepAliveTimeout: 30_000,
      // A push of gigabytes is one request; one that stands still ends by its silence.
      requestTimeout: 0,
    },
    beginHttp1,
  )
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    // What is answered before would come in the middle of it.
    if ((open.get(socket) ?? 0) > 0) return void socket.destroy()
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.once('finish', () => socket.end())
    begin(request, response, socket, { socket, head })
  })

  http.timeout = limits.silenceMs
  http.on('checkContinue', (request: ReadRequest, response: ServerResponse) => {
    continueWhenRead(request, response)
    beginHttp1(request, response)
  })
  http.on('clientError', (error, socket) => {
    if (systemCode(error) !== 'HPE_PAUSED_H2_UPGRADE') return socket.destroy()
    refusePriorKnowledge(socket, refused(socket, 'HTTP/2', 'it was not agreed on by TLS (ALPN)'))
  })
  http.on('error', () => undefined)

  function beginHttp2(connection: TLSSocket): void {
    serveHttp2(connection, {
      request: (request, response) => begin(request, response, connection),
      malformed(request, response, reason) {
        heads.get(connection)?.()
        plainAnswer(response, 400, refused(connection, `${request.method} ${request.url}`, reason))
      },
      ended: (reason) => void refused(connection, 'HTTP/2', `the connection was ended: ${reason}`),
    })
  }

  return {
    take(connection, beginsTls) {
      // Node times the heads of requests only for servers that listen.
      const timer = setTimeout(() => connection.destroy(), limits.requestHeadMs).unref()
      const begun = () => clearTimeout(timer)
      connection.once('close', begun)
      connection.on('error', () => connection.destroy())
      heads.set(connection, begun)
      if (!beginsTls || !(connection instanceof TLSSocket)) return void http.emit('connection', connection)
      connection.once('secure', () => {
        if (connection.alpnProtocol === 'h2') beginHttp2(connection)
        else http.emit('connection', connection)
      })
    },
  }
}

/** Any other upgrade (h2c of curl) is passed over, as a server may (RFC 9110, section 7.8). */
function asksUpgrade({ method, headers }: IncomingMessage): boolean {
  const { upgrade = '' } = headers
  if (method === 'GET' && /(?:^|,)\s*websocket\s*(?:,|$)/i.test(upgrade)) return true
  return (method === 'GET' || method === 'POST') && /^spdy\/3\.1$/i.test(upgrade)
}

function hostsOf({ rawHeaders }: IncomingMessage): number {
  return rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length
}

/** It tells when somebody begins to read its body. */
class ReadRequest extends IncomingMessage {
  onRead: (() => void) | undefined

  override _read(size: number): void {
    this.onRead?.()
    this.onRead = undefined
    super._read(size)
  }
}

/**
 * Asks for the body when somebody begins to read it, so that nothing is uploaded that is refused by its head alone (RFC 9110, section
 * 10.1.1). A client that was not asked may send its body or not: what follows cannot be told apart, so the connection ends.
 */
function continueWhenRead(request: ReadRequest, response: ServerResponse): void {
  response.setHeader('connection', 'close')
  request.onRead = () => {
    if (response.headersSent || response.destroyed) return
    response.removeHeader('connection')
    response.writeContinue()
  }
}
