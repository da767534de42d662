import { messageOf, type Clock } from '../../../lib/index.ts'
import { pickHeaders, type Exchange, type Permit } from '../../exchange.ts'
import { shown } from '../packet-stream.ts'
import { answerError, answerFailure, isObject, lfsType, readJson, tellJson, type Json } from './answer.ts'
import { readBatch, readObject, recordObjects, type BatchRequest } from './batch-request.ts'
import { readHeaders, type HeldActions } from './held.ts'
import type { Transfer } from './route.ts'

const requestBytes = 1_048_576
const answerBytes = 16_777_216

/**
 * Asks the server where objects are, or are to go. Reading is `git:read`; an upload takes a grant to push to some ref of the
 * repository, and nothing is to be seen by it before a ref names it. The step gets paths of ours, and no address of the server's.
 */
export async function batch(
  exchange: Exchange,
  repository: string,
  { held, clock }: { held: HeldActions; clock: Clock },
): Promise<void> {
  const { connection, request, response } = exchange
  let asked: BatchRequest
  try {
    asked = readBatch(await readJson(request, requestBytes))
  } catch (error) {
    return answerError(
      response,
      422,
      exchange.deny(`git-lfs ${connection.name}/${repository}`, messageOf(error)),
    )
  }
  const permit = await exchange.permit(
    operationOf(exchange, repository, asked.operation),
    { git: { phase: `lfs-${asked.operation}`, ...recordObjects(asked.objects) } },
    { anyRef: true },
  )
  if (!permit.allow) return answerError(response, 403, permit.message)
  const upstream = await exchange.send(permit, {
    method: 'POST',
    path: exchange.path,
    headers: {
      ...pickHeaders(request, ['user-agent']),
      accept: lfsType,
      'content-type': lfsType,
      'accept-encoding': 'identity',
      'content-length': String(Buffer.byteLength(asked.body)),
    },
    body: Buffer.from(asked.body),
  })
  if (upstream.statusCode !== 200) return answerFailure(exchange, upstream)
  const answer = await readJson(upstream, answerBytes)
  const { transfer = 'basic', objects } = answer
  if (transfer !== 'basic' || !Array.isArray(objects))
    return answerError(response, 502, 'mayfly: the LFS server’s answer is not one to a basic transfer')
  const told = { exchange, repository, permit, asked, held, nowMs: clock.nowMs() }
  const known = new Map(asked.objects.map(({ oid, size }) => [oid, size]))
  return tellJson(exchange, 200, {
    transfer: 'basic',
    objects: objects.flatMap((one: unknown) => {
      const object = readObject(one)
      // What was not asked for is nobody's to have.
      return object === undefined || known.get(object.oid) !== object.size || !isObject(one)
        ? failedObject(one, known)
        : [tellObject(one, object.oid, object.size, told)]
    }),
    hash_algo: 'sha256',
  })
}

interface Told {
  readonly exchange: Exchange
  readonly repository: string
  readonly permit: Permit
  readonly asked: BatchRequest
  readonly held: HeldActions
  readonly nowMs: number
}

export function operationOf(exchange: Exchange, repository: string, transfer: Transfer) {
  return {
    action: transfer === 'download' ? 'git:read' : 'git:push',
    connection: exchange.connection.name,
    path: repository,
  }
}

/** An object that has another size on the server, or of which only its error can be read. */
function failedObject(one: unknown, known: ReadonlyMap<string, number>): Json[] {
  const oid = isObject(one) && typeof one['oid'] === 'string' ? one['oid'] : ''
  const size = known.get(oid)
  if (size === undefined) return []
  const error = isObject(one) ? errorOf(one['error']) : undefined
  return [
    { oid, size, error: error ?? { code: 422, message: 'mayfly: the LFS server has it with another size' } },
  ]
}

function errorOf(value: unknown): Json | undefined {
  if (!isObject(value)) return undefined
  const { code, message } = value
  return {
    code: Number.isInteger(code) ? code : 500,
    message: shown(Buffer.from(typeof message === 'string' ? message : 'an error')),
  }
}

function tellObject(one: Json, oid: string, size: number, told: Told): Json {
  const error = errorOf(one['error'])
  if (error !== undefined) return { oid, size, error }
  const named = isObject(one['actions']) ? one['actions'] : {}
  const wanted: readonly Transfer[] =
    told.asked.operation === 'download' ? ['download'] : ['upload', 'verify']
  const actions: Record<string, Json> = {}
  for (const transfer of wanted) {
    if (named[transfer] === undefined) continue
    const action = holdAction(named[transfer], { oid, transfer }, size, one['authenticated'] === true, told)
    if (action === undefined)
      return {
        oid,
        size,
        error: { code: 502, message: `mayfly: the LFS server’s ${transfer} action is none` },
      }
    actions[transfer] = action
  }
  // So that git-lfs looks for no credential of its own.
  return { oid, size, authenticated: true, ...(Object.keys(actions).length === 0 ? {} : { actions }) }
}

function holdAction(
  value: unknown,
  { oid, transfer }: { oid: string; transfer: Transfer },
  size: number,
  authenticated: boolean,
  { exchange, repository, permit, held, nowMs }: Told,
): Json | undefined {
  const { href, header, expires_in: seconds, expires_at: at } = isObject(value) ? value : {}
  const headers = readHeaders(header)
  if (typeof href !== 'string' || !URL.canParse(href) || headers === undefined) return undefined
  const expiresMs = expiryOf(seconds, at, nowMs)
  // The server's own word for how to show who asks; ours goes where it has none, and is never added to it.
  const needsOurs = !authenticated && headers['authorization'] === undefined
  held.hold(
    exchange,
    { repository, oid, transfer },
    {
      url: new URL(href),
      headers,
      permit: needsOurs ? permit : { ...permit, authorization: undefined },
      size,
      expiresMs,
    },
  )
  const { origin } = new URL(exchange.connection.url)
  const base = exchange.path.slice(0, -'objects/batch'.length)
  return {
    href: `${origin}${exchange.connection.basePath}${base}mayfly/${oid}/${transfer}`,
    ...(expiresMs === undefined ? {} : { expires_at: new Date(expiresMs).toISOString() }),
  }
}

/** What no date holds is no expiry: the step's own end comes first. */
function expiryOf(seconds: unknown, at: unknown, nowMs: number): number | undefined {
  if (Number.isSafeInteger(seconds) && seconds !== 0 && Math.abs(Number(seconds)) < 2 ** 31)
    return nowMs + Number(seconds) * 1000
  const parsed = typeof at === 'string' && at.length < 60 ? Date.parse(at) : 0
  return parsed > 0 ? parsed : undefined
}
