import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { discard, type Permit } from '../exchange.ts'
import { answerError, passFailure, refuse } from './answer.ts'
import type { Job } from './job.ts'
import type { UploadState } from './memory.ts'
import { pushScope } from './permission.ts'
import { nextPlace } from './places.ts'

/**
 * Passes the body of a request on to an upload and hashes it. False if it did not arrive whole, which is answered: how much of it
 * the registry has is unknown then, so the upload is over and the client begins a new one.
 */
export async function receive(
  { exchange, registry, memory }: Job,
  permit: Permit,
  id: string,
  state: UploadState,
): Promise<boolean> {
  const { request } = exchange
  const range = chunkRange(request)
  if (range === 'none' || (range !== undefined && range.first !== state.bytes)) {
    exchange.response.setHeader('range', `0-${Math.max(0, state.bytes - 1)}`)
    const message = `mayfly: the upload goes on at byte ${state.bytes}`
    answerError(exchange, 416, 'BLOB_UPLOAD_INVALID', message)
    return false
  }
  const hashed = createHashing(state)
  const leave = () => hashed.stream.destroy(new Error('the client left'))
  request.once('close', () => request.complete || leave())
  request.pipe(hashed.stream)
  const { 'content-length': length } = request.headers
  try {
    const upstream = await registry.ask(permit, [pushScope(state.repository)], {
      method: 'PATCH',
      target: state.location,
      headers: {
        'content-type': 'application/octet-stream',
        ...(length === undefined ? {} : { 'content-length': length }),
        ...(range === undefined ? {} : { 'content-range': `${range.first}-${range.last}` }),
      },
      body: hashed.stream,
    })
    if (upstream.statusCode !== 202 || !hashed.isWhole()) {
      memory.uploads.delete(id)
      state.look?.stream.leave()
      request.unpipe(hashed.stream)
      if (upstream.statusCode !== 202) await passFailure(exchange, upstream)
      else {
        discard(upstream)
        refuse(exchange, 'the registry answered before the upload was whole')
      }
      return false
    }
    discard(upstream)
    if (upstream.headers.location !== undefined) state.location = nextPlace(upstream, state.location)
    return true
  } catch (error) {
    memory.uploads.delete(id)
    state.look?.stream.leave()
    throw error
  } finally {
    request.unpipe(hashed.stream)
    hashed.stream.destroy()
  }
}

function createHashing(state: UploadState): { stream: Transform; isWhole: () => boolean } {
  let whole = false
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      state.hash.update(chunk)
      state.bytes += chunk.length
      if (state.look === undefined) return done(null, chunk)
      // It goes on as fast as it is looked at.
      state.look.stream.write(chunk).then(() => done(null, chunk), done)
    },
    flush(done) {
      whole = true
      done()
    },
  })
  return { stream, isWhole: () => whole }
}

/** Which bytes a chunk says that it is (distribution-spec: `Content-Range: 0-9`, without a unit); `none` if it is not so many. */
function chunkRange({ headers }: IncomingMessage): { first: number; last: number } | undefined | 'none' {
  const { 'content-range': text, 'content-length': length } = headers
  if (text === undefined) return undefined
  const parts = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/[0-9*]+)?$/.exec(text)
  const [first, last] = [Number(parts?.[1]), Number(parts?.[2])]
  return parts !== null && last - first + 1 === Number(length) ? { first, last } : 'none'
}
