import type { lookup as dnsLookup } from 'node:dns'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as tlsConnect } from 'node:tls'
import { MayflyError, answerOf, messageOf, trustedRoots } from '../lib/index.ts'
import { checkedLookup, targetOf, type Target } from './target.ts'

export interface HttpQuestion {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** PEM, trusted beside the system's. */
  readonly ca?: string | undefined
  /** Dialled instead of what DNS says; it may be any address, since it is named. */
  readonly dial?: { readonly address: string; readonly port: number } | undefined
  readonly timeoutMs?: number
  readonly maxBytes?: number
  /** For the credentials of a cloud's machine: 169.254.169.254 is asked in the clear, since it answers in no other way. */
  readonly isMetadataService?: boolean
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Nobody was asked: no byte of the question was sent. */
export class Unsent extends MayflyError {}

export interface HttpClient {
  /**
   * Any status is an answer, a redirect too. Throws `upstream_unreachable` (nobody answers in time, or TLS fails; `Unsent`, if it came to
   * no connection), `denied`
   * (an address that nothing names, or a clear connection to another machine), `limit_exceeded` (too long an answer).
   */
  ask(question: HttpQuestion): Promise<HttpAnswer>
}

export interface HttpClientDeps {
  readonly lookup?: typeof dnsLookup
  /** A connection by way of the company’s proxy; undefined where the host is reached directly. */
  readonly tunnel?: (host: string, port: number) => Promise<Socket> | undefined
}

const usualTimeoutMs = 10_000
const usualBytes = 1_048_576

export function createHttpClient(deps: HttpClientDeps = {}): HttpClient {
  return {
    async ask(question) {
      const target = targetOf(question.url, question.dial?.address, question.isMetadataService)
      const { timeoutMs = usualTimeoutMs, maxBytes = usualBytes } = question
      const signal = AbortSignal.timeout(timeoutMs)
      let isSent = false
      const sent = () => (isSent = true)
      try {
        return await answered(question, target, { ...deps, signal, maxBytes, sent })
      } catch (cause) {
        if (cause instanceof MayflyError) throw cause
        if (cause instanceof TypeError)
          throw new MayflyError(
            'bad_input',
            `what ${target.host} is to be asked is no HTTP: ${cause.message}`,
          )
        const why = signal.aborted ? `not within ${timeoutMs / 1000} s` : detailOf(cause)
        throw new (isSent ? MayflyError : Unsent)(
          'upstream_unreachable',
          `${target.host} does not answer: ${why}`,
          // That it was us who ended it says nothing more.
          signal.aborted ? {} : { cause },
        )
      }
    },
  }
}

async function answered(
  question: HttpQuestion,
  target: Target,
  within: HttpClientDeps & { signal: AbortSignal; maxBytes: number; sent: () => void },
): Promise<HttpAnswer> {
  const { method, body, ca, dial } = question
  const { signal, maxBytes } = within
  const tunnel = await openTunnel(question, target, within)
  const options: RequestOptions = {
    method,
    host: dial?.address ?? target.host,
    port: dial?.port ?? target.port,
    path: target.path,
    lookup: checkedLookup(within.lookup),
    signal,
    headers: {
      host: target.authority,
      'user-agent': 'mayfly',
      'accept-encoding': 'identity',
      ...question.headers,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    },
    ...(target.secure ? tlsOptions(target, ca) : {}),
  }
  // Node asks for a socket of ours only where there is no agent.
  if (tunnel === undefined) options.agent = false
  else
    options.createConnection = () =>
      target.secure ? tlsConnect({ ...tlsOptions(target, ca), socket: tunnel }) : tunnel
  const outgoing = (target.secure ? httpsRequest : httpRequest)(options)
  const answering = answerOf(outgoing)
  outgoing.once('socket', (socket) => {
    if (tunnel !== undefined && !target.secure) within.sent()
    else socket.once(target.secure ? 'secureConnect' : 'connect', within.sent)
  })
  try {
    outgoing.end(body)
    const answer = await answering
    const { statusCode: status = 0, headers } = answer
    const collected = await collect(answer, maxBytes, target.host)
    // A body without a length ends with its connection, also where it is us who ended it.
    signal.throwIfAborted()
    return { status, headers, body: collected }
  } finally {
    outgoing.destroy()
    tunnel?.destroy()
  }
}

/** What this machine itself is, and what has an address of its own, is not reached by a proxy. */
async function openTunnel(
  { dial }: HttpQuestion,
  { host, port, local }: Target,
  { tunnel, signal }: HttpClientDeps & { signal: AbortSignal },
): Promise<Socket | undefined> {
  if (dial !== undefined || local) return undefined
  const opening = tunnel?.(host, port)
  if (opening === undefined) return undefined
  const { promise: late, reject } = Promise.withResolvers<never>()
  const onAbort = () => {
    reject(new Error('too late'))
    opening.then(
      (socket) => socket.destroy(),
      () => undefined,
    )
  }
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([opening, late])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The certificate is the host's, whatever the address. An address is no server name (RFC 6066, section 3). */
function tlsOptions({ host }: Target, ca: string | undefined) {
  return {
    servername: isIP(host) === 0 ? host : '',
    ca: trustedRoots(ca),
    minVersion: 'TLSv1.2' as const,
    checkServerIdentity: (...[, certificate]: Parameters<typeof checkServerIdentity>) =>
      checkServerIdentity(host, certificate),
  }
}

async function collect(answer: IncomingMessage, maxBytes: number, host: string): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > maxBytes)
      throw new MayflyError('limit_exceeded', `${host} answers with more than ${maxBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** Where a host has several addresses, Node says each one's error in one without words. */
function detailOf(cause: unknown): string {
  return cause instanceof AggregateError ? cause.errors.map(messageOf).join('; ') : messageOf(cause)
}
