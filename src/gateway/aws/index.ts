import type { IncomingMessage } from 'node:http'
import { MayflyError, limits, sha256Hex, type Clock } from '../../lib/index.ts'
import { awsStandIn } from '../../kinds/index.ts'
import type { Operation } from '../../policy/index.ts'
import { UpstreamBusy } from '../busy.ts'
import {
  copyHead,
  hasBody,
  type Chooser,
  type Denial,
  type Exchange,
  type HttpHandler,
  type Permit,
} from '../exchange.ts'
import { createRoom } from '../room.ts'
import { answerError, answerWith, type Dialect } from './answers.ts'
import type { Reading } from './called.ts'
import { isSignedInChunks, resignedChunks } from './chunks.ts'
import { accessKeyIdOf } from './claim.ts'
import { createHeldSessions, firstStandIn, keysOf, type HeldSessions } from './keys.ts'
import { mintingOf } from './minting.ts'
import { readOperation } from './operation.ts'
import { readAws, type AwsRequest } from './request.ts'
import { readDeletes } from './s3-delete.ts'
import { readS3 } from './s3.ts'
import { takeSession, withoutRegistryToken } from './secret-answers.ts'
import { shownMembers } from './shown.ts'
import { hashOf, signed } from './sigv4.ts'
import { writeQuery } from './target.ts'

/**
 * AWS's APIs. A step signs with a stand-in that opens nothing; its request is taken apart, named in IAM's words, and signed anew with
 * keys that the step never sees. Refuses what is signed by other keys, in another way or not at all, what goes to another service or
 * region than it is signed for, and what could be read in two ways.
 * Invariant: nothing of the step's own signature, and no token that it sent, goes upstream.
 */
export function createAwsHandler(deps: { readonly clock: Clock }): HttpHandler {
  const sessions = createHeldSessions()
  const reserve = createRoom(limits.awsBodiesBytes)
  return async (exchange) => {
    const dialect = dialectOf(exchange)
    const refuse = (why: string) => answerError(exchange, dialect, exchange.deny(whatOf(exchange), why))
    try {
      const request = await readAws(exchange, { sessions, reserve })
      if (typeof request === 'string') return refuse(request)
      const reading = await nameOf(exchange, request)
      if (typeof reading === 'string') return refuse(reading)
      const refused = mintingOf(reading.called)
      if (refused !== undefined) return refuse(refused)
      await pass({ exchange, request, reading, sessions, dialect, clock: deps.clock })
    } catch (error) {
      // What a step's body has wrong shows while it passes.
      if (error instanceof MayflyError && error.code === 'bad_input') return refuse(error.message)
      answerFailure(exchange, dialect, error)
    }
  }
}

/** Tools ask again by 503; nothing of an answer that held a credential is told. */
function answerFailure(exchange: Exchange, dialect: Dialect, error: unknown): void {
  if (!(error instanceof MayflyError)) throw error
  if (error.code === 'denied') return answerError(exchange, dialect, error.message, { status: 502 })
  if (!(error instanceof UpstreamBusy)) throw error
  const { status, headers } = error
  answerError(exchange, dialect, `mayfly: ${error.message}`, { status, code: 'ServiceUnavailable', headers })
}

/** Which account's stand-in a request is signed by. */
export const meantByStandIn: Chooser = (request, at) => {
  const id = accessKeyIdOf(request)
  if (id === undefined) return undefined
  return at.find(({ name, hostOf }) => awsStandIn((hostOf ?? { name }).name).id === firstStandIn(id))
}

async function nameOf(
  exchange: Exchange,
  { endpoint, target, body, home }: AwsRequest,
): Promise<Reading | string> {
  const { method = '', headers } = exchange.request
  if (endpoint.service !== 's3' || !endpoint.isMain)
    return readOperation({ endpoint, method, target, headers, body: body ?? Buffer.alloc(0), home })
  // S3 looks at none, but a store that is more than S3 may.
  if (headers['x-amz-target'] !== undefined) return 'S3 is told nothing by X-Amz-Target'
  const isList = method === 'POST' && target.query.some(([name]) => name === 'delete')
  if (!isList || body === undefined) return readS3({ method, target, headers, bucket: endpoint.bucket })
  const called = readDeletes({ target, headers, body, bucket: endpoint.bucket })
  return typeof called === 'string' ? called : { called }
}

interface Passing {
  readonly exchange: Exchange
  readonly request: AwsRequest
  readonly reading: Reading
  readonly sessions: HeldSessions
  readonly dialect: Dialect
  readonly clock: Clock
}

async function pass(passing: Passing): Promise<void> {
  const { exchange, dialect } = passing
  const permit = await permitted(passing)
  if (!permit.allow) return answerError(exchange, dialect, permit.message)
  const upstream = await send(passing, permit)
  const isStale = await staleOf(exchange, permit, upstream)
  if (isStale === false) return answer(passing, upstream)
  if (!isStale.stale) {
    copyHead(upstream, exchange.response)
    return answerWith(exchange.response, isStale.body)
  }
  exchange.notTaken(permit)
  if (isStreamed(passing))
    // The tool sends it again: then it is signed with the next session.
    return answerError(exchange, dialect, 'the session behind the connection has ended: try again', {
      ...{ status: 503, code: dialect === 's3' ? 'SlowDown' : 'ServiceUnavailable' },
    })
  const again = await permitted(passing)
  if (!again.allow) return answerError(exchange, dialect, again.message)
  return answer(passing, await send(passing, again))
}

function permitted({ exchange, request, reading }: Passing): Promise<Permit | Denial> {
  const { connection, request: asked } = exchange
  const operations = reading.called.map(({ service, action, resource, read }): Operation => ({
    action: read ? 'aws:read' : 'aws:call',
    connection: connection.name,
    path: `${service}:${action}`,
    ref: resource,
  }))
  const { region } = request.claim.scope
  const { body } = request
  const sha256 = body === undefined ? undefined : sha256Hex(body)
  const isAsked = operations.some((one) => exchange.asks(one)?.approval !== undefined)
  return exchange.permitAll(
    operations,
    {
      aws: {
        ...{ method: asked.method, region },
        ...(request.keys === undefined ? {} : { assumed: true }),
        ...(sha256 === undefined ? {} : { sha256 }),
        ...(isAsked && body !== undefined ? { members: shownMembers(asked, body) } : {}),
      },
    },
    { body: sha256 },
  )
}

function isStreamed({ exchange, request }: Passing): boolean {
  return request.body === undefined && hasBody(exchange.request)
}

/** Headers that may go on. What says who asks, and when, is ours to say. */
const passable =
  /^(?:accept(?:-.*)?|amz-sdk-.*|cache-control|content-.*|expires|if-.*|range|user-agent|x-amz-.*|x-amzn-.*|smithy-protocol)$/
const own = /^(?:x-amz-date|x-amz-security-token|x-amz-s3session-token|x-amz-content-sha256)$/

function send(passing: Passing, permit: Permit): Promise<IncomingMessage> {
  const { exchange, request, reading, clock } = passing
  const { request: asked, asked: place, connection } = exchange
  const { claim, target } = request
  const body = reading.body ?? request.body
  const payload = reading.body === undefined ? request.payload : hashOf(reading.body)
  const secret = reading.answers !== undefined
  const kept = Object.entries(asked.headers).flatMap(([name, value]) =>
    // An answer that is read here is asked for as it usually is.
    typeof value === 'string' &&
    passable.test(name) &&
    !own.test(name) &&
    !(secret && name.startsWith('accept'))
      ? [[name, value] as const]
      : [],
  )
  const host = place.host.includes(':') ? `[${place.host}]` : place.host
  const isUsual = place.port === (place.tls ? 443 : 80)
  const signable = {
    method: asked.method ?? '',
    ...{ path: target.path, query: target.query, payload },
    headers: {
      ...Object.fromEntries(kept),
      ...{ host: isUsual ? host : `${host}:${place.port}` },
      ...(reading.body === undefined ? {} : { 'content-length': String(reading.body.length) }),
    },
  }
  const keys = request.keys ?? keysOf(permit, connection.name)
  const { region, service } = claim.scope
  const { headers, ...signer } = signed(signable, keys, { region, service, nowMs: clock.nowMs() })
  const query = writeQuery(target.query)
  const stream = isSignedInChunks(payload)
    ? resignedChunks(
        asked,
        {
          ...{ secretAccessKey: awsStandIn('').secret, scope: claim.scope },
          time: claim.time,
          seed: claim.signature,
        },
        { ...signer, secretAccessKey: keys.secretAccessKey, seed: signer.signature },
      )
    : asked
  const sent = body === undefined ? (hasBody(asked) ? stream : undefined) : body.length > 0 ? body : undefined
  return exchange.send(permit, {
    ...{ method: signable.method, headers, relayBusy: true },
    signed: reading.called.every(({ action }) => /^GetObject(?:Version)?$/.test(action))
      ? 'stored'
      : 'looked',
    path: query === '' ? target.path : `${target.path}?${query}`,
    ...(sent === undefined ? {} : { body: sent }),
  })
}

const maxErrorBytes = 65_536
const ended =
  /\b(?:ExpiredToken(?:Exception)?|InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|InvalidToken)\b/

/** Whether a refusal says that the session has ended, with its body, which is read then; false for any other answer. */
async function staleOf(
  exchange: Exchange,
  permit: Permit,
  upstream: IncomingMessage,
): Promise<false | { readonly stale: boolean; readonly body: Buffer }> {
  const { statusCode = 0 } = upstream
  if (![400, 401, 403].includes(statusCode) || permit.fields === undefined) return false
  // An answer to HEAD does not say why: of S3 400 is that, mostly, and asking again does no harm.
  if (exchange.request.method === 'HEAD')
    return statusCode === 400 ? { stale: true, body: Buffer.alloc(0) } : false
  const body = await exchange.read(upstream, maxErrorBytes)
  if (body === undefined) throw new MayflyError('upstream_unreachable', 'its refusal has no end')
  return { stale: ended.test(body.toString('latin1')), body }
}

async function answer(passing: Passing, upstream: IncomingMessage): Promise<void> {
  const { exchange, reading } = passing
  const { statusCode = 0 } = upstream
  const [first] = reading.called
  if (first !== undefined && reading.called.some(({ read }) => !read))
    exchange.accepted({
      type: 'operations.done',
      item: {
        operation: `${first.service}:${first.action} ${first.resource}`.slice(0, 500),
        facts: { status: statusCode, things: reading.called.length },
      },
    })
  if (reading.answers === undefined || statusCode < 200 || statusCode >= 300) return exchange.relay(upstream)
  const body = await exchange.read(upstream, 1_048_576)
  const shown = body === undefined ? undefined : shownOf(passing, body.toString('utf8'))
  if (shown === undefined)
    return answerError(exchange, passing.dialect, exchange.deny(whatOf(exchange), secretAnswer), {
      status: 502,
    })
  copyHead(upstream, exchange.response)
  answerWith(exchange.response, shown)
}

const secretAnswer = 'its answer has a credential in it, and cannot be read: it is not passed on'

function shownOf({ exchange, reading, sessions }: Passing, text: string): string | undefined {
  if (reading.answers === 'registry-token') return withoutRegistryToken(text)
  const session = takeSession(text)
  if (session === undefined) return undefined
  const id = sessions.keep(exchange, session.keys)
  return session.withStandIn(id, awsStandIn('').secret)
}

function dialectOf({ request, query }: Exchange): Dialect {
  const { authorization = '', 'x-amz-target': target, 'content-type': type = '' } = request.headers
  const service = /(?:\/|%2F)([a-z0-9-]+)(?:\/|%2F)aws4_request/i.exec(`${authorization}${query}`)?.[1]
  if (service === 's3' || service === undefined) return 's3'
  if (service === 'ec2') return 'ec2'
  if (target !== undefined) return 'json'
  return /(?:^|&)Action=/.test(query) || type.startsWith('application/x-www-form-urlencoded')
    ? 'query'
    : 'json'
}

/** The request in one line, for refusals. */
function whatOf({ request, connection, path }: Exchange): string {
  const target = request.headers['x-amz-target']
  return `aws ${request.method} ${connection.name}${path.slice(0, 500)}${typeof target === 'string' ? ` ${target.slice(0, 200)}` : ''}`
}
