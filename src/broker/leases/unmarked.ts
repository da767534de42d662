import type { Clock } from '../../lib/index.ts'
import { waitMs } from './backoff.ts'
import type { LeaseRow } from './ledger.ts'

/**
 * While the store cannot be written nothing can be claimed. What is over is ended at its upstream all the same, by what can be read,
 * and asked again once that can be written down: then "not found" counts.
 */
export interface Unmarked {
  end(rows: readonly LeaseRow[]): void
  /** It was written down what became of it. */
  settled(lease: string): void
}

export function createUnmarked(deps: {
  clock: Clock
  random: () => number
  /** True if it is dead. Never throws. */
  ask: (row: LeaseRow) => Promise<boolean>
  work: (one: Promise<unknown>) => void
}): Unmarked {
  const tried = new Map<string, { times: number; nextMs: number }>()

  async function ask(row: LeaseRow, times: number): Promise<void> {
    if (await deps.ask(row)) tried.set(row.id, { times, nextMs: Infinity })
  }

  return {
    end(rows) {
      const now = deps.clock.nowMs()
      for (const row of rows) {
        const known = tried.get(row.id) ?? { times: 0, nextMs: 0 }
        if (now < known.nextMs) continue
        const times = known.times + 1
        tried.set(row.id, { times, nextMs: now + waitMs(times, deps.random()) })
        deps.work(ask(row, times))
      }
    },
    settled: (lease) => void tried.delete(lease),
  }
}
