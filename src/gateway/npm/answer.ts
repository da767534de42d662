import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'
import { MayflyError } from '../../lib/index.ts'
import { discard, type Exchange } from '../exchange.ts'

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
  const hint = statusCode === 401 ? ': an operator must renew its secret' : ''
  refuse(exchange, 502, exchange.deny(what, why ?? `the registry answered ${statusCode}${hint}`))
}

/**
 * All of a body, unpacked if it is gzip; undefined if it is longer than `maxBytes`, of which no more is ever held. Throws
 * `upstream_unreachable` for another encoding, or none that it says.
 */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const encoding = message.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity' && encoding !== 'gzip')
    throw new MayflyError('upstream_unreachable', `a body in the encoding ${encoding.slice(0, 20)}`)
  const chunks: Buffer[] = []
  let bytes = 0
  const unpacked = encoding === 'gzip' ? message.pipe(createGunzip()) : message
  if (unpacked !== message) message.once('error', (error) => unpacked.destroy(error))
  try {
    for await (const chunk of unpacked) {
      bytes += (chunk as Buffer).length
      if (bytes > maxBytes) {
        message.destroy()
        return undefined
      }
      chunks.push(chunk as Buffer)
    }
  } catch (cause) {
    throw new MayflyError(
      'upstream_unreachable',
      'a body that breaks off, or is not what its encoding says',
      {
        cause,
      },
    )
  }
  return Buffer.concat(chunks)
}
