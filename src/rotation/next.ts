import type { QueryCreator } from 'kysely'
import type { Clock } from '../lib/index.ts'
import type { Tables } from '../store/index.ts'
import type { Records, Row } from './records.ts'

/** What a state comes to: written in one transaction, with what has to be true together with it. */
export interface Next {
  readonly changes: Parameters<Records['change']>[2]
  also?(tx: QueryCreator<Tables>, row: Row): Promise<Row | void>
  /** Nothing more can be done now. */
  readonly waits?: boolean
}

const firstMs = 5_000
const longestMs = 3_600_000

/** The same again, later and later; `failure` says why. */
export function wait(row: Row, clock: Clock, failure: string): Next {
  const afterMs = Math.min(longestMs, firstMs * 2 ** Math.min(row.attempts, 20))
  const changes = {
    attempts: row.attempts + 1,
    due_ms: clock.nowMs() + afterMs,
    failure: failure.slice(0, 500),
  }
  return { changes, waits: true }
}

/** Nothing has gone wrong: it is not yet time. */
export function later(clock: Clock, afterMs: number): Next {
  return { changes: { due_ms: clock.nowMs() + afterMs }, waits: true }
}

export function undoing(row: Row, clock: Clock, failure: string): Next {
  return { changes: { state: 'undoing', attempts: 0, due_ms: clock.nowMs(), failure: failure.slice(0, 500) } }
}

export const ended: Next = { changes: {}, waits: true }
