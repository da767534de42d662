import type { IncomingMessage } from 'node:http'
import { discard, plainAnswer, type Exchange, refusedHint } from '../exchange.ts'

/** A refusal as cargo shows it: of its web API as `{"errors":[{"detail":"..."}]}`, of all else as text. */
export function refuse({ request, response, path }: Exchange, status: number, message: string): void {
  if (response.headersSent || request.method === 'GET' || !path.startsWith('/api/'))
    return plainAnswer(response, status, message)
  const body = JSON.stringify({ errors: [{ detail: message }] })
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    // What of the body was not read is not read as the next request.
    connection: 'close',
  })
  response.end(body)
}

export function deny(exchange: Exchange, reason: string, status = 403): void {
  const { request, connection, path } = exchange
  const what = `cargo ${request.method} ${connection.name}${path}`
  // What was found in an answer has its entry already.
  refuse(exchange, status, reason.startsWith('mayfly: refused: ') ? reason : exchange.deny(what, reason))
}

/** Statuses by which an index says that there is no such crate. */
const absent: ReadonlySet<number> = new Set([404, 410, 451])

export function isAbsent({ statusCode = 0 }: IncomingMessage): boolean {
  return absent.has(statusCode)
}

/** What an upstream says beside its status stays between it and us. */
export function passFailure(exchange: Exchange, upstream: IncomingMessage): void {
  const { statusCode = 0 } = upstream
  const { connection, path } = exchange
  discard(upstream)
  if (isAbsent(upstream))
    return refuse(exchange, statusCode, `mayfly: ${connection.name} does not have ${path}`)
  const why = refusedHint(exchange.connection, statusCode)
  deny(exchange, `the registry answered ${statusCode}${why}`, 502)
}
