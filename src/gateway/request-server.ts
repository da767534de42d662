import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { limits, messageOf } from '../lib/index.ts'
import { plainAnswer } from './exchange.ts'

/** Reads HTTP requests on connections that are handed to it. It listens nowhere. */
export interface RequestServer {
  take(connection: Duplex): void
}

/**
 * What `serve` rejects with is answered with 502, or the connection is cut where the head was sent already. Nothing that
 * comes on a connection ends more than that connection.
 */
export function createRequestServer(
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): RequestServer {
  /** Stops the clock of a connection whose first request is there. */
  const heads = new WeakMap<Duplex, () => void>()
  const http = createServer(
    {
      maxHeaderSize: limits.requestHeadBytes,
      keepAliveTimeout: 30_000,
      // A push of gigabytes is one request; one that stands still ends by its silence.
      requestTimeout: 0,
    },
    (request, response) => {
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
      serve(request, response).catch((error: unknown) =>
        plainAnswer(response, 502, `mayfly: ${messageOf(error)}`),
      )
    },
  )
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

function hostsOf({ rawHeaders }: IncomingMessage): number {
  return rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length
}
