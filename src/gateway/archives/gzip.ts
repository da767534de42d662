import { crc32, createInflateRaw } from 'node:zlib'
import { MayflyError } from '../../lib/index.ts'
import { give } from './give.ts'
import { wrong } from './wrong.ts'

/** CRC-32 and length (RFC 1952, section 2.3.1). */
const trailerBytes = 8
const maxHeadBytes = 512
const namedFlag = 0x08

/**
 * What one gzip member holds. Throws `bad_input` if there is more than that one, since some readers go on and some stop; and for a
 * wrong checksum, and for members of its header that packers do not write. `limit_exceeded` over `maxBytes`.
 */
export async function* unpackOne(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  const inflater = createInflateRaw()
  const fed = { bytes: 0, trailer: Buffer.alloc(0), isDone: false }
  const feeding = feed(source, inflater, fed).catch((error: unknown) => void inflater.destroy(error as Error))
  let [bytes, checksum] = [0, 0]
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes)
        throw new MayflyError('limit_exceeded', `it has over ${maxBytes} bytes when it is unpacked`)
      checksum = crc32(chunk, checksum)
      yield chunk
    }
  } catch (error) {
    if (error instanceof MayflyError) throw error
    throw new MayflyError('bad_input', 'it is no whole gzip', { cause: error })
  } finally {
    // Whoever stops early gives the file back next: nobody may read it any more then.
    fed.isDone = !inflater.readableEnded
    inflater.destroy()
    await feeding
  }
  if (inflater.bytesWritten !== fed.bytes) throw wrong('bytes stand behind its first gzip member')
  const { trailer } = fed
  if (trailer.readUInt32LE(0) !== checksum || trailer.readUInt32LE(4) !== bytes % 2 ** 32)
    throw wrong('the checksum of its gzip is wrong')
}

/** All but head and trailer goes to the inflater; the whole source is read, whether that still takes it or not. */
async function feed(
  source: AsyncIterable<Buffer>,
  inflater: ReturnType<typeof createInflateRaw>,
  fed: { bytes: number; trailer: Buffer; isDone: boolean },
): Promise<void> {
  let isHead = true
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    if (fed.isDone) return
    held = Buffer.concat([held, chunk])
    if (isHead) {
      const end = headEnd(held)
      if (end === undefined) continue
      isHead = false
      held = held.subarray(end)
    }
    if (held.length <= trailerBytes) continue
    const piece = held.subarray(0, held.length - trailerBytes)
    held = Buffer.from(held.subarray(held.length - trailerBytes))
    fed.bytes += piece.length
    if (inflater.readableEnded || inflater.destroyed) continue
    await give(inflater, piece)
  }
  if (isHead || held.length < trailerBytes) throw wrong('it is no whole gzip')
  fed.trailer = held
  inflater.end()
}

/** Where the header ends; undefined while more of it is to come. */
function headEnd(bytes: Buffer): number | undefined {
  if (bytes.length < 10) return undefined
  const flags = bytes[3] ?? 0
  if (bytes.readUIntBE(0, 3) !== 0x1f8b08) throw wrong('it is no gzip')
  if ((flags & ~namedFlag) !== 0) throw wrong('the header of its gzip has members that packers do not write')
  if (flags === 0) return 10
  const end = bytes.indexOf(0, 10)
  if (end === -1 && bytes.length > maxHeadBytes) throw wrong('the header of its gzip is too long')
  return end === -1 ? undefined : end + 1
}
