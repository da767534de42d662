import type { IncomingMessage } from 'node:http'
import { discard, plainAnswer, type Exchange, refusedHint } from '../exchange.ts'

/** As text, which gem and bundler show behind the status. */
export function refuse({ response }: Exchange, status: number, message: string): void {
  plainAnswer(response, status, message)
}

export function deny(exchange: Exchange, reason: string, status = 403): void {
  const { request, connection, path } = exchange
  const what = `rubygems ${request.method} ${connection.name}${path}`
  // What was found in an answer has its entry already.
  refuse(exchange, status, reason.startsWith('mayfly: refused: ') ? reason : exchange.deny(what, reason))
}

/** What an upstream says beside its status stays between it and us. */
export function passFailure(exchange: Exchange, upstream: IncomingMessage): void {
  const { statusCode = 0 } = upstream
  const { connection, path } = exchange
  discard(upstream)
  if (isAbsent(upstream)) return refuse(exchange, 404, `mayfly: ${connection.name} does not have ${path}`)
  const why = refusedHint(exchange.connection, statusCode)
  deny(exchange, `the registry answered ${statusCode}${why}`, 502)
}

export function isAbsent({ statusCode }: IncomingMessage): boolean {
  return statusCode === 404 || statusCode === 410
}
