import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MayflyError } from '../../lib/index.ts'
import { copyHead, plainAnswer, type Exchange } from '../exchange.ts'
import { nextChunk } from './next-chunk.ts'
import { packetLine, readPacket } from './pkt-line.ts'
import { forward, operationOn, passOn, type Route } from './route.ts'

/**
 * The first request of a fetch or push. In protocol version 2 the server lists what it can do, and what does not pass here
 * is left out of that list: git does without it then, where it would fail if it tried.
 */
export async function advertise(exchange: Exchange, route: Route, isScanned: boolean): Promise<void> {
  const action = route.service === 'git-upload-pack' ? 'git:read' : 'git:push'
  const permit = await exchange.permit(
    operationOn(exchange, route, action),
    { git: { phase: 'advertise', service: route.service } },
    { anyRef: true },
  )
  if (!permit.allow) return plainAnswer(exchange.response, 403, permit.message)
  const rewrite = rewriteOf(exchange, route, isScanned)
  if (rewrite === undefined) return passOn(exchange, await forward(exchange, permit))
  // It is read here.
  const upstream = await forward(exchange, permit, undefined, { 'accept-encoding': 'identity' })
  const isList =
    upstream.statusCode === 200 &&
    upstream.headers['content-type'] === `application/x-${route.service}-advertisement` &&
    upstream.headers['content-encoding'] === undefined
  if (!isList) return passOn(exchange, upstream)
  copyHead(upstream, exchange.response)
  exchange.response.removeHeader('content-length')
  await pipeline(rewrite(exchange.looked(upstream)), exchange.response)
}

function rewriteOf(
  { request }: Exchange,
  { service }: Route,
  isScanned: boolean,
): ((body: Readable) => AsyncGenerator<Buffer>) | undefined {
  if (service === 'git-receive-pack') return isScanned ? askWholePacks : undefined
  const asked = String(request.headers['git-protocol'] ?? '')
  return /(?:^|:)version=2(?:$|:)/.test(asked) ? cutCapabilities : undefined
}

/** A list of version 2 with what may pass; one of an older version, which lists refs, as it is. Throws `bad_input`. */
export function cutCapabilities(body: Readable): AsyncGenerator<Buffer> {
  let isV2 = false
  return rewritten(body, (line) => {
    if (line === undefined || line.startsWith('# service=')) return asItIs
    if (isV2) return { line: keptCapability(line.replace(/\n$/, '')) }
    isV2 = line === 'version 2\n' || line === 'version 2'
    return isV2 ? asItIs : asItIsToTheEnd
  })
}

/**
 * A list of refs that asks for packs in which no object is a delta of one that the server has (`no-thin`, gitprotocol-capabilities):
 * such a one could not be looked at.
 */
export function askWholePacks(body: Readable): AsyncGenerator<Buffer> {
  let isAsked = false
  return rewritten(body, (line) => {
    if (isAsked) return asItIsToTheEnd
    if (line === undefined || !line.includes('\0')) return asItIs
    isAsked = true
    return { line: `${line.replace(/\n$/, '')} no-thin` }
  })
}

/** A packet, and perhaps all behind it, as it is; or another line in its place, if any. */
type Rewritten = { readonly packet: 'kept'; readonly rest?: 'kept' } | { readonly line: string | undefined }

const asItIs: Rewritten = { packet: 'kept' }
const asItIsToTheEnd: Rewritten = { packet: 'kept', rest: 'kept' }

async function* rewritten(
  body: Readable,
  rewrite: (line: string | undefined) => Rewritten,
): AsyncGenerator<Buffer> {
  let bytes: Buffer = Buffer.alloc(0)
  for (;;) {
    const read = readPacket(bytes, 0)
    if (read === undefined) {
      const chunk = await nextChunk(body)
      if (chunk === undefined) {
        if (bytes.length > 0 || !body.readableEnded)
          throw new MayflyError('upstream_unreachable', 'the Git server’s answer is cut off')
        return
      }
      bytes = Buffer.concat([bytes, chunk])
      continue
    }
    const packet = bytes.subarray(0, read.next)
    bytes = bytes.subarray(read.next)
    const line = read.packet.kind === 'data' ? read.packet.payload.toString('latin1') : undefined
    const made = rewrite(line)
    if ('line' in made) {
      if (made.line !== undefined) yield packetLine(Buffer.from(`${made.line}\n`, 'latin1'))
      continue
    }
    yield packet
    if (made.rest === undefined) continue
    yield bytes
    yield* body as AsyncIterable<Buffer>
    return
  }
}

/**
 * What git may use (gitprotocol-v2). Not `bundle-uri`, `packfile-uris` and `promisor-remote`, by which a server sends it to
 * other addresses, with what is needed to read there in the address; and nothing that is not known.
 */
const capabilities: ReadonlySet<string> = new Set([
  'agent',
  'fetch',
  'ls-refs',
  'object-format',
  'object-info',
  'server-option',
  'session-id',
])
const fetchFeatures: ReadonlySet<string> = new Set([
  'filter',
  'ref-in-want',
  'shallow',
  'sideband-all',
  'wait-for-done',
])

function keptCapability(line: string): string | undefined {
  const [name = '', value] = line.split(/=(.*)/s)
  if (!capabilities.has(name)) return undefined
  if (name !== 'fetch' || value === undefined) return line
  return `fetch=${value
    .split(' ')
    .filter((one) => fetchFeatures.has(one))
    .join(' ')}`
}
