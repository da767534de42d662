import { constants } from 'node:os'
import type { Clock } from '../lib/index.ts'

/** What may ask a job to end: who started it, or the reader of its output by leaving (`| head`). */
export type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE'

/** The wish that the job ends. The step is told first and has its grace; a second wish does not wait. */
export interface Cancellation {
  /** Fires at the first wish. */
  readonly asked: AbortSignal
  /** Fires at the second one. */
  readonly now: AbortSignal
  /** The first signal. */
  signal(): EndSignal | undefined
  /** 128 and the number of the first signal, as a shell reports it. */
  exitCode(): number
  request(signal: EndSignal): void
}

/** A terminal and `npm run` both pass one ctrl-c on: what comes so soon after the first is the same wish. */
const sameWishMs = 300

export function createCancellation(clock: Clock): Cancellation {
  const [asked, now] = [new AbortController(), new AbortController()]
  let first: EndSignal | undefined
  let firstMs = 0
  return {
    asked: asked.signal,
    now: now.signal,
    signal: () => first,
    exitCode: () => 128 + (first === undefined ? 0 : constants.signals[first]),
    request(signal) {
      if (first === undefined) {
        first = signal
        firstMs = clock.nowMs()
        asked.abort()
      } else if (signal !== 'SIGPIPE' && clock.nowMs() - firstMs > sameWishMs) now.abort()
    },
  }
}
