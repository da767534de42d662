import { isVisible, messageOf, MayflyError } from '../../../lib/index.ts'
import { pickHeaders, type Exchange } from '../../exchange.ts'
import { answerError, answerFailure, lfsType, readJson, tellJson, type Json } from './answer.ts'
import { readRef } from './batch-request.ts'
import type { LfsRoute } from './route.ts'

type LockRoute = Exclude<LfsRoute, { readonly kind: 'batch' | 'transfer' }>

const answerBytes = 4_194_304

/**
 * File locks (git-lfs, docs/api/locking.md): seeing them is `git:read`; taking and giving back, and the question before a push
 * which of them are others', take a grant to push to some ref of the repository.
 */
export async function locks(exchange: Exchange, route: LockRoute): Promise<void> {
  const { connection, request, response } = exchange
  const isList = route.kind === 'list-locks'
  let body: Buffer | undefined
  try {
    if (!isList) body = Buffer.from(JSON.stringify(readCall(route, await readJson(request, 65_536))))
  } catch (error) {
    const what = `git-lfs ${route.kind} ${connection.name}/${route.repository}`
    return answerError(response, 422, exchange.deny(what, messageOf(error)))
  }
  const operation = {
    action: isList ? 'git:read' : 'git:push',
    connection: connection.name,
    path: route.repository,
  }
  const detail = {
    git: {
      phase: `lfs-${route.kind}`,
      ...(body === undefined ? {} : { asked: body.toString().slice(0, 1_000) }),
    },
  }
  const permit = await exchange.permit(operation, detail, { anyRef: true })
  if (!permit.allow) return answerError(response, 403, permit.message)
  const upstream = await exchange.send(permit, {
    method: isList ? 'GET' : 'POST',
    path: exchange.query === '' ? exchange.path : `${exchange.path}?${exchange.query}`,
    headers: {
      ...pickHeaders(request, ['user-agent']),
      accept: lfsType,
      'accept-encoding': 'identity',
      ...(body === undefined ? {} : { 'content-type': lfsType, 'content-length': String(body.length) }),
    },
    ...(body === undefined ? {} : { body }),
  })
  const { statusCode: status = 0 } = upstream
  // 409 is an answer: somebody else has the lock, and who.
  if (status !== 200 && status !== 201 && status !== 409) return answerFailure(exchange, upstream)
  return tellJson(exchange, status, await readJson(upstream, answerBytes))
}

/** What of a call is sent on: what was understood. Throws `bad_input`. */
function readCall({ kind }: LockRoute, value: Json): Json {
  const ref = readRef(value['ref'])
  if (kind === 'unlock') {
    // Every step is the same user there, so whose lock it is cannot be told.
    if (value['force'] === true) throw bad('a lock is not taken from its owner by a step (--force)')
    return { force: false, ...ref }
  }
  if (kind === 'lock') {
    const { path } = value
    if (typeof path !== 'string' || path === '' || path.length > 4_096 || !isVisible(path))
      throw bad('its path is none of visible characters')
    return { path, ...ref }
  }
  const { cursor, limit } = value
  return {
    ...ref,
    ...(typeof cursor === 'string' && cursor.length <= 1_000 ? { cursor } : {}),
    ...(Number.isSafeInteger(limit) && Number(limit) > 0 ? { limit } : {}),
  }
}

function bad(why: string): MayflyError {
  return new MayflyError('bad_input', `an LFS request that is not understood: ${why}`)
}
