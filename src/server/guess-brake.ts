import type { Clock } from '../lib/index.ts'

/** Slows down whoever guesses: after three wrong ones each is answered later than the one before, on this server. */
export interface GuessBrake {
  /** Seconds until this one may try again; 0 at once. */
  waits(who: string): number
  wrong(who: string): void
  right(who: string): void
}

const free = 3
const longestMs = 60_000
const maxKnown = 1_000

export function createGuessBrake(clock: Clock): GuessBrake {
  const known = new Map<string, { count: number; untilMs: number }>()
  return {
    waits: (who) => Math.max(0, Math.ceil(((known.get(who)?.untilMs ?? 0) - clock.nowMs()) / 1000)),
    wrong(who) {
      const count = (known.get(who)?.count ?? 0) + 1
      const pauseMs = count < free ? 0 : Math.min(longestMs, 1000 * 2 ** (count - free + 1))
      // The one that guessed last stays longest.
      known.delete(who)
      const [oldest] = known.keys()
      if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest)
      known.set(who, { count, untilMs: clock.nowMs() + pauseMs })
    },
    right: (who) => void known.delete(who),
  }
}
