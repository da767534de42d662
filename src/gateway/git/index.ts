import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { IncomingMessage } from 'node:http'
import { messageOf, sha256Hex } from '../../lib/index.ts'
import { namesOf, type Operation } from '../../policy/index.ts'
import {
  copyHead,
  pickHeaders,
  plainAnswer,
  type Exchange,
  type Permit,
  type ProtocolHandler,
} from '../exchange.ts'
import { readFetchRequest } from './fetch-request.ts'
import { flushPacket } from './pkt-line.ts'
import { readPushRequest, type PushRequest, type RefUpdate } from './push-request.ts'
import { refusedPush } from './refusal.ts'

/**
 * Git over smart HTTP (gitprotocol-http): advertisement, fetch and push. Names repository, refs and commits.
 * Refuses the dumb protocol, LFS, signed pushes, and any push whose refs are not all granted, before upstream
 * sees a byte of it.
 */
export function createGitHandler(): ProtocolHandler {
  return async (exchange) => {
    const route = routeOf(exchange)
    if (route === undefined) {
      const what = `${exchange.connection.name} ${exchange.request.method} ${exchange.path}`
      return plainAnswer(
        exchange.response,
        403,
        exchange.deny(what, 'only git fetch and push over smart HTTP pass here'),
      )
    }
    if (route.kind === 'advertise') return advertise(exchange, route)
    return route.service === 'git-upload-pack' ? fetchObjects(exchange, route) : push(exchange, route)
  }
}

type Service = 'git-upload-pack' | 'git-receive-pack'
interface Route {
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

function routeOf({ request, path, query }: Exchange): Route | undefined {
  const parts =
    /^\/(?<repository>[A-Za-z0-9._~+/-]+?)(?:\.git)?\/(?<tail>info\/refs|git-upload-pack|git-receive-pack)$/.exec(
      path,
    )?.groups
  const repository = parts?.['repository']
  if (repository === undefined || !namesOf.git.path.is(repository)) return undefined
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

function operation(exchange: Exchange, route: Route, ref?: string): Operation {
  const action = route.service === 'git-upload-pack' ? 'git:read' : 'git:push'
  return {
    action,
    connection: exchange.connection.name,
    path: route.repository,
    ...(ref === undefined ? {} : { ref }),
  }
}

async function advertise(exchange: Exchange, route: Route): Promise<void> {
  const permit = await exchange.permit(
    operation(exchange, route),
    { git: { phase: 'advertise', service: route.service } },
    { anyRef: true },
  )
  if (!permit.allow) return plainAnswer(exchange.response, 403, permit.message)
  const upstream = await exchange.send(permit, {
    method: 'GET',
    path: `${exchange.path}?${exchange.query}`,
    headers: pickHeaders(exchange.request, requestHeaders),
  })
  await passOn(exchange, upstream)
}

async function fetchObjects(exchange: Exchange, route: Route): Promise<void> {
  const { command, wants, wantCount, body } = await readFetchRequest(
    exchange.request,
    exchange.request.headers['content-encoding'],
  )
  const permit = await exchange.permit(operation(exchange, route), {
    git: { phase: command, wants, wantCount },
  })
  if (!permit.allow) return plainAnswer(exchange.response, 403, permit.message)
  await passOn(exchange, await call(exchange, permit, body))
}

async function push(exchange: Exchange, route: Route): Promise<void> {
  const { request } = exchange
  if (request.headers['content-encoding'] !== undefined)
    return plainAnswer(exchange.response, 415, 'mayfly: a push is not taken compressed')
  let pushed: PushRequest
  try {
    pushed = await readPushRequest(request)
  } catch (error) {
    return plainAnswer(
      exchange.response,
      400,
      exchange.deny(`git:push ${exchange.connection.name}/${route.repository}`, messageOf(error)),
    )
  }
  // git asks with an empty push whether it may; nothing is named yet, and nothing may stand behind it.
  if (pushed.updates.length === 0) return askPush(exchange, route, pushed)
  const operations = pushed.updates.map(({ ref }) => operation(exchange, route, ref))
  const permit = await exchange.permitAll(operations, { git: recordUpdates(pushed.updates) })
  if (!permit.allow) {
    const refused = new Set(permit.refused.map((one) => one.ref ?? ''))
    return refusePush(exchange, pushed, refused, permit.message)
  }
  const body = new PassThrough()
  body.write(pushed.head)
  const sending = pipeline(request, body).catch((error: unknown) => body.destroy(error as Error))
  await passOn(exchange, await call(exchange, permit, body))
  await sending
}

async function askPush(exchange: Exchange, route: Route, pushed: PushRequest): Promise<void> {
  const what = `git:push ${exchange.connection.name}/${route.repository}`
  const rest = exchange.request.headers['content-length'] !== '4' || pushed.packBytes > 0
  if (rest)
    return plainAnswer(exchange.response, 400, exchange.deny(what, 'a push without refs carries nothing'))
  const permit = await exchange.permit(
    operation(exchange, route),
    { git: { phase: 'ask' } },
    { anyRef: true },
  )
  if (!permit.allow) return plainAnswer(exchange.response, 403, permit.message)
  await passOn(exchange, await call(exchange, permit, flushPacket))
}

const recordedBytes = 24_000

/** The updates for the entry: as many as it has room for, and a digest of them all. */
function recordUpdates(updates: readonly RefUpdate[]): Record<string, unknown> {
  const lines = updates.map(({ ref, oldCommit, newCommit }) => `${oldCommit} ${newCommit} ${ref}\n`)
  let left = recordedBytes
  const fitting = updates.filter((_, i) => (left -= Buffer.byteLength(lines[i] ?? '') + 60) >= 0)
  const whole =
    fitting.length === updates.length
      ? {}
      : { updateCount: updates.length, updatesSha256: sha256Hex(lines.join('')) }
  return { phase: 'push', updates: fitting, ...whole }
}

async function refusePush(
  exchange: Exchange,
  pushed: PushRequest,
  refused: ReadonlySet<string>,
  message: string,
): Promise<void> {
  // git sends its whole pack before it reads the answer.
  exchange.request.resume()
  await new Promise<void>((done) => {
    if (exchange.request.readableEnded) done()
    for (const name of ['end', 'close']) exchange.request.once(name, () => done())
  })
  const body = refusedPush(pushed, refused, message)
  exchange.response.writeHead(200, {
    'content-type': 'application/x-git-receive-pack-result',
    'cache-control': 'no-cache',
    'content-length': body.length,
  })
  exchange.response.end(body)
}

function call(exchange: Exchange, permit: Permit, body: Buffer | Readable): Promise<IncomingMessage> {
  const headers = pickHeaders(exchange.request, requestHeaders)
  const length = exchange.request.headers['content-length']
  if (Buffer.isBuffer(body)) headers['content-length'] = String(body.length)
  else if (length !== undefined) headers['content-length'] = length
  return exchange.send(permit, { method: 'POST', path: exchange.path, headers, body })
}

async function passOn(exchange: Exchange, upstream: IncomingMessage): Promise<void> {
  if (upstream.statusCode === 401 || upstream.statusCode === 403) {
    upstream.resume()
    const why = `the Git server refused the credential of connection "${exchange.connection.name}" (${upstream.statusCode}): an operator must renew its secret`
    return plainAnswer(
      exchange.response,
      502,
      exchange.deny(`${exchange.connection.name}${exchange.path}`, why),
    )
  }
  copyHead(upstream, exchange.response)
  await pipeline(upstream, exchange.response)
}
