import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { MayflyError, limits } from '../../lib/index.ts'
import { openUnnamed } from '../unnamed-file.ts'

/** A body that was put aside, so that its end is known before its beginning goes out. */
export interface Aside {
  readonly bytes: number
  read(at: number, bytes: number): Promise<Buffer>
  /** All of it. */
  stream(): Readable
  /** Gives back what it takes on disk. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Room for uploads that have to be looked into first: bounded for one, and for all steps together. */
export interface Shelf {
  /** Throws `limit_exceeded`, and what `source` throws, and leaves nothing behind then. */
  put(source: AsyncIterable<Buffer>): Promise<Aside>
}

export function createShelf(maxBytes: number = limits.uploadAsideBytes): Shelf {
  let all = 0
  return {
    async put(source) {
      const file = await openUnnamed()
      let bytes = 0
      const close = async () => {
        all -= bytes
        bytes = 0
        await file.close()
      }
      try {
        for await (const chunk of source) {
          if (bytes + chunk.length > maxBytes)
            throw new MayflyError(
              'limit_exceeded',
              `what is looked into before it is published has at most ${maxBytes} bytes`,
            )
          if (all + chunk.length > atOnce * maxBytes)
            throw new MayflyError('limit_exceeded', 'too many files are being published at once: try again')
          all += chunk.length
          bytes += chunk.length
          await file.appendFile(chunk)
        }
      } catch (error) {
        await close()
        throw error
      }
      return {
        bytes,
        read: (at, length) => readAt(file, at, length),
        stream: () => file.createReadStream({ start: 0, autoClose: false }),
        [Symbol.asyncDispose]: close,
      }
    },
  }
}

const atOnce = 4

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let got = 0
  while (got < length) {
    const { bytesRead } = await file.read(bytes, got, length - got, at + got)
    if (bytesRead === 0) throw new MayflyError('bad_input', 'it breaks off')
    got += bytesRead
  }
  return bytes
}
