import type { Clock } from '../lib/index.ts'

/** How much each operator asks about, so that the log has it, and one of them does not keep the server to themselves. */
export interface KnownMeter {
  /** Whole seconds to wait before so many bytes are taken; 0: they are. */
  take(who: string, bytes: number): number
  /** So many texts looked like a secret and were none: who sends many waits, however few there are in each. */
  tried(who: string, tries: number): void
  /** Bytes that are to be recorded: with the first that one asks about in an hour, and with each gigabyte from there. */
  unrecorded(who: string): number | undefined
  /** Whether the log has already that this one was told of this. */
  isRecorded(who: string, what: string): boolean
  /** The log has them now. */
  recorded(who: string, bytes: number | undefined, told: readonly string[]): void
}

const minuteMs = 60_000
const mostPerMinute = 4_294_967_296
/** At once, and a minute. */
const mostTries = 2_000
const longestWaitSeconds = 60
const recordedMs = 3_600_000
const recordedBytes = 1_073_741_824
const mostOperators = 1_000
const mostNews = 10_000

interface Count {
  minuteMs: number
  inMinute: number
  triesLeft: number
  triesMs: number
  recordedMs: number
  unrecorded: number
  readonly told: Set<string>
}

export function createKnownMeter(clock: Clock): KnownMeter {
  const counts = new Map<string, Count>()

  function countOf(who: string): Count {
    const known = counts.get(who)
    if (known !== undefined) return known
    const [oldest] = counts.keys()
    if (counts.size >= mostOperators && oldest !== undefined) counts.delete(oldest)
    const fresh = {
      ...{
        minuteMs: 0,
        inMinute: 0,
        triesLeft: mostTries,
        triesMs: clock.nowMs(),
        recordedMs: Number.NEGATIVE_INFINITY,
        unrecorded: 0,
      },
      told: new Set<string>(),
    }
    counts.set(who, fresh)
    return fresh
  }

  /** Below zero there is something to wait for. */
  function triesLeft(count: Count): number {
    const now = clock.nowMs()
    const more = (Math.max(0, now - count.triesMs) / minuteMs) * mostTries
    ;[count.triesLeft, count.triesMs] = [Math.min(mostTries, count.triesLeft + more), now]
    return count.triesLeft
  }

  return {
    tried(who, tries) {
      const count = countOf(who)
      count.triesLeft = triesLeft(count) - tries
    },
    take(who, bytes) {
      const count = countOf(who)
      const now = clock.nowMs()
      const left = triesLeft(count)
      if (left < 0) return Math.min(longestWaitSeconds, Math.ceil((-left / mostTries) * 60))
      if (now - count.minuteMs >= minuteMs) [count.minuteMs, count.inMinute] = [now, 0]
      if (count.inMinute + bytes > mostPerMinute)
        return Math.max(1, Math.ceil((count.minuteMs + minuteMs - now) / 1_000))
      count.inMinute += bytes
      count.unrecorded += bytes
      return 0
    },
    unrecorded(who) {
      const { recordedMs: lastMs, unrecorded } = countOf(who)
      return clock.nowMs() - lastMs < recordedMs && unrecorded < recordedBytes ? undefined : unrecorded
    },
    isRecorded: (who, what) => countOf(who).told.has(what),
    recorded(who, bytes, told) {
      const count = countOf(who)
      if (bytes !== undefined) {
        count.recordedMs = clock.nowMs()
        count.unrecorded -= bytes
      }
      for (const what of told) {
        const [oldest] = count.told
        if (count.told.size >= mostNews && oldest !== undefined) count.told.delete(oldest)
        count.told.add(what)
      }
    },
  }
}
