import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import { MayflyError, messageOf, type Clock } from '../../../lib/index.ts'
import { discard, type Exchange } from '../../exchange.ts'
import { adviceOn } from '../../host-beside.ts'
import { refusalOf } from '../../look-at.ts'
import { verifyingBody } from '../../verified-body.ts'
import { answerError, answerJson, lfsType } from './answer.ts'
import { operationOf } from './batch.ts'
import type { HeldAction, HeldActions } from './held.ts'
import type { LfsRoute } from './route.ts'

type TransferRoute = Extract<LfsRoute, { readonly kind: 'transfer' }>

const maxRedirects = 3

/** One object at a path of ours: the gateway goes where the server's answer to this step's batch said, and hashes what passes. */
export async function transfer(
  exchange: Exchange,
  route: TransferRoute,
  { held, clock }: { held: HeldActions; clock: Clock },
): Promise<void> {
  const { response } = exchange
  const what = `git-lfs ${route.transfer} ${exchange.connection.name}/${route.repository} ${route.oid}`
  const action = held.of(exchange, route)
  if (action === undefined || (action.expiresMs !== undefined && action.expiresMs <= clock.nowMs()))
    return answerError(
      response,
      404,
      exchange.deny(what, 'the step has asked for no such object, or long ago'),
    )
  const operation = operationOf(exchange, route.repository, route.transfer)
  // The policy may be another one by now. Where it refuses, it is asked in earnest: that is recorded, and says what is missing.
  if (!exchange.would(operation, { anyRef: true })) {
    const asked = await exchange.permit(operation, {}, { anyRef: true })
    return answerError(response, 403, asked.allow ? 'mayfly: try again' : asked.message)
  }
  const job = {
    exchange,
    action,
    what,
    integrity: `sha256-${Buffer.from(route.oid, 'hex').toString('base64')}`,
  }
  if (route.transfer === 'download') return download(job)
  return route.transfer === 'upload' ? upload(job, route) : verify(job, route.oid)
}

interface Job {
  readonly exchange: Exchange
  readonly action: HeldAction
  readonly what: string
  readonly integrity: string
}

async function download(job: Job): Promise<void> {
  const { exchange, action, what, integrity } = job
  // Whole, since only then does its digest tell: git-lfs begins anew where it gets no range.
  const upstream = await sendHeld(job, 'GET', { ...action.headers, 'accept-encoding': 'identity' })
  if (upstream === undefined) return
  if (upstream.statusCode !== 200 || upstream.headers['content-encoding'] !== undefined)
    return answerStorage(job, upstream)
  await exchange.deliver(upstream, { what, integrity, by: 'digest' })
}

async function upload(job: Job, { repository, oid }: TransferRoute): Promise<void> {
  const { exchange, action, what, integrity } = job
  const { request, response } = exchange
  const length = request.headers['content-length']
  if (length !== undefined && Number(length) !== action.size)
    return answerError(response, 422, exchange.deny(what, `it is of ${length} bytes, not of ${action.size}`))
  const body = verifyingBody(what, integrity, 'its name says')
  const looking = lookingAt(exchange, `LFS object ${oid} of ${repository}`, oid)
  const passing = pipeline(request, upTo(action.size), looking.pass, body)
  passing.catch(() => undefined)
  const headers = {
    'content-type': 'application/octet-stream',
    ...action.headers,
    'content-length': String(action.size),
  }
  let upstream: IncomingMessage | undefined
  try {
    upstream = await sendHeld(job, 'PUT', headers, body)
  } catch (error) {
    if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
    return answerError(response, looking.isRefused() ? 403 : 422, exchange.deny(what, messageOf(error)))
  }
  // Whoever is refused in the middle has not sent all.
  if (!body.readableEnded) response.once('finish', () => body.destroy())
  if (upstream === undefined) return
  const { statusCode = 0 } = upstream
  if (statusCode < 200 || statusCode > 299 || !body.readableEnded) return answerStorage(job, upstream)
  discard(upstream)
  response.writeHead(200, { 'content-length': 0 }).end()
}

/** It goes on as fast as it is looked at, and its last bytes once that is done: an object that is not whole is none. */
function lookingAt(exchange: Exchange, what: string, oid: string) {
  const look = exchange.look('push', what, () => oid)
  let isRefused = false
  async function* pass(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    if (look === undefined) return yield* source
    const stream = look.stream(what)
    let held: Buffer | undefined
    try {
      for await (const chunk of source) {
        await stream.write(chunk)
        if (held !== undefined) yield held
        held = chunk
      }
      stream.end()
    } finally {
      // It did not come to its end, unless it did.
      stream.leave()
    }
    const refusal = refusalOf(await exchange.finishLook(look))
    isRefused = refusal !== undefined
    if (refusal !== undefined) throw new MayflyError('denied', refusal)
    if (held !== undefined) yield held
  }
  return { pass, isRefused: () => isRefused }
}

function upTo(size: number) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > size) throw new MayflyError('denied', `it is over the ${size} bytes that it should have`)
      yield chunk
    }
  }
}

/** The server is asked whether it has the object; what the client would say of it is known. */
async function verify(job: Job, oid: string): Promise<void> {
  const { exchange, action } = job
  exchange.request.resume()
  const body = Buffer.from(JSON.stringify({ oid, size: action.size }))
  const headers = {
    ...action.headers,
    accept: lfsType,
    'content-type': lfsType,
    'content-length': String(body.length),
  }
  const upstream = await sendHeld(job, 'POST', headers, body)
  if (upstream === undefined) return
  if ((upstream.statusCode ?? 0) >= 300) return answerStorage(job, upstream)
  discard(upstream)
  answerJson(exchange.response, 200, {})
}

/** Undefined if it was answered already, since the place is none of the connection's. */
async function sendHeld(
  { exchange, action, what }: Job,
  method: 'GET' | 'PUT' | 'POST',
  headers: Record<string, string>,
  body?: Buffer | Readable,
): Promise<IncomingMessage | undefined> {
  let [url, sent] = [action.url, headers]
  for (let hops = 0; ; hops++) {
    const sending = exchange.sendTo(
      action.permit,
      url,
      { method, headers: sent, ...(body === undefined ? {} : { body }) },
      'storage',
    )
    if (sending === undefined) {
      const why = `the server keeps it on ${url.host}: ${adviceOn(exchange.connection, url)}`
      answerError(exchange.response, 403, exchange.deny(what, why))
      return undefined
    }
    const upstream = await sending
    const { location } = upstream.headers
    const isRedirect = [301, 302, 303, 307, 308].includes(upstream.statusCode ?? 0)
    if (method !== 'GET' || !isRedirect || hops === maxRedirects || location === undefined) return upstream
    if (!URL.canParse(location, url)) return upstream
    discard(upstream)
    const next = new URL(location, url)
    // What one host was to be shown is not another's to see.
    if (next.host !== url.host) sent = { 'accept-encoding': 'identity' }
    url = next
  }
}

function answerStorage({ exchange, what }: Job, upstream: IncomingMessage): void {
  const { statusCode: status = 0 } = upstream
  discard(upstream)
  // 401 would have git-lfs look for a credential, which is not the step's to have; what is temporary it tries again.
  const told =
    status === 404 || status === 410 || status === 422 || status === 429 ? status : status >= 500 ? 502 : 403
  answerError(exchange.response, told, `mayfly: ${what}: where the server keeps it the answer is ${status}`)
}
