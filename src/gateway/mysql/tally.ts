import type { StreamExchange } from '../stream-exchange.ts'
import type { Outcome } from './replies.ts'

const maxShapes = 1_000

/** What came of statements, by their shape. */
export function createTally(stream: StreamExchange) {
  const counts = new Map<string, { done: number; rows: number; bytes: number; failed: number }>()
  const flush = () => {
    for (const [statement, facts] of counts)
      stream.done({ operation: `mysql ${stream.connection.name}`, facts: { statement, ...facts } })
    counts.clear()
  }
  return {
    flush,
    count(shape: string, { rows, bytes, failed }: Outcome) {
      if (!counts.has(shape) && counts.size >= maxShapes) flush()
      const before = counts.get(shape) ?? { done: 0, rows: 0, bytes: 0, failed: 0 }
      counts.set(shape, {
        done: before.done + 1,
        rows: before.rows + rows,
        bytes: before.bytes + bytes,
        failed: before.failed + (failed ? 1 : 0),
      })
    },
  }
}
