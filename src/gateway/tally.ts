import type { StreamExchange } from './stream-exchange.ts'

/** What came of the statements of a session of a database, by their shape. */
export interface Tally {
  count(shape: string, outcome: Partial<Counts>): void
  /** Records what was counted since the last time. */
  flush(): void
}

export interface Counts {
  readonly done: number
  readonly rows: number
  readonly bytes: number
  readonly failed: number
  /** Values of rows that were replaced. */
  readonly masked: number
}

const intervalMs = 2_000
/** Shapes that are counted between two times. */
const maxShapes = 1_000

export function createTally(stream: StreamExchange, operation: string): Tally {
  const shapes = new Map<string, Counts>()
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    for (const [statement, { failed, masked, ...counts }] of shapes) {
      const facts = {
        ...{ statement, ...counts },
        ...(failed === 0 ? {} : { failed }),
        ...(masked === 0 ? {} : { masked }),
      }
      stream.done({ operation, facts })
    }
    shapes.clear()
  }

  return {
    flush,
    count(shape, { done = 0, rows = 0, bytes = 0, failed = 0, masked = 0 }) {
      if (!shapes.has(shape) && shapes.size >= maxShapes) flush()
      const counts = shapes.get(shape) ?? { done: 0, rows: 0, bytes: 0, failed: 0, masked: 0 }
      shapes.set(shape, {
        done: counts.done + done,
        rows: counts.rows + rows,
        bytes: counts.bytes + bytes,
        failed: counts.failed + failed,
        masked: counts.masked + masked,
      })
      timer ??= setTimeout(flush, intervalMs).unref()
    },
  }
}
