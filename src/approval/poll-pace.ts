import type { Clock } from '../lib/index.ts'

/** How often a supervisor may ask (RFC 8628, section 3.5). In memory: after a restart everybody starts afresh. */
export interface PollPace {
  /** Returns the interval in seconds. */
  start(id: string): number
  /** One poll. Too fast a one lengthens the interval by five seconds, for good. */
  polled(id: string): { readonly tooFast: boolean; readonly intervalSeconds: number }
  forget(id: string): void
}

const firstIntervalSeconds = 5
const slowDownSeconds = 5
/** A timer that fires a little early is not too fast. */
const toleranceMs = 500

export function createPollPace(deps: { clock: Clock }): PollPace {
  const paces = new Map<string, { lastMs: number; intervalSeconds: number }>()
  return {
    start(id) {
      paces.set(id, { lastMs: deps.clock.nowMs(), intervalSeconds: firstIntervalSeconds })
      return firstIntervalSeconds
    },
    polled(id) {
      const now = deps.clock.nowMs()
      const pace = paces.get(id)
      if (pace === undefined) {
        paces.set(id, { lastMs: now, intervalSeconds: firstIntervalSeconds })
        return { tooFast: false, intervalSeconds: firstIntervalSeconds }
      }
      const tooFast = now - pace.lastMs < pace.intervalSeconds * 1000 - toleranceMs
      pace.lastMs = now
      if (tooFast) pace.intervalSeconds += slowDownSeconds
      return { tooFast, intervalSeconds: pace.intervalSeconds }
    },
    forget: (id) => void paces.delete(id),
  }
}
