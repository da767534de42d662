/** The first try again after a second, then after twice as long each time, up to five minutes. */
const firstMs = 1_000
export const longestWaitMs = 300_000
/** An upstream that says when to come again is believed up to an hour. */
const mostPatienceMs = 3_600_000

/**
 * How long until an upstream that failed so many times is asked again. Between a half and the whole of the step, so that a
 * thousand that failed together do not come back together. `random` is in [0, 1).
 */
export function waitMs(failures: number, random: number, retryAfterMs = 0): number {
  const step = Math.min(firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 20), longestWaitMs)
  const patience = Math.min(Math.max(retryAfterMs, 0), mostPatienceMs)
  return Math.round(Math.max(step * (0.5 + random / 2), patience * (1 + random / 10)))
}
