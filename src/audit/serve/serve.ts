import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { FatalError, messageOf, ownUrl, type ServedCertificate, systemCode } from '../../lib/index.ts'

export interface Answer {
  status: number
  body: string | Uint8Array
  headers?: Record<string, string>
}

const timeouts = { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 60_000 }

/** A server that answers every request with what `route` gives; what `route` throws is answered 500. */
export function createAnswerer(
  route: (request: IncomingMessage) => Promise<Answer>,
  certificate?: ServedCertificate,
): Server {
  const server = certificate === undefined ? createServer(timeouts) : tlsServer(certificate)
  // Without listeners a connection that breaks, or cannot be taken (no more files), could end the process.
  server.on('error', () => undefined)
  server.on('request', (request, response) => {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    route(request)
      .catch((error: unknown) => refusal(500, 'audit_unavailable', messageOf(error)))
      .then((answer) => send(request, response, answer))
      .catch(() => response.destroy())
  })
  return server
}

function tlsServer(certificate: ServedCertificate): Server {
  const server = createTlsServer({ ...certificate.pair, ...timeouts, handshakeTimeout: 5_000 })
  certificate.follow(server)
  return server
}

/** The whole body, or `undefined` once it is longer than allowed. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Leaving the loop must not destroy the connection: the refusal goes back on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

/** `{"error","message"}`: a stable word for programs and a line for people. */
export function refusal(status: number, error: string, message: string): Answer {
  return json(status, { error, message })
}

export function json(status: number, value: object): Answer {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { status, body: JSON.stringify(value), headers }
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer): void {
  // A body that was not read to its end would be taken for the next request.
  const close = request.complete ? {} : { connection: 'close' }
  response.writeHead(status, { ...headers, ...close, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

/**
 * Listens and gives back the URL. Throws a FatalError `port_in_use` or `config_invalid`, which says `what` cannot listen and
 * with which `option` it is given another port.
 */
export async function listen(
  server: Server,
  host: string,
  port: number,
  {
    what,
    option,
    certificate,
  }: { what: string; option: string; certificate?: ServedCertificate | undefined },
): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const code = systemCode(error) === 'EADDRINUSE' ? 'port_in_use' : 'config_invalid'
      const why =
        code === 'port_in_use'
          ? `the port is in use: stop what holds it, or choose another with ${option}`
          : messageOf(error)
      const message = `${what} cannot listen on ${host}:${port}: ${why}`
      reject(new FatalError(code, message, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return ownUrl({ host, port: bound, certificate })
}
