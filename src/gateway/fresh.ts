import type { IncomingMessage } from 'node:http'
import { setTimeout as after } from 'node:timers/promises'
import { discard } from './exchange.ts'
import { UpstreamBusy } from './busy.ts'

/** Seen together: within these waits a credential is taken everywhere, or its host does not take it at all. */
const waitsMs = [250, 500, 1_000, 1_500, 2_000]
const retryAfterSeconds = '5'

/**
 * A 401 to a credential that was made a moment ago: servers of the host may not have heard of it yet. What can be sent again is asked
 * again while that may be so, and its last answer stands; whoever sent another body is told to try again. Throws `UpstreamBusy`.
 */
export async function askWhileFresh<T extends { readonly answer: IncomingMessage }>(
  ask: () => Promise<T>,
  how: {
    readonly connection: string
    /** Whether the credential was made a moment ago. */
    readonly isFresh: () => boolean
    /** There is no body, or it is kept as a whole. */
    readonly canRepeat: boolean
    readonly abandoned: AbortSignal
  },
): Promise<T> {
  for (const ms of waitsMs) {
    const asked = await ask()
    if (asked.answer.statusCode !== 401 || !how.isFresh()) return asked
    discard(asked.answer)
    if (!how.canRepeat)
      throw new UpstreamBusy(
        `connection "${how.connection}" does not know the credential yet that was just made for this step (401): try again in ${retryAfterSeconds} s`,
        503,
        retryAfterSeconds,
      )
    // Whoever has left is told so by the next request.
    await after(ms, undefined, { signal: how.abandoned }).catch(() => undefined)
  }
  return await ask()
}
