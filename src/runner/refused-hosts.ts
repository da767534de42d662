import type { Clock } from '../lib/index.ts'

/** The gateway did not open a tunnel: what the tool is told instead. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, text: string) {
    super(text)
    this.status = status
  }
}

/** What the gateway refused, by authority: a tool that asks again at once is answered from here. */
export interface RefusedHosts {
  /** What was refused a moment ago; undefined if the gateway has to be asked. */
  known(authority: string): Refusal | undefined
  remember(authority: string, refusal: Refusal): void
  /** How the tool is answered this time. It counts. */
  next(authority: string): RefusalAnswer
}

export interface RefusalAnswer {
  readonly delayMs: number
  /** The connection is closed without a word. */
  readonly silent: boolean
}

/** A policy that is applied meanwhile counts after that. */
const keptMs = 10_000
const maxAuthorities = 200
/** Refusals of one authority that are told at once; one more each second. */
const toldAtOnce = 8
const firstDelayMs = 50
const maxDelayMs = 2_000

interface Refused {
  refusal: Refusal
  askedMs: number
  tellable: number
  lastMs: number
  /** Answers without a word since it was last quiet. */
  silent: number
}

/**
 * npm with more requests than sockets asks again without end when a proxy answers (Node's Agent takes the request that
 * waits and leaves it in the queue), and goes on with the next one when a proxy hangs up. So a tool is told some times, and
 * then the connection is closed without a word, later each time.
 */
export function createRefusedHosts({ clock }: { clock: Clock }): RefusedHosts {
  const refused = new Map<string, Refused>()
  return {
    known(authority) {
      const one = refused.get(authority)
      return one === undefined || clock.nowMs() - one.askedMs >= keptMs ? undefined : one.refusal
    },
    remember(authority, refusal) {
      const now = clock.nowMs()
      const [oldest] = refused.keys()
      if (refused.size >= maxAuthorities && oldest !== undefined) refused.delete(oldest)
      const before = refused.get(authority) ?? { tellable: toldAtOnce, lastMs: now, silent: 0 }
      refused.set(authority, { ...before, refusal, askedMs: now })
    },
    next(authority) {
      const one = refused.get(authority)
      if (one === undefined) return { delayMs: 0, silent: false }
      const now = clock.nowMs()
      one.tellable = Math.min(toldAtOnce, one.tellable + (now - one.lastMs) / 1000)
      one.lastMs = now
      if (one.tellable === toldAtOnce) one.silent = 0
      if (one.tellable >= 1) {
        one.tellable--
        return { delayMs: 0, silent: false }
      }
      const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(one.silent++, 10))
      return { delayMs, silent: true }
    },
  }
}
