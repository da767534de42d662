import { createServer, ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { limits, messageOf } from '../lib/index.ts'
import { plainAnswer, type Upgrade } from './exchange.ts'

/** Reads HTTP requests on connections that are handed to it. It listens nowhere. */
export interface RequestServer {
  take(connection: Duplex): void
}

/**
 * What `serve` rejects with is answered with 502, or the connection is cut where the head was sent already. Nothing that
 * comes on a connection ends more than that connection.
 */
export function createRequestServer(
  serve: (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => Promise<void>,
): RequestServer {
  /** Stops the clock of a connection whose first request is there. */
  const heads = new WeakMap<Duplex, () => void>()
  /** Requests of a connection that are not answered yet. */
  const open = new WeakMap<Duplex, number>()
  const http = createServer(
    {
      shouldUpgradeCallback: asksWebSocket,
      maxHeaderSize: limits.requestHeadBytes,
      keepAliveTimeout: 30_000,
      // A push of gigabytes is one request; one that stands still ends by its silence.
      requestTimeout: 0,
    },
    (request, response) => {
      const { socket } = request
      open.set(socket, (open.get(socket) ?? 0) + 1)
      response.once('close', () => open.set(socket, (open.get(socket) ?? 1) - 1))
      take(request, response)
    },
  )
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    // What is answered before would come in the middle of it.
    if ((open.get(socket) ?? 0) > 0) return void socket.destroy()
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.once('finish', () => socket.end())
    take(request, response, { socket, head })
  })

  function take(request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): void {
    heads.get(request.socket)?.()
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
    serve(request, response, upgrade).catch((error: unknown) =>
      plainAnswer(response, 502, `mayfly: ${messageOf(error)}`),
    )
  }
  http.timeout = limits.silenceMs
  http.on('clientError', (_error, socket) => socket.destroy())
  http.on('error', () => undefined)

  return {
    take(connection) {
      // Node times the heads of requests only for servers that listen.
      const timer = setTimeout(() => connection.destroy(), limits.tunnelHeadMs).unref()
      const begun = () => clearTimeout(timer)
      connection.once('close', begun)
      connection.on('error', () => connection.destroy())
      heads.set(connection, begun)
      http.emit('connection', connection)
    },
  }
}

/** Any other upgrade (h2c of curl) is passed over, as a server may (RFC 9110, section 7.8). */
function asksWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && /(?:^|,)\s*websocket\s*(?:,|$)/i.test(headers.upgrade ?? '')
}

function hostsOf({ rawHeaders }: IncomingMessage): number {
  return rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length
}
