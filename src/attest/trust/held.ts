import { openTrustDocument, type Trust } from '../verify/index.ts'
import type { LogKeys } from '../sign/index.ts'
import type { TrustDeps } from './model.ts'
import { readState, type TrustState } from './state.ts'

const nothing: TrustState = { keys: [], revoked: [], document: undefined }
const askAgainMs = 30_000

/** What this server has read of the store and of the log; another server may have changed either since. */
export interface Held {
  state(): TrustState
  /** By the document in force; undefined before there is one that opens. */
  trust(): Trust | undefined
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
  let trust: Trust | undefined
  let logKeys: LogKeys | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  return {
    state: () => state,
    trust: () => trust,
    async refresh() {
      const before = state.document?.envelope
      state = await readState(store)
      const { document } = state
      if (document !== undefined && (document.envelope !== before || trust === undefined))
        trust = trustIn(document.envelope, document.payload.root, clock.nowMs())
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

/** By whatever time it was good: that it has ended is told where something would be signed by it. */
function trustIn(envelope: string, root: readonly string[], nowMs: number): Trust | undefined {
  const opened = openTrustDocument(envelope, root, { nowMs, mayHaveEnded: true })
  return opened.ok ? opened.trust : undefined
}
