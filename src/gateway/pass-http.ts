import type { IncomingMessage } from 'node:http'
import { sha256Hex } from '../lib/index.ts'
import type { Operation } from '../policy/index.ts'
import {
  copyHead,
  discard,
  hasBody,
  pickHeaders,
  plainAnswer,
  refusedHint,
  type Exchange,
  type Permit,
} from './exchange.ts'
import { collect } from './collect.ts'
import { compressedMessages, isGrpc } from './grpc.ts'
import { injectedParameter, requestHeaders, strippedQuery } from './plain-headers.ts'

/**
 * A request of an HTTP API, once it is known which operations it is: all of them are granted, or it is not sent. Strips what the step
 * could authenticate itself with, so that an attacker's own account is not reached through a host that is granted (design.md,
 * Never 7). A redirect to another host may carry a credential in its address: it is followed here, without ours, to a storage host that
 * the connection names, and refused to any other. `body`: what was read of it already; `link`: how the answer's links are shown;
 * `without`: a field of JSON that the step is not told.
 */
export async function passHttp(
  exchange: Exchange,
  what: string,
  operations: readonly Operation[],
  { body, ...shown }: { readonly body?: Buffer } & Shown = {},
): Promise<void> {
  const { request, response, connection, path } = exchange
  const query = strippedQuery(exchange.query, injectedParameter(exchange.connection))
  if (typeof query === 'object') return plainAnswer(response, 403, exchange.deny(what, query.refused))
  const asked = await readAsked(exchange, operations, body)
  if (typeof asked === 'string') return plainAnswer(response, 413, exchange.deny(what, asked))
  const sha256 = asked === undefined ? undefined : sha256Hex(asked)
  const http = {
    method: request.method,
    // People decide by all of it.
    ...(asksPeople(exchange, operations) ? { query: query.slice(0, maxQueryChars) } : {}),
    ...(sha256 === undefined ? {} : { sha256, bytes: asked?.length }),
  }
  const permit = await exchange.permitAll(operations, { http }, { body: sha256 })
  if (!permit.allow) return plainAnswer(response, 403, permit.message)
  const headers = {
    ...requestHeaders(request, connection),
    ...typed(request),
    ...ofGrpc(exchange, permit),
  }
  const form = body ?? (isForm(request) ? await readForm(exchange, asked) : asked)
  if (typeof form === 'string') return plainAnswer(response, 403, exchange.deny(what, form))
  const sent = form ?? (hasBody(request) ? request : undefined)
  const upstream = await exchange.send(permit, {
    method: request.method ?? '',
    path: query === '' ? path : `${path}?${query}`,
    headers: form === undefined ? headers : { ...headers, 'content-length': String(form.length) },
    ...(sent === undefined ? {} : { body: sent }),
    http2: isGrpc(request),
    relayBusy: true,
  })
  await passOn(exchange, await fromStorage(exchange, permit, upstream), what, shown)
}

function asksPeople(exchange: Exchange, operations: readonly Operation[]): boolean {
  return operations.some((one) => exchange.asks(one)?.approval !== undefined)
}

/** A body that people are asked about is read first: their yes is for this one, and for no other. A text says why it is not. */
async function readAsked(
  exchange: Exchange,
  operations: readonly Operation[],
  body: Buffer | undefined,
): Promise<Buffer | string | undefined> {
  const isAsked = asksPeople(exchange, operations) && operations.every((one) => exchange.would(one))
  if (body !== undefined || !isAsked || !hasBody(exchange.request)) return body
  return (
    (await collect(exchange.request, maxFormBytes)) ??
    `its grant asks for a person’s yes, and a body of more than ${maxFormBytes} bytes, or one that breaks off, is not shown to one`
  )
}

function isForm({ headers }: IncomingMessage): boolean {
  return /^\s*application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '')
}

/** Some servers (Rack) read what comes without a type as a form: it goes as what it is then (RFC 9110, section 8.3). */
function typed(request: IncomingMessage): Record<string, string> {
  const isUntyped = hasBody(request) && request.headers['content-type'] === undefined
  return isUntyped ? { 'content-type': 'application/octet-stream' } : {}
}

/** A form is read as servers read it: they take its fields for parameters of the query, credentials and methods among them. */
async function readForm({ request, connection }: Exchange, read?: Buffer): Promise<Buffer | string> {
  if (request.headers['content-encoding'] !== undefined) return 'a form is sent without an encoding'
  const form = read ?? (await collect(request, maxFormBytes))
  if (form === undefined)
    return `a form has at most ${maxFormBytes} bytes, or it broke off: send JSON, or a file`
  const fields = strippedQuery(
    form.toString('latin1').replaceAll(/[\r\n]/g, ''),
    injectedParameter(connection),
  )
  return typeof fields === 'string' ? form : fields.refused.replace('its query', 'its form')
}

const maxFormBytes = 8_388_608
const maxQueryChars = 4_000

/** What a call of gRPC says of its own connection; compressed messages could not be looked into. */
function ofGrpc({ request, connection }: Exchange, permit: Permit): Record<string, string> {
  if (!isGrpc(request)) return {}
  const mustBeRead = permit.authorization !== undefined && !connection.opaque
  return { te: 'trailers', ...(mustBeRead ? { 'grpc-accept-encoding': 'identity' } : {}) }
}

const maxRedirects = 5

/** The answer itself, or that of the storage host that it sends a reader on to. */
async function fromStorage(
  exchange: Exchange,
  permit: Permit,
  first: IncomingMessage,
): Promise<IncomingMessage> {
  const { method = '' } = exchange.request
  let answer = first
  let target = targetOf(exchange, answer)
  for (let redirects = 0; redirects < maxRedirects; redirects++) {
    const leads = target instanceof URL && isRedirect(answer) && !isOwn(exchange, target)
    if (!leads || (method !== 'GET' && method !== 'HEAD')) break
    const headers = pickHeaders(exchange.request, ['accept', 'user-agent', 'range', 'if-range'])
    const sent = exchange.sendTo(permit, target as URL, { method, headers, relayBusy: true }, 'storage')
    if (sent === undefined) break
    discard(answer)
    const from = target as URL
    answer = await sent
    const { location } = answer.headers
    target = location === undefined ? undefined : (URL.parse(location, from) ?? 'unreadable')
  }
  return answer
}

/** Passes an answer on, unless it leads elsewhere or says that the credential is not good. */
export async function passOn(
  exchange: Exchange,
  upstream: IncomingMessage,
  what: string,
  { link, without, refused: refuse = (message) => plainAnswer(exchange.response, 502, message) }: Shown = {},
): Promise<void> {
  const { response } = exchange
  const target = targetOf(exchange, upstream)
  const refused = refusedAnswer(exchange, upstream, target)
  if (refused !== undefined) {
    discard(upstream)
    return refuse(exchange.deny(what, refused))
  }
  const { link: links } = upstream.headers
  const heads = {
    ...(target instanceof URL ? { location: target.href } : {}),
    ...(typeof links === 'string' && link !== undefined ? { link: link(links) } : {}),
  }
  if (without === undefined) return exchange.relay(upstream, heads, undefined, refuse)
  const body = await exchange.read(upstream, maxReadBytes)
  if (body === undefined) return refuse(exchange.deny(what, `the answer is over ${maxReadBytes} bytes`))
  copyHead(upstream, response)
  for (const name of ['content-encoding', 'transfer-encoding', 'etag']) response.removeHeader(name)
  for (const [name, value] of Object.entries(heads)) response.setHeader(name, value)
  const told = Buffer.from(withoutField(body.toString('utf8'), without))
  response.setHeader('content-length', told.length)
  response.end(told)
}

/** How an answer is shown to the step. */
interface Shown {
  readonly link?: (text: string) => string
  readonly without?: string | undefined
  /** Answers in the protocol's own words that it is not passed on; plain text, if it is left out. */
  readonly refused?: (message: string) => void
}

/** The longest answer that is read as a whole. */
const maxReadBytes = 33_554_432

function withoutField(text: string, field: string): string {
  return text.replaceAll(new RegExp(`("${field}"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'g'), '$1null')
}

function isOwn({ connection }: Exchange, target: URL): boolean {
  return target.origin === new URL(connection.url).origin
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 300 && statusCode < 400
}

/** Where the answer points. */
function targetOf(
  { connection, path }: Exchange,
  { headers }: IncomingMessage,
): URL | 'unreadable' | undefined {
  const { location } = headers
  if (location === undefined) return undefined
  const base = `${new URL(connection.url).origin}${connection.basePath}${path}`
  return URL.canParse(location, base) ? new URL(location, base) : 'unreadable'
}

/** Why an answer is not one to the step; undefined if it is. */
function refusedAnswer(
  exchange: Exchange,
  upstream: IncomingMessage,
  target: URL | 'unreadable' | undefined,
): string | undefined {
  const { connection, request } = exchange
  if (upstream.statusCode === 401 && connection.credential !== undefined)
    return `the host refused the credential of connection "${connection.name}" (401)${refusedHint(connection, 401)}`
  if (isGrpc(request) && connection.credential !== undefined && !connection.opaque) {
    const compressed = compressedMessages(upstream)
    if (compressed !== undefined) return compressed
  }
  if (target === undefined) return undefined
  if (target === 'unreadable') return 'it points to an address that is none'
  if (target.username !== '' || target.password !== '')
    return 'it points to an address with a credential in it'
  if (!isOwn(exchange, target) && isRedirect(upstream))
    return `it redirects to ${target.host}: if its files are there, add it to connection "${connection.name}" in mayfly.yaml as storage: [${JSON.stringify(target.host)}]`
  const query = strippedQuery(target.search.slice(1))
  return typeof query === 'string' ? undefined : 'it points to an address with a credential in it'
}
