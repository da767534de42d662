import { randomFillSync } from 'node:crypto'

/**
 * Unpredictable bytes for ids and nonces, from the system's generator. It is asked for some thousand at a time, since
 * every ask costs near ten times what the bytes do. What was handed out is no longer kept here.
 */
export const freshBytes: (count: number) => Buffer = createPool(4096)

function createPool(size: number): (count: number) => Buffer {
  const pool = Buffer.alloc(size)
  let used = size
  return (count) => {
    if (count > size) return randomFillSync(Buffer.alloc(count))
    if (used + count > size) {
      randomFillSync(pool)
      used = 0
    }
    const bytes = Buffer.from(pool.subarray(used, used + count))
    pool.fill(0, used, used + count)
    used += count
    return bytes
  }
}
