import { createInflate, inflateSync } from 'node:zlib'
import { MayflyError, systemCode } from '../../lib/index.ts'
import type { ByteQueue } from './byte-queue.ts'

/**
 * Inflates the zlib stream at the start of the queue, of at most a mebibyte, at once: the least work for the many small
 * objects of a pack. Returns its content and how many bytes it took; these are read then.
 * Throws `bad_input` if it does not inflate to exactly `size`.
 */
export async function inflatePiece(queue: ByteQueue, size: number): Promise<{ data: Buffer; used: number }> {
  for (;;) {
    const { bytes } = queue
    const inflated = tryInflate(bytes, size)
    if (inflated !== undefined) {
      queue.skip(inflated.used)
      return inflated
    }
    // Deflate makes nothing much longer than it was; a stream of empty blocks would never end.
    if (bytes.length > 2 * size + 4096) throw wrongSize(size)
    // Twice as much each time, so that whoever sends single bytes does not have them inflated again at each.
    if (!(await queue.fill(Math.max(64, bytes.length * 2))) && queue.bytes.length === bytes.length)
      throw new MayflyError('bad_input', 'the pack ends in the middle')
  }
}

/** Undefined if the stream goes on behind these bytes. */
function tryInflate(bytes: Buffer, size: number): { data: Buffer; used: number } | undefined {
  try {
    const { buffer, engine } = inflateSync(bytes, {
      info: true,
      chunkSize: Math.max(64, size + 1),
      maxOutputLength: Math.max(1, size),
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
    if (buffer.length !== size) throw wrongSize(size)
    return { data: buffer, used: engine.bytesWritten }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    if (systemCode(cause) === 'Z_BUF_ERROR') return undefined
    if (systemCode(cause) === 'ERR_BUFFER_TOO_LARGE') throw wrongSize(size, cause)
    throw new MayflyError('bad_input', 'an object of the pack does not inflate', { cause })
  }
}

/**
 * Inflates a large one piece by piece, off this thread, and keeps nothing but its length; `onPiece` sees it, and the next one waits for
 * what it returns. Returns how many bytes it took; these are read then. Throws `bad_input`, and what `onPiece` throws.
 */
export async function inflateAway(
  queue: ByteQueue,
  size: number,
  onPiece?: (piece: Buffer) => Promise<void> | void,
): Promise<number> {
  const inflate = createInflate({ chunkSize: 262_144 })
  let produced = 0
  inflate.on('data', (chunk: Buffer) => {
    produced += chunk.length
    if (produced > size) inflate.destroy(wrongSize(size))
    else waitFor(onPiece?.(chunk))
  })
  function waitFor(taken: Promise<void> | void): void {
    if (taken === undefined) return
    inflate.pause()
    taken.then(
      () => void inflate.resume(),
      (error: unknown) => void inflate.destroy(error as Error),
    )
  }
  const ended = new Promise<void>((resolve, reject) => {
    inflate.once('end', resolve)
    inflate.once('error', (cause) =>
      reject(
        cause instanceof MayflyError
          ? cause
          : new MayflyError('bad_input', 'an object of the pack does not inflate', { cause }),
      ),
    )
  })
  ended.catch(() => undefined)
  try {
    for (;;) {
      if (!(await queue.fill(1))) throw new MayflyError('bad_input', 'the pack ends in the middle')
      const piece = queue.bytes
      const before = inflate.bytesWritten
      await Promise.race([new Promise((taken) => inflate.write(piece, taken)), ended])
      const used = inflate.bytesWritten - before
      queue.skip(used)
      if (used < piece.length) break
    }
    await ended
    if (produced !== size) throw wrongSize(size)
    return inflate.bytesWritten
  } finally {
    inflate.destroy()
  }
}

function wrongSize(size: number, cause?: unknown): MayflyError {
  return new MayflyError('bad_input', `an object of the pack is not of the ${size} bytes that it says`, {
    cause,
  })
}
