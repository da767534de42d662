import { createInflateRaw, createZstdDecompress, inflateRawSync } from 'node:zlib'
import type { Budget } from './budget.ts'
import type { Flow } from './flow.ts'
import { Stopped } from './walk.ts'

/** What is handed to zlib at once. */
const pieceBytes = 65_536
/** Packed in as few bytes it is unpacked at once. */
const atOnceBytes = 262_144

export const tooMuch = 'it unpacks to more than is looked at of one file: a part of it was not'

/**
 * What stands packed at the front of a flow, which is then behind it: deflate (RFC 1951) and Zstandard (RFC 8878) say themselves where
 * they end. Throws `Stopped` where more would be unpacked than may be, and what zlib throws.
 */
export async function* inflated(
  flow: Flow,
  form: 'deflate' | 'zstd',
  budget: Budget,
): AsyncGenerator<Buffer> {
  const stream = form === 'zstd' ? createZstdDecompress() : createInflateRaw({ chunkSize: pieceBytes })
  const isOver = { now: false }
  const feeding = feed(flow, stream, isOver).catch((error: unknown) => void stream.destroy(error as Error))
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (!budget.unpacked(chunk.length)) throw new Stopped('limit', tooMuch)
      yield chunk
    }
  } finally {
    isOver.now = true
    stream.destroy()
    await feeding
  }
}

type Inflater = ReturnType<typeof createInflateRaw> | ReturnType<typeof createZstdDecompress>

/** Takes of the flow only what the stream took: what is behind its end stays. */
async function feed(flow: Flow, stream: Inflater, isOver: { readonly now: boolean }): Promise<void> {
  for (let taken = 0; await flow.fill(1); taken = stream.bytesWritten) {
    const piece = flow.held.subarray(0, pieceBytes)
    await new Promise<void>((resolve) => {
      stream.once('close', resolve)
      stream.write(piece, () => {
        stream.off('close', resolve)
        resolve()
      })
    })
    flow.take(stream.bytesWritten - taken)
    if (stream.bytesWritten - taken < piece.length || isOver.now || stream.destroyed) return
  }
  stream.end()
}

/** The same for what is short and in memory; undefined if it is not, or not as it seems. */
export function inflatedAtOnce(flow: Flow, packed: number, budget: Budget): Buffer | undefined {
  if (packed > atOnceBytes || flow.held.length < packed) return undefined
  try {
    const { buffer, engine } = inflateRawSync(flow.held.subarray(0, packed), {
      info: true,
      maxOutputLength: 4 * 1_048_576,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
    if (!budget.unpacked(buffer.length)) return undefined
    flow.take(engine.bytesWritten)
    return buffer
  } catch {
    return undefined
  }
}
