import { createHash, type Hash } from 'node:crypto'

/**
 * Bytes of a stream between where they come from and where they go. A reader looks at them and says how far it has
 * understood them; no byte goes on before that.
 */
export interface ByteQueue {
  /** What has come and was not read yet. */
  readonly bytes: Buffer
  /** Waits for at least so many unread bytes; false if the stream ends before. Passes on what was read. */
  fill(count: number): Promise<boolean>
  /** Marks the next bytes as read. */
  skip(count: number): void
  /** Passes on what was read, and nothing else; returns the digest of all that was passed on so far. */
  digest(): Promise<Buffer>
  /** Passes on what was read; returns what was not. */
  unpassed(): Promise<Buffer>
}

export function createByteQueue(options: {
  first: Buffer
  next: () => Promise<Buffer | undefined>
  pass: (bytes: Buffer) => Promise<void>
  algorithm: string
}): ByteQueue {
  let window = options.first
  let read = 0
  const hash: Hash = createHash(options.algorithm)

  async function passRead(): Promise<void> {
    if (read === 0) return
    const done = window.subarray(0, read)
    window = window.subarray(read)
    read = 0
    hash.update(done)
    await options.pass(done)
  }

  return {
    get bytes() {
      return window.subarray(read)
    },
    async fill(count) {
      if (window.length - read >= count) return true
      await passRead()
      // Joined once, however small the pieces are that they come in.
      const pieces = [window]
      let total = window.length
      while (total < count) {
        const chunk = await options.next()
        if (chunk === undefined) break
        pieces.push(chunk)
        total += chunk.length
      }
      const [only = window, ...more] = pieces.filter(({ length }) => length > 0)
      window = more.length === 0 ? only : Buffer.concat(pieces)
      return window.length >= count
    },
    skip(count) {
      read += count
    },
    async digest() {
      await passRead()
      return hash.copy().digest()
    },
    async unpassed() {
      await passRead()
      return window
    },
  }
}
