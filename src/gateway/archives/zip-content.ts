import { createInflateRaw } from 'node:zlib'
import { MayflyError } from '../../lib/index.ts'
import { give } from './give.ts'

/**
 * How many bytes of `source` belong to what was packed (RFC 1951), and to how many they unpack. Stops where these are over `maxBytes`.
 * Throws `bad_input` if it breaks off.
 */
export async function inflatedLength(
  source: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<{ readonly packed: number; readonly bytes: number }> {
  const inflater = createInflateRaw()
  const isOver = { now: false }
  const feeding = feed(source, inflater, isOver).catch(
    (error: unknown) => void inflater.destroy(error as Error),
  )
  let bytes = 0
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) if ((bytes += chunk.length) > maxBytes) break
  } catch (cause) {
    throw new MayflyError('bad_input', 'a file in its zip cannot be unpacked', { cause })
  } finally {
    isOver.now = true
    inflater.destroy()
    await feeding
  }
  return { packed: inflater.bytesWritten, bytes }
}

async function feed(
  source: AsyncIterable<Buffer>,
  inflater: ReturnType<typeof createInflateRaw>,
  isOver: { readonly now: boolean },
): Promise<void> {
  for await (const piece of source) {
    if (isOver.now || inflater.readableEnded || inflater.destroyed) return
    await give(inflater, piece)
  }
  inflater.end()
}
