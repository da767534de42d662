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
export async function advertise(exchange: Exchange, route: Route): Promise<void> {
  const action = route.service === 'git-upload-pack' ? 'git:read' : 'git:push'
  const permit = await exchange.permit(
    operationOn(exchange, route, action),
    { git: { phase: 'advertise', service: route.service } },
    { anyRef: true },
  )
  if (!permit.allow) return plainAnswer(exchange.response, 403, permit.message)
  const asked = String(exchange.request.headers['git-protocol'] ?? '')
  if (route.service !== 'git-upload-pack' || !/(?:^|:)version=2(?:$|:)/.test(asked))
    return passOn(exchange, await forward(exchange, permit))
  // It is read here.
  const upstream = await forward(exchange, permit, undefined, { 'accept-encoding': 'identity' })
  const isList =
    upstream.statusCode === 200 &&
    upstream.headers['content-type'] === 'application/x-git-upload-pack-advertisement' &&
    upstream.headers['content-encoding'] === undefined
  if (!isList) return passOn(exchange, upstream)
  copyHead(upstream, exchange.response)
  exchange.response.removeHeader('content-length')
  await pipeline(cutCapabilities(upstream), exchange.response)
}

/** A list of version 2 with what may pass; one of an older version, which lists refs, as it is. Throws `bad_input`. */
export async function* cutCapabilities(body: Readable): AsyncGenerator<Buffer> {
  let bytes: Buffer = Buffer.alloc(0)
  let isV2 = false
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
    if (line === undefined || line.startsWith('# service=')) {
      yield packet
    } else if (isV2) {
      const kept = keptCapability(line.replace(/\n$/, ''))
      if (kept !== undefined) yield packetLine(Buffer.from(`${kept}\n`, 'latin1'))
    } else {
      yield packet
      isV2 = line === 'version 2\n' || line === 'version 2'
      if (isV2) continue
      yield bytes
      yield* body as AsyncIterable<Buffer>
      return
    }
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
