import type { IncomingMessage } from 'node:http'
import { discard, refusedHint, type Exchange } from '../exchange.ts'

/** A refusal as npm, pnpm and yarn show it: they print `error` of a JSON body behind the status. */
export function refuse({ response }: Exchange, status: number, message: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name)
  const body = Buffer.from(`${JSON.stringify({ error: message, reason: message })}\n`)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

/** Says that the registry did not do its part; nothing of its answer reaches the step. */
export function refuseAnswer(
  exchange: Exchange,
  what: string,
  upstream: IncomingMessage,
  why?: string,
): void {
  const { statusCode = 0 } = upstream
  discard(upstream)
  const hint = refusedHint(exchange.connection, statusCode)
  refuse(exchange, 502, exchange.deny(what, why ?? `the registry answered ${statusCode}${hint}`))
}
