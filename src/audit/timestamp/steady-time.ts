import type { Clock } from '../../lib/index.ts'

export type SteadyTime = () =>
  | { readonly ok: true; readonly ms: number }
  | { readonly ok: false; readonly message: string }

/** A clock that is set by a time service is off by far less, and steps back by less. */
const maxBehindMs = 60_000

/**
 * The time that is signed: never before one that was signed already, by this process or (`newestMs`) in an entry that is
 * on the disk. A machine whose clock was set back would date back what it signs, so it is told to be set right instead.
 */
export function createSteadyTime(clock: Clock, newestMs: () => number): SteadyTime {
  let last = 0
  return () => {
    const machineMs = clock.nowMs()
    const newest = Math.max(last, newestMs())
    const behindMs = newest - machineMs
    if (behindMs > maxBehindMs)
      return {
        ok: false,
        message: `the clock of the log's machine is ${Math.round(behindMs / 1000)} s behind the newest entry: set it right, nothing is timestamped before`,
      }
    last = Math.max(newest, machineMs)
    return { ok: true, ms: last }
  }
}
