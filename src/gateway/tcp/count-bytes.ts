import type { Duplex } from 'node:stream'

/**
 * Counts what passes between them, to be called before they are joined: it hears of bytes before they are sent on. `tooMany` is
 * called once, when one of them has sent more than it may, and has to end both.
 */
export function countBytes(
  client: Duplex,
  host: Duplex,
  limit: number | undefined,
  tooMany: (why: string) => void,
): () => { bytesUp: number; bytesDown: number } {
  const counted = { bytesUp: 0, bytesDown: 0 }
  let isOver = false
  for (const [from, way, who] of [
    [client, 'bytesUp', 'the client'],
    [host, 'bytesDown', 'the host'],
  ] as const) {
    from.on('data', (chunk: Buffer) => {
      counted[way] += chunk.length
      if (isOver || counted[way] <= (limit ?? Infinity)) return
      isOver = true
      tooMany(`${who} has sent more than max_bytes of the connection (${limit})`)
    })
    // It flows once it is joined, not before.
    from.pause()
  }
  return () => counted
}
