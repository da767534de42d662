import type { StreamExchange } from './stream-exchange.ts'

/** What came of the statements of a session of a database, by their shape. */
export interface Tally {
  /** `needed`: where it is another operation than that of the session. */
  count(shape: string, outcome: Partial<Counts>, needed?: NeededBy): void
  /** Records what was counted since the last time. */
  flush(): void
}

/** What a statement needed, as grants name it. */
export interface NeededBy {
  /** The most of it. */
  readonly operation: string
  readonly beside: readonly string[]
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
const maxBesideChars = 2_000
/** Shapes that are counted between two times. */
const maxShapes = 1_000

export function createTally(stream: StreamExchange, operation: string): Tally {
  const shapes = new Map<string, { shape: string; needed: NeededBy; counts: Counts }>()
  const usual: NeededBy = { operation, beside: [] }
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    for (const { shape, needed, counts: all } of shapes.values()) {
      const { failed, masked, ...counts } = all
      const beside = needed.beside.join(', ').slice(0, maxBesideChars)
      const facts = {
        ...{ statement: shape, ...counts },
        ...(beside === '' ? {} : { beside }),
        ...(failed === 0 ? {} : { failed }),
        ...(masked === 0 ? {} : { masked }),
      }
      stream.done({ operation: needed.operation, facts })
    }
    shapes.clear()
  }

  return {
    flush,
    count(shape, { done = 0, rows = 0, bytes = 0, failed = 0, masked = 0 }, needed = usual) {
      const key = `${needed.operation} ${shape}`
      if (!shapes.has(key) && shapes.size >= maxShapes) flush()
      const counts = shapes.get(key)?.counts ?? { done: 0, rows: 0, bytes: 0, failed: 0, masked: 0 }
      const sum = {
        done: counts.done + done,
        rows: counts.rows + rows,
        bytes: counts.bytes + bytes,
        failed: counts.failed + failed,
        masked: counts.masked + masked,
      }
      shapes.set(key, { shape, needed, counts: sum })
      timer ??= setTimeout(flush, intervalMs).unref()
    },
  }
}
