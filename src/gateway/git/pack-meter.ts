import { MayflyError, limits } from '../../lib/index.ts'
import type { Exchange } from '../exchange.ts'
import { nextChunk } from './next-chunk.ts'
import type { PushRequest } from './push-request.ts'

/** The pack of a push as it comes, up to what its connection takes. */
export interface PackMeter {
  /** As `nextChunk`. Throws `limit_exceeded`, and does so from then on. */
  next(): Promise<Buffer | undefined>
  /** Why the pack is refused, once it is too large. */
  why(): string | undefined
}

export function createPackMeter({ request, connection }: Exchange, { packBytes }: PushRequest): PackMeter {
  const maxBytes = connection.pushBytes ?? limits.pushPackBytes
  let bytes = packBytes
  const why = () =>
    bytes > maxBytes
      ? `the pack is over ${maxBytes} bytes, which is what connection "${connection.name}" takes (push_size)`
      : undefined
  return {
    why,
    async next() {
      const chunk = await nextChunk(request)
      bytes += chunk?.length ?? 0
      const reason = why()
      if (reason !== undefined) throw new MayflyError('limit_exceeded', reason)
      return chunk
    },
  }
}
