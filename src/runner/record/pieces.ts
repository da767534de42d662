import { limits } from '../../lib/index.ts'

/** Bytes that wait to be confirmed, from a known offset on. */
export interface Pieces {
  push(bytes: Buffer): void
  /** The first of them, as many as one request takes, and where they begin. */
  next(): { readonly offset: number; readonly bytes: Buffer }
  /** All before `offset` is there now. False if that is less than was confirmed before, or more than there is. */
  confirm(offset: number): boolean
  bytes(): number
}

export function createPieces(): Pieces {
  let waiting: Buffer[] = []
  let offset = 0
  let length = 0

  return {
    push(bytes) {
      waiting.push(bytes)
      length += bytes.length
    },
    next() {
      const taken: Buffer[] = []
      let size = 0
      for (const one of waiting) {
        const part = one.subarray(0, limits.logPieceBytes - size)
        taken.push(part)
        size += part.length
        if (size === limits.logPieceBytes) break
      }
      return { offset, bytes: Buffer.concat(taken) }
    },
    confirm(upTo) {
      let passed = upTo - offset
      if (passed < 0 || passed > length) return false
      offset = upTo
      length -= passed
      const first = waiting.findIndex((one) => {
        if (one.length > passed) return true
        passed -= one.length
        return false
      })
      const rest = first === -1 ? [] : waiting.slice(first)
      const [head, ...others] = rest
      waiting = head === undefined ? [] : [head.subarray(passed), ...others]
      return true
    },
    bytes: () => length,
  }
}
