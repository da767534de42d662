import type { IncomingMessage } from 'node:http'
import { MayflyError, limits } from '../../lib/index.ts'
import { kinds } from '../../kinds/index.ts'
import { discard, plainAnswer, type Exchange, type Permit, refusedHint } from '../exchange.ts'
import { follow } from '../follow.ts'
import type { Route } from './route.ts'

/** What a proxy says of a module, or its checksum database: bounded, and read before it goes on. */
export async function passText(
  exchange: Exchange,
  permit: Permit,
  route: Route,
  hold: (bytes: Buffer) => Promise<void> = async () => undefined,
): Promise<void> {
  const upstream = await follow(exchange, permit, exchange.path)
  if (upstream.statusCode !== 200) return answerFailure(exchange, upstream)
  const bytes = await exchange.read(upstream, limits.goTextBytes)
  if (bytes === undefined)
    throw new MayflyError('denied', `the proxy broke off, or its answer is over ${limits.goTextBytes} bytes`)
  await hold(bytes)
  const body = readers[route.kind]?.(bytes, route) ?? bytes
  const { response } = exchange
  response.writeHead(200, {
    'content-type': route.kind === 'tile' ? 'application/octet-stream' : 'text/plain; charset=utf-8',
    'content-length': body.length,
  })
  response.end(body)
}

/** Not there is for go to know, since it looks elsewhere then; what else an upstream says stays between it and us. */
export function answerFailure(exchange: Exchange, upstream: IncomingMessage): void {
  const { statusCode = 0 } = upstream
  const { response, connection, path } = exchange
  discard(upstream)
  if (statusCode === 404 || statusCode === 410)
    return plainAnswer(response, statusCode, `mayfly: ${connection.name} does not have ${path}`)
  const why = refusedHint(exchange.connection, statusCode)
  const what = `go GET ${connection.name}${path}`
  plainAnswer(response, 502, exchange.deny(what, `the proxy answered ${statusCode}${why}`))
}

const readers: Partial<Record<Route['kind'], (bytes: Buffer, route: Route) => Buffer>> = {
  list: (bytes) =>
    Buffer.from(
      bytes
        .toString('utf8')
        .split('\n')
        .flatMap((line) => (isVersion(line.trim()) ? [`${line.trim()}\n`] : []))
        .join(''),
    ),
  latest: readInfo,
  query: readInfo,
  info: readInfo,
}

/** `{"Version": "v1.0.0", "Time": "..."}`: of the version that was asked for, if one was. */
function readInfo(bytes: Buffer, route: Route): Buffer {
  const version = versionIn(bytes)
  if (version === undefined || ('version' in route && !isMeant(route.version, version)))
    throw new MayflyError('denied', 'the proxy tells of another version than it was asked for')
  return bytes
}

/** go takes the canonical version for one that is not (golang.org/ref/mod, "Versions"): without build metadata, or `+incompatible`. */
function isMeant(asked: string, told: string): boolean {
  return told === asked || told === `${asked}+incompatible` || told === asked.split('+')[0]
}

function versionIn(bytes: Buffer): string | undefined {
  try {
    const { Version } = JSON.parse(bytes.toString('utf8')) as { Version?: unknown }
    return typeof Version === 'string' && isVersion(Version) ? Version : undefined
  } catch {
    return undefined
  }
}

function isVersion(name: string): boolean {
  return kinds.go.ref.form.is(name)
}
