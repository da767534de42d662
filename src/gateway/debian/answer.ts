import type { IncomingMessage } from 'node:http'
import { discard, plainAnswer, type Exchange, refusedHint } from '../exchange.ts'

/** apt shows the status line alone, and reads 359 characters of it. */
const maxReasonChars = 300

/** A refusal or failure as apt shows it: in the status line, too. */
export function refuse({ response }: Exchange, status: number, message: string): void {
  const plain = message.replaceAll(/[’‘]/g, "'").replaceAll(/[^\x20-\x7e]/g, '?')
  // The request id is its end.
  const cut = plain.length > maxReasonChars ? `${plain.slice(0, 220)} ... ${plain.slice(-70)}` : plain
  if (!response.headersSent) response.statusMessage = cut
  plainAnswer(response, status, message)
}

export function deny(exchange: Exchange, reason: string, status = 403): void {
  const { request, connection, path } = exchange
  const file = path.slice(path.lastIndexOf('/') + 1).slice(0, 80)
  const what = `debian ${request.method} ${connection.name}/${file}`
  // What was found in an answer has its entry already.
  refuse(exchange, status, reason.startsWith('mayfly: refused: ') ? reason : exchange.deny(what, reason))
}

/** What an upstream says beside its status stays between it and us. */
export function passFailure(exchange: Exchange, upstream: IncomingMessage): void {
  const { statusCode = 0 } = upstream
  discard(upstream)
  if (isAbsent(upstream)) return refuse(exchange, 404, `mayfly: ${exchange.connection.name} does not have it`)
  const why = refusedHint(exchange.connection, statusCode)
  deny(exchange, `the archive answered ${statusCode}${why}`, 502)
}

export function isAbsent({ statusCode }: IncomingMessage): boolean {
  return statusCode === 404 || statusCode === 410
}

export function answerBytes({ response }: Exchange, bytes: Buffer): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': bytes.length })
  response.end(bytes)
}
