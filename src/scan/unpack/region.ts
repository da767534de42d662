import { createPieces, type Pieces } from './pieces.ts'
import type { Walk } from './walk.ts'

const headBytes = 8_000

/**
 * Bytes that belong to no member of an archive: in front of it, between its members, behind them. A reader of the archive does not see
 * them, others do. Zeros alone, which fill up, are none.
 */
export function createRegion(walk: Walk): Pieces {
  let head: Buffer | undefined
  let pieces: Pieces | undefined

  return {
    async add(bytes) {
      if (pieces === undefined && head === undefined && bytes.every((byte) => byte === 0)) return
      if (pieces !== undefined) return pieces.add(bytes)
      head = head === undefined ? Buffer.from(bytes) : Buffer.concat([head, bytes])
      if (head.length < headBytes) return
      pieces = createPieces(walk, head.subarray(0, headBytes).includes(0))
      await pieces.add(head)
    },
    async end() {
      if (pieces === undefined && head !== undefined) {
        pieces = createPieces(walk, head.includes(0))
        await pieces.add(head)
      }
      await pieces?.end()
      ;[head, pieces] = [undefined, undefined]
    },
  }
}
