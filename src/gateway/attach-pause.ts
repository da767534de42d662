import { UpstreamBusy } from './busy.ts'

const maxTries = 3
const usualMs = 500

/**
 * How long to wait after a try that failed; undefined if that was the last. Who is asked to wait for longer than there is time comes too
 * late: the answer does not change by asking before.
 */
export function pauseMs(attempt: number, error: unknown, leftMs: number): number | undefined {
  const askedMs = error instanceof UpstreamBusy ? 1000 * Number(error.headers['retry-after'] ?? 0) : 0
  const waitMs = Math.max(attempt * usualMs, askedMs)
  return attempt >= maxTries || waitMs >= leftMs ? undefined : waitMs
}
