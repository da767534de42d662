import { setImmediate } from 'node:timers/promises'

/** How long one client's commands may keep all others of the process waiting. */
const turnMs = 5

/**
 * To be awaited between two pieces of work of which one client can send ten thousand at once: after some milliseconds whoever else
 * waits is served.
 */
export function createWayGiver(): () => Promise<void> {
  let sinceMs = performance.now()
  return async () => {
    if (performance.now() - sinceMs < turnMs) return
    await setImmediate()
    sinceMs = performance.now()
  }
}
