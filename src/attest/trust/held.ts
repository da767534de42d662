import { openTrustDocument, type OpenedTrust, type Refused } from '../verify/index.ts'
import type { LogKeys } from '../sign/index.ts'
import type { TrustDeps } from './model.ts'
import { readState, type TrustState } from './state.ts'

const nothing: TrustState = { keys: [], revoked: [], document: undefined }
const askAgainMs = 30_000

/** What this server has read of the store and of the log; another server may have changed either since. */
export interface Held {
  state(): TrustState
  /** The document in force, or why it does not hold; undefined before there is one. */
  opened(): OpenedTrust | Refused | undefined
  /** Reads the store anew. */
  refresh(): Promise<void>
  /** As long as the log does not answer, what it said before. It is asked now and then: sweeps come every second. */
  keysOfLog(): Promise<LogKeys>
  /** What it said last; undefined if it never answered. */
  knownKeys(): LogKeys | undefined
  /** Perhaps the log's process has another authority for timestamps by now: it is asked at the next turn. */
  doubtLog(): void
}

export function createHeld({ store, clock, log }: TrustDeps): Held {
  let state = nothing
  let opened: OpenedTrust | Refused | undefined
  let logKeys: LogKeys | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  return {
    state: () => state,
    opened: () => opened,
    async refresh() {
      const before = state.document?.envelope
      state = await readState(store)
      const { document } = state
      if (document === undefined || (document.envelope === before && opened?.ok === true)) return
      // By whatever time it was good: that it has ended is told where something would be signed by it.
      const options = { nowMs: clock.nowMs(), mayHaveEnded: true }
      opened = openTrustDocument(document.envelope, document.payload.root, options)
    },
    async keysOfLog() {
      if (logKeys !== undefined && performance.now() - askedMs < askAgainMs) return logKeys
      try {
        logKeys = await log.keys()
        askedMs = performance.now()
      } catch (error) {
        if (logKeys === undefined) throw error
      }
      return logKeys
    },
    knownKeys: () => logKeys,
    doubtLog() {
      askedMs = Number.NEGATIVE_INFINITY
    },
  }
}
