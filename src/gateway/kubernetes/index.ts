import type { IncomingMessage } from 'node:http'
import { MayflyError, messageOf, sha256Hex } from '../../lib/index.ts'
import type { Operation } from '../../policy/index.ts'
import { UpstreamBusy } from '../busy.ts'
import { collect } from '../collect.ts'
import {
  discard,
  hasBody,
  refusedHint,
  type Exchange,
  type HttpHandler,
  type Permit,
  type Proven,
} from '../exchange.ts'
import type { Images } from './images.ts'
import { passOn } from '../pass-http.ts'
import { requestHeaders } from '../plain-headers.ts'
import { plainTarget } from '../plain-target.ts'
import { createRoom, type Reserve } from '../room.ts'
import { answerReview, isReview } from './access-review.ts'
import type { Asked, OfResource } from './asked.ts'
import { optionsOf } from './delete-options.ts'
import { maxBodyBytes, readManifest, type Manifest } from './manifest.ts'
import { isOfSecrets, isStreamed, isWrite, mayCreate, maySpeakWebSocket, operationOf } from './operation.ts'
import { readRequest, targetOf } from './request.ts'
import { valueOf } from './query.ts'
import { answersOf, type AnswerNo, type StatusMore } from './status.ts'
import { createStreams } from './streams.ts'

/**
 * Kubernetes' API. Names what a request does as the API server will read it (verb, group, resource, namespace, name), and sends what
 * was named, written anew. Refuses what could be read in two ways, what acts as somebody else, and what is answered with a credential.
 * Invariant: nothing of the step's own credentials goes to the server; a Secret is reached by a grant that names Secrets alone.
 */
export function createKubernetesHandler(): HttpHandler {
  const reserve = createRoom(bodiesBytes)
  const passStream = createStreams()
  return async (exchange) => {
    const asked = askedOf(exchange)
    const answer = answersOf(exchange.response, typeof asked !== 'string' && asked.of === 'discovery')
    const refuse = (why: string, more?: StatusMore) => answer(exchange.deny(whatOf(exchange), why), more)
    try {
      if (typeof asked === 'string') return refuse(asked)
      await (asked.of === 'resource'
        ? passResource({ exchange, asked, answer, refuse, passStream }, reserve)
        : passOther({ exchange, asked, answer, refuse, passStream }))
    } catch (error) {
      answerFault(answer, error)
    }
  }
}

/** Bodies that are read as a whole, of all steps together. */
const bodiesBytes = 67_108_864

interface Job<T extends Asked = Asked> {
  readonly exchange: Exchange
  readonly asked: T
  readonly answer: AnswerNo
  /** Records why, and answers it. */
  readonly refuse: AnswerNo
  readonly passStream: ReturnType<typeof createStreams>
}

function askedOf({ request, connection, path, query }: Exchange): Asked | string {
  const acting = Object.keys(request.headers).find((name) => name.startsWith('impersonate-'))
  // Left out, the request would be done with other rights than its sender means.
  if (acting !== undefined) return `it would act as somebody else (${acting}), which no grant allows`
  const plain = plainTarget(path, connection.basePath)
  return plain === undefined ? 'its path is not plain' : readRequest(request.method ?? '', plain.path, query)
}

/** What every client asks first; or a URL by its name. */
async function passOther(job: Job<Exclude<Asked, OfResource>>): Promise<void> {
  const { exchange, asked, answer, refuse } = job
  const { name: connection } = exchange.connection
  if (exchange.asksUpgrade !== undefined) return refuse('nothing there speaks another protocol')
  const permit =
    asked.of === 'discovery'
      ? await exchange.permit({ action: 'k8s:discover', connection, path: '' }, {}, { anyRef: true })
      : await exchange.permit({ action: 'k8s:get', connection, path: `~${asked.path}` }, {})
  if (!permit.allow) return answer(permit.message)
  await send(job, permit, undefined)
}

async function passResource(job: Job<OfResource>, reserve: Reserve): Promise<void> {
  const { exchange, asked, answer, refuse } = job
  const { request, connection, asksUpgrade } = exchange
  // A request for another protocol has no body; what follows it is that protocol's.
  const body = asksUpgrade === undefined ? await bodyOf(job, reserve) : undefined
  if (body === 'refused') return
  // What goes on through a proxy is no object of Kubernetes.
  const isManifest = body !== undefined && asked.subresource !== 'proxy'
  const type = request.headers['content-type']
  const manifest = isManifest ? readManifest(body, type, isOfSecrets(asked)) : undefined
  if (typeof manifest === 'string') return refuse(manifest)
  const options = optionsOf(asked, body, type)
  if (typeof options === 'string') return refuse(options)
  if (isReview(asked)) return review(job, body, manifest)
  const command = asked.parameters.filter(([name]) => name === 'command').map(([, value]) => value)
  const named = asked.verb === 'create' ? manifest?.named : undefined
  const operation = operationOf(connection.name, asked, command, named)
  if (typeof operation === 'string') return refuse(operation)
  const { verb, ...seen } = detailOf(exchange, asked, manifest)
  // By WebSocket it is got, by SPDY created, and the same all the same.
  if (isStreamed(operation) || (asksUpgrade !== undefined && maySpeakWebSocket(operation))) {
    const target = targetOf(asked)
    return job.passStream({ exchange, operation, detail: { kubernetes: seen }, target, answer, refuse })
  }
  const detail = { kubernetes: { verb, ...seen, ...options } }
  if (asksUpgrade !== undefined) return refuse(`nothing there speaks another protocol: ${operation.action}`)
  const proven = () => provenBy(isWrite(asked.verb) ? manifest?.images : undefined)
  const sent = body === undefined ? undefined : sha256Hex(body)
  let permit = await exchange.permitAll([operation], detail, { proven, body: sent })
  const creation = mayCreate(asked, type) ? { ...operation, action: 'k8s:create' } : undefined
  if (permit.allow && creation !== undefined && !(await isGrantedOrThere(job, permit, creation)))
    permit = await exchange.permitAll([operation, creation], detail, { proven, body: sent })
  if (!permit.allow) return answer(permit.message)
  const status = await send(job, permit, body)
  if (isWrite(asked.verb))
    tellDone(exchange, creation !== undefined && status === 201 ? creation : operation, status)
}

/** A body that names no image brings none. */
function provenBy(images: Images = new Map()): Proven {
  return 'why' in images ? { artifact: images } : { artifact: [...images.keys()], images }
}

function tellDone(exchange: Exchange, { action, path }: Operation, status: number): void {
  exchange.accepted({
    type: 'operations.done',
    item: { operation: `${action.slice('k8s:'.length)} ${path}`.slice(0, 500), facts: { status } },
  })
}

/** Whether nothing more is needed than what changes the object: it may be made, too, or there is one to be changed. */
async function isGrantedOrThere(
  { exchange, asked }: Job,
  permit: Permit,
  creation: Operation,
): Promise<boolean> {
  if (exchange.would(creation, { granted: true, unasked: true })) return true
  const answer = await exchange.send(permit, {
    ...{ method: 'GET', path: asked.path, relayBusy: true },
    headers: { accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' },
  })
  discard(answer)
  return answer.statusCode === 200
}

/** `kubectl auth can-i`: what no grant allows is answered here, and the server says of the rest whether it may be. */
async function review(
  job: Job<OfResource>,
  body: Buffer | undefined,
  manifest: Manifest | undefined,
): Promise<void> {
  const { exchange } = job
  const { name: connection } = exchange.connection
  const permit = await exchange.permit({ action: 'k8s:discover', connection, path: '' }, {}, { anyRef: true })
  if (!permit.allow) return job.answer(permit.message)
  if (!answerReview(exchange, job.asked, manifest?.attributes)) await send(job, permit, body)
}

/** The body as a whole; `refused` is answered. */
async function bodyOf({ exchange, refuse }: Job, reserve: Reserve): Promise<Buffer | 'refused' | undefined> {
  const { request, response } = exchange
  if (!hasBody(request)) return undefined
  const no = (why: string, more?: StatusMore) => {
    refuse(why, more)
    return 'refused' as const
  }
  if (request.headers['content-encoding'] !== undefined) return no('its body is encoded')
  const said = Number(request.headers['content-length'] ?? maxBodyBytes)
  const giveBack = reserve(said <= maxBodyBytes ? said : maxBodyBytes, exchange.ofStep)
  if (giveBack === undefined)
    return no('too many bodies are under way', {
      ...{ code: 429, reason: 'TooManyRequests' },
      retryAfterSeconds: 1,
    })
  if (response.closed) giveBack()
  else response.once('close', giveBack)
  const body = await collect(request, maxBodyBytes)
  if (body !== undefined) return body.length === 0 ? undefined : body
  return no(`its body has over ${maxBodyBytes} bytes, or broke off`, {
    ...{ code: 413, reason: 'RequestEntityTooLarge' },
  })
}

const told = 500
const shownParameters = [
  ...['fieldSelector', 'labelSelector', 'container', 'follow', 'fieldManager', 'force'],
  ...['dryRun', 'gracePeriodSeconds', 'propagationPolicy', 'orphanDependents'],
]

/** For the record: nothing of a body but what it names itself, and its digest. */
function detailOf(
  { request }: Exchange,
  { verb, parameters, subresource }: OfResource,
  manifest: Manifest | undefined,
): Readonly<Record<string, unknown>> {
  const shown = shownParameters.flatMap((name) => {
    const value = valueOf(parameters, name)
    return value === undefined ? [] : [[name, value.slice(0, told)] as const]
  })
  const type = request.headers['content-type']
  return {
    verb,
    ...(subresource === undefined ? {} : { subresource }),
    ...Object.fromEntries(shown),
    ...(verb === 'patch' && type !== undefined ? { patch: type.slice(0, 100) } : {}),
    ...(manifest === undefined ? {} : { manifest: manifest.recorded }),
  }
}

/** Sends it, and passes the answer on; returns the server's status. */
async function send(
  { exchange, asked, answer, refuse }: Job,
  permit: Permit,
  body: Buffer | undefined,
): Promise<number> {
  const { request, response, connection } = exchange
  const upstream = await exchange.send(permit, {
    method: request.method ?? '',
    path: targetOf(asked),
    headers: {
      ...requestHeaders(request, connection),
      ...(body === undefined ? {} : { 'content-length': String(body.length) }),
    },
    ...(body === undefined ? {} : { body }),
    relayBusy: true,
  })
  const { statusCode = 0 } = upstream
  if (statusCode === 401 && connection.credential !== undefined) {
    discard(upstream)
    refuse(`the cluster refused the credential of the connection (401)${refusedHint(connection, 401)}`, {
      ...{ code: 502, reason: 'InternalError' },
    })
    return statusCode
  }
  const passing = passOn(exchange, upstream, whatOf(exchange), {
    refused: (message) => answer(message, { code: 502, reason: 'InternalError' }),
  })
  // Whoever watches waits for the head, and the first event may be long in coming.
  if (isEndless(upstream) && !response.headersSent && !response.destroyed) response.flushHeaders()
  await passing
  return statusCode
}

/** A watch, or a log that is followed: nobody knows how long it is. */
function isEndless({ headers, statusCode }: IncomingMessage): boolean {
  return statusCode === 200 && headers['content-length'] === undefined && headers.location === undefined
}

function answerFault(answer: AnswerNo, error: unknown): void {
  if (error instanceof UpstreamBusy)
    return answer(`mayfly: ${error.message}`, {
      code: error.status,
      reason: error.status === 429 ? 'TooManyRequests' : 'ServiceUnavailable',
      retryAfterSeconds: Number(error.headers['retry-after'] ?? 1),
    })
  if (!(error instanceof MayflyError)) throw error
  answer(`mayfly: ${messageOf(error)}`, { code: 502, reason: 'InternalError' })
}

/** The request in one line, for refusals. */
function whatOf({ request, connection, path }: Exchange): string {
  return `kubernetes ${request.method} ${connection.name}${path.slice(0, told)}`
}
