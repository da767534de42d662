import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { rootCertificates } from 'node:tls'
import { MayflyError, answerOf, canonicalHost, classifyAddress, messageOf } from '../lib/index.ts'

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
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface HttpClient {
  /**
   * Any status is an answer, a redirect too. Throws `upstream_unreachable` (nobody answers in time, or TLS fails), `denied`
   * (an address that nothing names, or a clear connection to another machine), `limit_exceeded` (too long an answer).
   */
  ask(question: HttpQuestion): Promise<HttpAnswer>
}

const usualTimeoutMs = 10_000
const usualBytes = 1_048_576

export function createHttpClient(deps: { lookup?: typeof dnsLookup } = {}): HttpClient {
  const resolve = deps.lookup ?? dnsLookup
  return {
    async ask(question) {
      const { url, method, body, ca, dial } = question
      const target = targetOf(url, dial?.address)
      const { timeoutMs = usualTimeoutMs, maxBytes = usualBytes } = question
      const outgoing = (target.secure ? httpsRequest : httpRequest)({
        method,
        agent: false,
        // Over TLS the certificate is still the host's: only the address is another.
        host: dial?.address ?? target.host,
        port: dial?.port ?? target.port,
        path: target.path,
        ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
        ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
        lookup: checkedLookup(resolve),
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          host: target.authority,
          'user-agent': 'mayfly',
          'accept-encoding': 'identity',
          ...question.headers,
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        },
      })
      const answering = answerOf(outgoing)
      outgoing.end(body)
      try {
        const answer = await answering
        return {
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: await collect(answer, maxBytes, target.host),
        }
      } catch (cause) {
        if (cause instanceof MayflyError) throw cause
        throw new MayflyError('upstream_unreachable', `${target.host} does not answer: ${messageOf(cause)}`, {
          cause,
        })
      } finally {
        outgoing.destroy()
      }
    },
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

/** Where it goes. In the clear only to this machine; an address in a URL, or under `dial`, is named. */
function targetOf(text: string, dial: string | undefined) {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const host = canonicalHost(url?.hostname ?? '')
  if (url === undefined || host === undefined || !/^https?:$/.test(url.protocol))
    throw new MayflyError('bad_input', `${text.slice(0, 200)} is no URL of a host`)
  const secure = url.protocol === 'https:'
  const address = dial ?? (host === 'localhost' ? '127.0.0.1' : host)
  if (!secure && !/^(?:127\.|::1$)/.test(isIP(address) === 0 ? '' : address))
    throw new MayflyError('denied', `${host}: a credential is not asked for in the clear: use https://`)
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  return { host, secure, port, authority: url.host, path: `${url.pathname}${url.search}` }
}

/** Names may be private, since configuration names them; loopback, link-local and metadata services only by address. */
function checkedLookup(resolve: typeof dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) return callback(error, [])
      const good =
        hostname === 'localhost' ? found : found.filter(({ address }) => classifyAddress(address) !== 'local')
      const [first] = good
      if (first === undefined)
        return callback(
          new MayflyError(
            'denied',
            `${hostname} is at ${found[0]?.address ?? 'no address'}, a local address: name that address, if it is meant`,
          ),
          [],
        )
      if (options.all === true) return callback(null, good)
      return callback(null, first.address, first.family)
    })
  }
}
