import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { MayflyError } from '../../../lib/index.ts'
import { discard, plainAnswer, type Exchange } from '../../exchange.ts'
import { shown } from '../packet-stream.ts'
import { refusedCredential } from '../route.ts'

export const lfsType = 'application/vnd.git-lfs+json'

export type Json = Readonly<Record<string, unknown>>

/** An answer as git-lfs reads it; of an error it shows the `message`. */
export function answerJson(response: ServerResponse, status: number, value: Json): void {
  if (response.headersSent || response.destroyed) return plainAnswer(response, status, '')
  const body = JSON.stringify(value)
  response.writeHead(status, { 'content-type': lfsType, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

/** What a server said, told to the step unless the credential that it was asked with is in it. */
export function tellJson(exchange: Exchange, status: number, value: Json): void {
  const { response, connection, path } = exchange
  if (!exchange.holdsCredential(JSON.stringify(value))) return answerJson(response, status, value)
  const why = `the answer holds the credential of connection "${connection.name}", which no step may have`
  answerError(response, 502, exchange.deny(`git lfs ${connection.name}${path}`, why))
}

export function answerError(response: ServerResponse, status: number, message: string): void {
  answerJson(response, status, { message })
}

/** Reads a small JSON object. Throws `bad_input` or `limit_exceeded`. */
export async function readJson(stream: Readable, maxBytes: number): Promise<Json> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > maxBytes) throw new MayflyError('limit_exceeded', `JSON over ${maxBytes} bytes`)
    pieces.push(piece)
  }
  const value = parsed(Buffer.concat(pieces))
  if (!isObject(value)) throw new MayflyError('bad_input', 'it is no JSON object')
  return value
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new MayflyError('bad_input', 'it is no JSON', { cause })
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What of the server's own failure the step is told: its status where git-lfs makes something of it, and its words. */
export async function answerFailure(exchange: Exchange, upstream: IncomingMessage): Promise<void> {
  const { response, connection, path } = exchange
  const refused = refusedCredential(exchange, upstream)
  if (refused !== undefined) {
    discard(upstream)
    return answerError(response, 403, exchange.deny(`${connection.name}${path}`, refused))
  }
  const { statusCode: status = 502 } = upstream
  const said = await readJson(upstream, 65_536).then(
    ({ message }) => message,
    () => undefined,
  )
  const isTold = typeof said === 'string' && !exchange.holdsCredential(said)
  const words = isTold ? `: ${shown(Buffer.from(said))}` : ''
  return answerError(
    response,
    status >= 400 ? status : 502,
    `mayfly: the LFS server answered ${status}${words}`,
  )
}
