import { createHash } from 'node:crypto'
import { limits } from '../../lib/index.ts'
import { collect } from '../collect.ts'
import { discard, pickHeaders, plainAnswer, type Exchange, type Permit, type Proven } from '../exchange.ts'
import { follow } from '../follow.ts'
import { lookAtFiles } from '../look-at.ts'
import type { Turns } from '../turns.ts'
import { wrongBeside } from './beside.ts'
import type { Reading } from './reading.ts'
import { integrityOfHex } from '../../lockfiles/index.ts'
import { purlOf, type FileRoute, type Route } from './route.ts'

/**
 * `mvn deploy`: each file is read whole, so that it is hashed before anything goes out. A file that is there is not overwritten, but for
 * the metadata, which says which versions there are. That the same bytes are there already is no failure: a deployment that is tried
 * again, or a repository that makes the checksums beside a file itself.
 */
export async function publish(
  exchange: Exchange,
  route: Route,
  { turns, reading }: { readonly turns: Turns; readonly reading: Reading },
): Promise<void> {
  const { request, response, connection, path } = exchange
  const operation = { action: 'maven:publish', connection: connection.name, path: route.coordinates }
  const ref = route.kind === 'file' ? { ref: route.version } : {}
  const mayBegin = exchange.would({ ...operation, ...ref }, route.kind === 'file' ? {} : { anyRef: true })
  // What may not be published is not read.
  const room = mayBegin ? reading.room(request) : { release: () => undefined }
  if (typeof room === 'string') return deny(exchange, room, 503)
  response.once('close', room.release)
  const body = mayBegin ? await collect(request, limits.mavenPublishBytes) : Buffer.alloc(0)
  if (body === undefined)
    return deny(exchange, `a file has at most ${limits.mavenPublishBytes} bytes, or it broke off`, 413)
  const sha256 = createHash('sha256').update(body).digest('hex')
  const detail = { maven: { file: path.slice(path.lastIndexOf('/') + 1), sha256, bytes: body.length } }
  const asked = await exchange.permit({ ...operation, ...ref }, detail, {
    ...(route.kind === 'file' ? {} : { anyRef: true }),
    proven: () => broughtBy(route, path, body, sha256),
  })
  if (!asked.allow) return plainAnswer(response, 403, asked.message)
  const permit = await lookAtFiles(
    exchange,
    asked,
    { place: 'packages', what: `${route.coordinates} ${detail.maven.file}` },
    { [detail.maven.file]: body },
  )
  if (typeof permit === 'string') return deny(exchange, permit)
  // It is of no version, so what a grant asks of one is not asked of it; and it may be written over.
  const wrong = route.kind === 'metadata' ? wrongBeside(path, body) : undefined
  if (wrong !== undefined) return deny(exchange, wrong)
  if (route.kind === 'metadata') return void (await send(exchange, permit, body))
  await turns(connection, path, async (isThere) => {
    const found = isThere ? 'there' : await look(exchange, permit)
    if (found === 'absent') return send(exchange, permit, body, publishedIn(route, sha256))
    if (found === 'there' && (await hasThese(exchange, permit, route, body))) {
      response.writeHead(200, { 'content-length': 0 }).end()
      return true
    }
    const name = path.slice(path.lastIndexOf('/') + 1)
    const problem =
      found === 'there'
        ? `${name} of ${route.version} is there already, with other content, and is not overwritten`
        : `the repository answered ${found} when asked whether ${name} is there`
    deny(exchange, problem, 409)
    return isThere
  })
}

/**
 * What is demanded of files is demanded of each: of the jar and of the pom, which says what it depends on. A checksum or a signature
 * brings no file of its own, and has to be just that.
 */
function broughtBy(route: Route, path: string, body: Buffer, sha256: string): Proven {
  const isFile = route.kind === 'file' && !route.beside
  return isFile
    ? { artifact: [`sha256:${sha256}`] }
    : { artifact: [], beside: async () => wrongBeside(path, body) }
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

/** Whether the repository has the file; else the status that says neither. */
async function look(exchange: Exchange, permit: Permit): Promise<'absent' | 'there' | number> {
  const upstream = await exchange.send(permit, { method: 'HEAD', path: exchange.path, headers: {} })
  const { statusCode = 0 } = upstream
  discard(upstream)
  if (statusCode === 404 || statusCode === 410) return 'absent'
  return statusCode === 200 ? 'there' : statusCode
}

/** Whether the repository has just these bytes at the place; of a checksum the digest counts, which some write a name or a line end behind. */
async function hasThese(
  exchange: Exchange,
  permit: Permit,
  route: FileRoute,
  body: Buffer,
): Promise<boolean> {
  const upstream = await follow(exchange, permit, exchange.path)
  if (upstream.statusCode !== 200) {
    discard(upstream)
    return false
  }
  const isChecksum = route.beside && /\.(?:md5|sha1|sha256|sha512)$/.test(exchange.path)
  const there = await exchange.read(upstream, Math.max(body.length, isChecksum ? maxChecksumBytes : 0))
  if (there === undefined) return false
  if (!isChecksum) return there.equals(body)
  const digest = digestIn(body)
  return digest !== '' && digest === digestIn(there)
}

const maxChecksumBytes = 4_096

/** In lower-case hex; empty if it is none. */
function digestIn(checksum: Buffer): string {
  return /^\s*([0-9a-f]{32,128})(?:\s|$)/i.exec(checksum.toString('latin1'))?.[1]?.toLowerCase() ?? ''
}

function deny(exchange: Exchange, reason: string, status = 403): void {
  const { request, response, connection, path } = exchange
  // What of the body was not read is not read as the next request.
  response.setHeader('connection', 'close')
  plainAnswer(response, status, exchange.deny(`maven ${request.method} ${connection.name}${path}`, reason))
}
