import { constants } from 'node:os'
import type { Clock } from '../lib/index.ts'

/** What may ask a job to end: who started it, or the reader of its output by leaving (`| head`). */
export type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE'

/** The wish that a job, or one step of it, ends. The step is told first and has its grace; a second wish does not wait. */
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

  function request(signal: EndSignal): void {
    if (first === undefined) {
      first = signal
      firstMs = clock.nowMs()
      asked.abort()
    } else if (signal !== 'SIGPIPE' && clock.nowMs() - firstMs > sameWishMs) now.abort()
  }

  return {
    asked: asked.signal,
    now: now.signal,
    signal: () => first,
    exitCode: () => 128 + (first === undefined ? 0 : constants.signals[first]),
    request,
  }
}

/** That of one step of a job: every wish of the job's is one of it, too. Disposed of with the step. */
export function cancellationOfStep(job: Cancellation, clock: Clock): Cancellation & Disposable {
  const own = createCancellation(clock)
  const now = new AbortController()
  const ask = () => own.request(job.signal() ?? 'SIGTERM')
  const hurry = () => now.abort()
  for (const signal of [job.now, own.now]) signal.addEventListener('abort', hurry, { once: true })
  job.asked.addEventListener('abort', ask, { once: true })
  if (job.asked.aborted) ask()
  if (job.now.aborted) hurry()
  return {
    ...own,
    now: now.signal,
    [Symbol.dispose]() {
      job.asked.removeEventListener('abort', ask)
      job.now.removeEventListener('abort', hurry)
    },
  }
}
