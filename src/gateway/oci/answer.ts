import type { IncomingMessage } from 'node:http'
import type { UpstreamBusy } from '../busy.ts'
import { discard, refusedHint, type Exchange } from '../exchange.ts'
import { collectAnswer } from '../collect.ts'

const maxErrorBytes = 65_536

/** Status, code and text in the form that docker, skopeo and crane show (OCI distribution-spec 1.1, "Error Codes"). */
export function answerError(
  { request, response }: Exchange,
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  // A client that sends a layer reads no answer before its end.
  request.resume()
  if (response.headersSent || response.destroyed) return void response.destroy()
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name)
  const body = `${JSON.stringify({ errors: [{ code, message }] })}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}

/** The registry, its token host or its storage says to come again later. */
export function answerBusy(exchange: Exchange, { status, message, headers }: UpstreamBusy): void {
  const code = status === 429 ? 'TOOMANYREQUESTS' : 'UNKNOWN'
  answerError(exchange, status, code, `mayfly: ${message}`, headers)
}

/** Answers without a body of our own making, or with one. */
export function answer(
  { response }: Exchange,
  status: number,
  headers: Readonly<Record<string, string | undefined>>,
  body?: Buffer,
): void {
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) response.setHeader(name, value)
  response.statusCode = status
  if (body !== undefined || status !== 204) response.setHeader('content-length', body?.length ?? 0)
  response.end(body)
}

/** Refuses for a reason that is not policy's, which is recorded. */
export function refuse(exchange: Exchange, reason: string, status = 403, code = 'DENIED'): void {
  const { connection, request, path } = exchange
  answerError(
    exchange,
    status,
    code,
    exchange.deny(`oci ${request.method} ${connection.name}${path}`, reason),
  )
}

/**
 * Passes on that the registry did not do it: its status and its code. Its own words stay here, since a server that is asked with
 * a credential may repeat it.
 */
export async function passFailure(exchange: Exchange, upstream: IncomingMessage): Promise<void> {
  const { statusCode = 502 } = upstream
  const { name } = exchange.connection
  if (statusCode === 401 || statusCode === 403) {
    discard(upstream)
    return refuse(
      exchange,
      `the registry refused the credential of connection "${name}" (${statusCode})${refusedHint(exchange.connection, statusCode)}`,
    )
  }
  if (statusCode < 400) {
    discard(upstream)
    return refuse(exchange, `the registry answered ${statusCode}, which is no answer to this`, 502)
  }
  const code = codeIn(await collectAnswer(upstream, maxErrorBytes))
  answerError(
    exchange,
    statusCode,
    code ?? usualCodes[statusCode] ?? 'UNKNOWN',
    `mayfly: the registry of connection "${name}" answered ${statusCode}${code === undefined ? '' : ` ${code}`}`,
  )
}

const usualCodes: Readonly<Record<number, string>> = {
  404: 'NOT_FOUND',
  405: 'UNSUPPORTED',
}

function codeIn(body: Buffer | undefined): string | undefined {
  try {
    const { errors } = JSON.parse(body?.toString('utf8') ?? '') as { errors?: { code?: unknown }[] }
    const code = errors?.[0]?.code
    return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : undefined
  } catch {
    return undefined
  }
}
