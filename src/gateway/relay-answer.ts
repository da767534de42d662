import type { IncomingMessage, ServerResponse } from 'node:http'
import { Transform, type Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MayflyError, drained } from '../lib/index.ts'
import { byteRange, cutRange, type ByteRange } from './byte-range.ts'
import { copyHead, discard } from './exchange.ts'
import { isGrpc, passableTrailers } from './grpc.ts'
import { lookThroughMessages } from './grpc-messages.ts'
import { decoderOf, type Reflection } from './reflection.ts'

/**
 * Passes an upstream's answer to the step, looked through for the credential that was sent; with it the answer comes without
 * its content encoding. `headers` replace what upstream said, undefined takes one away. Throws `denied`, and
 * `upstream_unreachable` if it breaks off.
 */
export async function relayAnswer(
  upstream: IncomingMessage,
  response: ServerResponse,
  reflection: Reflection | undefined,
  options: {
    readonly headers?: Readonly<Record<string, string | undefined>>
    readonly opaque: boolean
    /** The part that the step asked for: cut out here, where the whole was asked for so that it can be looked through. */
    readonly range?: string | undefined
    readonly watch?: (chunk: Buffer) => void
    /** Goes in front of a body that is neither encoded nor a part. */
    readonly before?: Buffer
  },
): Promise<void> {
  const stages = lookInto(upstream, response, reflection, options.opaque)
  copyHead(upstream, response)
  if (stages.length > 1) {
    response.removeHeader('content-encoding')
    response.removeHeader('content-length')
  }
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value === undefined) response.removeHeader(name)
    else response.setHeader(name, value)
  }
  const { before } = options
  const isWhole = options.opaque || stages.length !== 1 || before !== undefined
  const part = isWhole ? undefined : partOf(upstream, options.range)
  if (part !== undefined) {
    stages.push(cutRange(part))
    response.statusCode = 206
    response.setHeader('content-range', `bytes ${part.first}-${part.last}/${part.size}`)
    response.setHeader('content-length', part.last - part.first + 1)
  }
  if (before !== undefined) {
    response.removeHeader('content-length')
    stages.push(putBefore(before))
  }
  const isCall = isGrpc(response.req)
  // Whoever speaks both ways at once may wait for the head; where the status stands in it, it is the whole answer.
  if (isCall && upstream.headers['grpc-status'] === undefined) response.flushHeaders()
  const trailers = () => {
    if (!isCall) return
    const passing = passableTrailers(upstream)
    reflection?.head(passing)
    response.addTrailers(passing)
  }
  // In the same turn as the pipeline: what it reads alone would be lost to the step.
  if (options.watch !== undefined) upstream.on('data', options.watch)
  try {
    if (stages.length === 0 && !isCall) await pipeline(upstream, response)
    else
      await pipeline([
        upstream,
        ...stages,
        (source: AsyncIterable<Buffer>) => writeTo(response, source, trailers),
      ])
  } catch (error) {
    // With nothing sent yet the step is told why; what is under way is cut.
    if (response.headersSent) response.destroy()
    throw error instanceof MayflyError
      ? error
      : new MayflyError('upstream_unreachable', 'the answer breaks off, or is not what its encoding says', {
          cause: error,
        })
  }
}

function partOf({ statusCode, headers }: IncomingMessage, range: string | undefined): ByteRange | undefined {
  const { 'content-length': length, 'content-encoding': encoding } = headers
  const isCuttable = statusCode === 200 && length !== undefined && encoding === undefined
  return isCuttable ? byteRange(range, Number(length)) : undefined
}

/** With the first bytes, not before them: an answer in which the credential is found at once can still be another one. */
function putBefore(before: Buffer): Transform {
  let isDone = false
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, isDone ? chunk : Buffer.concat([before, chunk]))
      isDone = true
    },
    flush(done) {
      if (!isDone) this.push(before)
      done()
    },
  })
}

/** As a pipeline's last stage, but it leaves the response open to another answer if nothing was written. */
async function writeTo(
  response: ServerResponse,
  source: AsyncIterable<Buffer>,
  atEnd: () => void,
): Promise<void> {
  for await (const chunk of source) {
    if (response.destroyed) return
    if (!response.write(chunk)) await drained(response)
  }
  atEnd()
  response.end()
}

/**
 * An answer's body as a whole, for a handler that reads it; undefined if it is longer, of which no more is ever held. Throws
 * `denied` and `upstream_unreachable`.
 */
export async function readAnswer(
  upstream: IncomingMessage,
  reflection: Reflection | undefined,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  const stages = [...decoding(upstream, 'whole'), ...(reflection === undefined ? [] : [reflection.body()])]
  try {
    reflection?.head(upstream.headers)
    await pipeline([
      upstream,
      ...stages,
      async function collect(source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          bytes += chunk.length
          if (bytes > maxBytes) throw new MayflyError('limit_exceeded', 'the answer is too long')
          chunks.push(chunk)
        }
      },
    ])
  } catch (error) {
    upstream.destroy()
    if (error instanceof MayflyError && error.code === 'limit_exceeded') return undefined
    throw error instanceof MayflyError
      ? error
      : new MayflyError('upstream_unreachable', 'the answer breaks off, or is not what its encoding says', {
          cause: error,
        })
  }
  return Buffer.concat(chunks)
}

function lookInto(
  upstream: IncomingMessage,
  response: ServerResponse,
  reflection: Reflection | undefined,
  opaque: boolean,
): Duplex[] {
  if (reflection === undefined) return []
  try {
    reflection.head(upstream.headers)
    const { statusCode } = upstream
    if (response.req.method === 'HEAD' || statusCode === 204 || statusCode === 304) return []
    const look = isGrpc(response.req) ? lookThroughMessages(reflection) : reflection.body()
    return [...decoding(upstream, opaque ? 'opaque' : 'whole'), look]
  } catch (error) {
    discard(upstream)
    throw error
  }
}

function decoding(upstream: IncomingMessage, mode: 'whole' | 'opaque'): Duplex[] {
  const encoding = upstream.headers['content-encoding']
  const decoder = decoderOf(encoding)
  // A part of an encoded body cannot be decoded by itself (RFC 9110, section 14.4).
  const isPart = upstream.statusCode === 206 && decoder !== 'none'
  if (decoder === 'none' || (mode === 'opaque' && (decoder === undefined || isPart))) return []
  if (decoder === undefined || isPart)
    throw new MayflyError(
      'denied',
      `the answer is encoded (${String(encoding).slice(0, 40)}) so that nobody can look whether the credential is in it: ask for another encoding, or write "opaque: true" for the connection`,
    )
  return [decoder()]
}
