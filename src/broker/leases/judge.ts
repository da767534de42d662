import { graceMs } from './held.ts'
import { longestWaitMs, waitMs } from './backoff.ts'

/** What an upstream said when it was asked to end a credential. */
export type Answer =
  | { readonly said: 'gone'; readonly proof: 'probed' | 'not_found' | 'confirmed' }
  /** It cannot be ended before its time. */
  | { readonly said: 'nothing_to_do' }
  /** It was ended, and lives; or what was begun may still come to be, and is looked for again. */
  | { readonly said: 'not_yet'; readonly why: string; readonly againMs: number; readonly wasThere: boolean }
  | { readonly said: 'failed'; readonly why: string; readonly retryAfterMs?: number }

/** What becomes of its lease. */
export type Next =
  | { readonly state: 'revoked' | 'expired'; readonly proof: string }
  | {
      readonly state: 'revoking' | 'revoke_failed'
      readonly dueMs: number
      readonly failure: string | null
      readonly attempts: number
      /** Its upstream has said that it was there, and is no more. */
      readonly wasThere: boolean
      /** It is told now that it cannot be revoked. */
      readonly tell: boolean
    }

export interface Judged {
  readonly state: string
  readonly means: string
  readonly attempts: number
  readonly expires_ms: number
  readonly revoking_ms: number | null
  readonly told_ms: number | null
  readonly proof: string | null
}

/** So long it is tried before it is told that it fails, and then again each hour. */
export const stuckAfterMs = 600_000
const tellAgainMs = 3_600_000
/** The upstream's clock may be behind ours. */
export const skewMs = 30_000

/** The next state of a lease that is being revoked. `endsByItself`: it is dead after its time, whatever its upstream says. */
export function judge(
  row: Judged,
  answer: Answer,
  endsByItself: boolean,
  nowMs: number,
  random: number,
): Next {
  if (answer.said === 'gone') {
    const leftMs = answer.proof === 'confirmed' ? notSureMs(row, nowMs) : 0
    if (leftMs === 0) return { state: 'revoked', proof: answer.proof }
    const { attempts } = row
    return { state: 'revoking', dueMs: nowMs + leftMs, failure: null, attempts, wasThere: true, tell: false }
  }
  const diesMs = row.expires_ms + skewMs
  if (endsByItself && nowMs >= diesMs) return { state: 'expired', proof: 'expired' }
  if (answer.said === 'nothing_to_do') {
    if (endsByItself)
      return {
        state: 'revoking',
        dueMs: diesMs,
        failure: null,
        attempts: row.attempts,
        wasThere: false,
        tell: false,
      }
    const why = 'its upstream says that there is nothing to do, and it does not end by itself'
    return later(row, why, nowMs, nowMs + longestWaitMs)
  }
  if (answer.said === 'not_yet') return later(row, answer.why, nowMs, answer.againMs, answer.wasThere)
  return later(row, answer.why, nowMs, nowMs + waitMs(row.attempts + 1, random, answer.retryAfterMs))
}

/**
 * How long it may still be taken by those who look at a list now and then, as SSH hosts do: until all have looked. A clock
 * that was set back does not make it longer than that.
 */
function notSureMs({ means, revoking_ms: sinceMs, proof }: Judged, nowMs: number): number {
  const wholeMs = graceMs(means)
  const waitedMs = nowMs - (sinceMs ?? nowMs)
  if (waitedMs >= wholeMs || (waitedMs < 0 && proof === 'confirmed')) return 0
  return Math.min(wholeMs - waitedMs, wholeMs)
}

function later(row: Judged, why: string, nowMs: number, dueMs: number, wasThere = false): Next {
  const sinceMs = row.revoking_ms ?? nowMs
  const isStuck = row.state === 'revoke_failed' || nowMs - sinceMs >= stuckAfterMs + graceMs(row.means)
  const told = row.told_ms
  return {
    state: isStuck ? 'revoke_failed' : 'revoking',
    dueMs,
    failure: why,
    attempts: row.attempts + 1,
    wasThere,
    // A clock that was set back does not silence it.
    tell: isStuck && (told === null || told > nowMs || nowMs - told >= tellAgainMs),
  }
}
