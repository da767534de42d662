import { Readable } from 'node:stream'
import { createHash } from 'node:crypto'
import { MayflyError, limits } from '../../lib/index.ts'
import { algorithm, emptyHash, hashOf, hmac, scopeText, signingKey, type Scope } from './sigv4.ts'

/** Who signs a body's chunks: each signature is made over the one before, the first over that of the head. */
export interface ChunkSigner {
  readonly secretAccessKey: string
  readonly scope: Scope
  readonly time: string
  /** The signature of the head. */
  readonly seed: string
}

/** Bodies whose chunks are signed (Amazon S3, "Signature calculations: transferring a payload in multiple chunks"). */
export function isSignedInChunks(payload: string): boolean {
  return /^STREAMING-AWS4-HMAC-SHA256-PAYLOAD(?:-TRAILER)?$/.test(payload)
}

/**
 * A body in signed chunks, signed anew: the chunks stay as they are, so its length does, too. Fails with `bad_input` where the
 * step's own signature is wrong, or a chunk is longer than what is held in memory: nothing of that chunk has passed then.
 */
export function resignedChunks(body: Readable, step: ChunkSigner, ours: ChunkSigner): Readable {
  return Readable.from(resign(body, chain(step), chain(ours)), { objectMode: false })
}

type Chain = (kind: 'PAYLOAD' | 'TRAILER', hash: string) => string

function chain({ secretAccessKey, scope, time, seed }: ChunkSigner): Chain {
  const key = signingKey(secretAccessKey, scope)
  let last = seed
  return (kind, hash) => {
    const middle = kind === 'PAYLOAD' ? [emptyHash] : []
    const text = [`${algorithm}-${kind}`, time, scopeText(scope), last, ...middle, hash].join('\n')
    last = hmac(key, text).toString('hex')
    return last
  }
}

async function* resign(body: Readable, step: Chain, ours: Chain): AsyncGenerator<Buffer> {
  const reader = createReader(body)
  for (;;) {
    const line = await reader.line()
    const [, size = '', claimed = ''] =
      /^([0-9a-f]{1,8});chunk-signature=([0-9a-f]{64})$/i.exec(line) ?? bad('a chunk has no signature')
    const bytes = Number.parseInt(size, 16)
    if (bytes > limits.awsChunkBytes) bad(`a chunk of its body is over ${limits.awsChunkBytes} bytes`)
    const data = await reader.bytes(bytes)
    const hash = createHash('sha256').update(data).digest('hex')
    if (step('PAYLOAD', hash) !== claimed) bad('the signature of a chunk is wrong')
    yield Buffer.from(`${size};chunk-signature=${ours('PAYLOAD', hash)}\r\n`)
    if (bytes === 0) break
    yield data
    if ((await reader.line()) !== '') bad('a chunk is longer than it says')
    yield Buffer.from('\r\n')
  }
  yield* trailers(reader, step, ours)
}

async function* trailers(
  reader: ReturnType<typeof createReader>,
  step: Chain,
  ours: Chain,
): AsyncGenerator<Buffer> {
  let signed = ''
  for (let lines = 0; lines < maxTrailers; lines++) {
    const line = await reader.line()
    if (line === '') {
      if (signed !== '') bad('its trailers are not signed')
      yield Buffer.from('\r\n')
      if (!(await reader.isAtEnd())) bad('something follows its last chunk')
      return
    }
    const [, name = '', value = ''] =
      /^([a-z0-9-]{1,100}):(.{0,1000})$/i.exec(line) ?? bad('a trailer cannot be read')
    if (name === 'x-amz-trailer-signature') {
      if (step('TRAILER', hashOf(signed)) !== value) bad('the signature of its trailers is wrong')
      yield Buffer.from(`${name}:${ours('TRAILER', hashOf(signed))}\r\n`)
      signed = ''
    } else {
      signed += `${name.toLowerCase()}:${value.trim()}\n`
      yield Buffer.from(`${line}\r\n`)
    }
  }
  bad('it has trailers without end')
}

const maxTrailers = 20
const maxLineBytes = 2_000

function bad(why: string): never {
  throw new MayflyError('bad_input', why)
}

/** Reads lines and lengths off a stream, and holds no more than it is asked for, and one piece. */
function createReader(body: Readable) {
  const source = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
  let held: Buffer = Buffer.alloc(0)
  const more = async (): Promise<boolean> => {
    const { done, value } = await source.next()
    if (done === true) return false
    held = held.length === 0 ? value : Buffer.concat([held, value])
    return true
  }
  return {
    async line(): Promise<string> {
      for (;;) {
        const at = held.indexOf('\r\n')
        if (at !== -1 && at <= maxLineBytes) {
          const line = held.toString('latin1', 0, at)
          held = held.subarray(at + 2)
          return line
        }
        if (at !== -1 || held.length > maxLineBytes || !(await more())) bad('its body is not in chunks')
      }
    },
    async bytes(count: number): Promise<Buffer> {
      const pieces: Buffer[] = []
      let left = count
      while (left > 0) {
        if (held.length === 0 && !(await more())) bad('its body breaks off')
        const piece = held.subarray(0, left)
        pieces.push(piece)
        held = held.subarray(piece.length)
        left -= piece.length
      }
      return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
    },
    async isAtEnd(): Promise<boolean> {
      return held.length === 0 && !(await more())
    },
  }
}
