import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { kinds } from '../../kinds/index.ts'
import type { Operation } from '../../policy/index.ts'
import { discard, pickHeaders, plainAnswer, refusedHint, type Exchange, type Permit } from '../exchange.ts'

export type Service = 'git-upload-pack' | 'git-receive-pack'

/** What a request is for, by its path and method. */
export interface Route {
  readonly kind: 'advertise' | 'call'
  readonly service: Service
  /** Without `.git`: how grants and entries name the repository. */
  readonly repository: string
}

const requestHeaders = [
  'accept',
  'accept-encoding',
  'accept-language',
  'content-type',
  'git-protocol',
  'user-agent',
]

export function routeOf({ request, path, query }: Exchange): Route | undefined {
  const parts =
    /^\/(?<repository>[A-Za-z0-9._~+/-]+?)(?:\.git)?\/(?<tail>info\/refs|git-upload-pack|git-receive-pack)$/.exec(
      path,
    )?.groups
  const repository = parts?.['repository']
  if (repository === undefined || !kinds.git.path.form.is(repository)) return undefined
  const service =
    parts?.['tail'] === 'info/refs'
      ? /^service=(git-(?:upload|receive)-pack)$/.exec(query)?.[1]
      : parts?.['tail']
  if (service === undefined) return undefined
  if (parts?.['tail'] === 'info/refs') {
    return request.method === 'GET'
      ? { kind: 'advertise', service: service as Service, repository }
      : undefined
  }
  return request.method === 'POST' && query === ''
    ? { kind: 'call', service: service as Service, repository }
    : undefined
}

export function operationOn(exchange: Exchange, route: Route, action: string, ref?: string): Operation {
  return {
    action,
    connection: exchange.connection.name,
    path: route.repository,
    ...(ref === undefined ? {} : { ref }),
  }
}

/** Sends the step's request upstream: as it is (`GET`), or with this body. */
export function forward(
  exchange: Exchange,
  permit: Permit,
  body?: Buffer | Readable,
  more: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  const headers = { ...pickHeaders(exchange.request, requestHeaders), ...more }
  if (body === undefined)
    return exchange.send(permit, { method: 'GET', path: `${exchange.path}?${exchange.query}`, headers })
  const length = exchange.request.headers['content-length']
  if (Buffer.isBuffer(body)) headers['content-length'] = String(body.length)
  else if (length !== undefined) headers['content-length'] = length
  return exchange.send(permit, { method: 'POST', path: exchange.path, headers, body })
}

export async function passOn(
  exchange: Exchange,
  upstream: IncomingMessage,
  watch?: (chunk: Buffer) => void,
  before?: Buffer,
): Promise<void> {
  const refused = refusedCredential(exchange, upstream)
  if (refused !== undefined) {
    discard(upstream)
    const message = exchange.deny(`${exchange.connection.name}${exchange.path}`, refused)
    return plainAnswer(exchange.response, 502, message)
  }
  await exchange.relay(upstream, {}, watch, undefined, before)
}

/** Why the answer is not one to the step, but to us. */
export function refusedCredential(exchange: Exchange, { statusCode }: IncomingMessage): string | undefined {
  if (statusCode !== 401 && statusCode !== 403) return undefined
  return `the Git server refused the credential of connection "${exchange.connection.name}" (${statusCode})${refusedHint(exchange.connection, statusCode)}`
}
