import { createHash } from 'node:crypto'
import { limits } from '../../lib/index.ts'
import { collect } from '../collect.ts'
import { discard, pickHeaders, plainAnswer, type Exchange, type Permit } from '../exchange.ts'
import type { Turns } from '../turns.ts'
import { integrityOfHex } from '../../lockfiles/index.ts'
import { purlOf, type FileRoute, type Route } from './route.ts'

/**
 * `mvn deploy`: each file is read whole, so that it is hashed before anything goes out. A file that is there is not overwritten, but for
 * the metadata, which says which versions there are.
 */
export async function publish(exchange: Exchange, route: Route, turns: Turns): Promise<void> {
  const { request, response, connection, path } = exchange
  const operation = { action: 'maven:publish', connection: connection.name, path: route.coordinates }
  const ref = route.kind === 'file' ? { ref: route.version } : {}
  const mayBegin = exchange.would({ ...operation, ...ref }, route.kind === 'file' ? {} : { anyRef: true })
  // What may not be published is not read.
  const body = mayBegin ? await collect(request, limits.mavenPublishBytes) : Buffer.alloc(0)
  if (body === undefined)
    return deny(exchange, `a file has at most ${limits.mavenPublishBytes} bytes, or it broke off`, 413)
  const sha256 = createHash('sha256').update(body).digest('hex')
  const detail = { maven: { file: path.slice(path.lastIndexOf('/') + 1), sha256, bytes: body.length } }
  const permit = await exchange.permit(
    { ...operation, ...ref },
    detail,
    route.kind === 'file' ? {} : { anyRef: true },
  )
  if (!permit.allow) return plainAnswer(response, 403, permit.message)
  if (route.kind === 'metadata') return void (await send(exchange, permit, body))
  await turns(connection, path, async (isThere) => {
    const problem = isThere ? takenReason(route) : await problemOf(exchange, permit, route)
    if (problem === undefined) return send(exchange, permit, body, publishedIn(route, sha256))
    deny(exchange, problem, 409)
    return isThere
  })
}

/** Whether the repository has it now; the step is answered either way. */
async function send(
  exchange: Exchange,
  permit: Permit,
  body: Buffer,
  published?: { readonly purl: string; readonly integrity: string },
): Promise<boolean> {
  const { request, response, path } = exchange
  const { 'content-type': type = 'application/octet-stream', 'user-agent': agent = 'mayfly' } = pickHeaders(
    request,
    ['content-type', 'user-agent'],
  )
  const headers = { 'content-type': type, 'user-agent': agent, 'content-length': String(body.length) }
  const upstream = await exchange.send(permit, { method: 'PUT', path, headers, body })
  const { statusCode = 0 } = upstream
  discard(upstream)
  const isTaken = statusCode >= 200 && statusCode <= 299
  if (isTaken && published !== undefined)
    exchange.accepted({
      type: 'packages.published',
      item: { ...published, bytes: body.length, status: statusCode },
    })
  if (isTaken) response.writeHead(statusCode, { 'content-length': 0 }).end()
  else deny(exchange, `the repository answered ${statusCode}`, 502)
  return isTaken
}

/** A checksum or a signature is no package of its own. */
function publishedIn(route: FileRoute, sha256: string): { purl: string; integrity: string } | undefined {
  return route.beside ? undefined : { purl: purlOf(route), integrity: integrityOfHex('sha256', sha256) }
}

async function problemOf(exchange: Exchange, permit: Permit, route: FileRoute): Promise<string | undefined> {
  const upstream = await exchange.send(permit, { method: 'HEAD', path: exchange.path, headers: {} })
  const { statusCode = 0 } = upstream
  discard(upstream)
  if (statusCode === 404 || statusCode === 410) return undefined
  return statusCode === 200
    ? takenReason(route)
    : `the repository answered ${statusCode} when asked whether ${route.file} is there`
}

function takenReason({ file, version }: FileRoute): string {
  return `${file} of ${version} is there already, and is not overwritten`
}

function deny(exchange: Exchange, reason: string, status = 403): void {
  const { request, response, connection, path } = exchange
  // What of the body was not read is not read as the next request.
  response.setHeader('connection', 'close')
  plainAnswer(response, status, exchange.deny(`maven ${request.method} ${connection.name}${path}`, reason))
}
