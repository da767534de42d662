import { setTimeout as sleep } from 'node:timers/promises'
import { MayflyError, type Clock } from '../lib/index.ts'
import type { ServerApi } from './api.ts'
import type { Heartbeat, StepGrant } from './api-facts.ts'

/** The conversation with the server while a step runs: our heartbeat, and in its answer what happened to the step. */
export interface Watch {
  readonly stop: () => void
  /** Of the refusals that the gateway numbered, how many we have been told of. */
  seen(): number
}

/** The server's own rule: three missed heartbeats end a step (`src/broker`). */
const missedHeartbeats = 3
/** A step that is over sooner is not worth a question; its refusals come with the answer to its end. */
const firstMs = 250
const retryMs = 500

/**
 * Says that the step lives. The server holds its answer until there is something to tell, so a refusal and the end of the
 * step (revoked, expired, stopped) are known at once. `ended` is called with the reason, at most once; also when the
 * server was silent for so long that it must have ended the step by itself.
 */
export function watchStep(deps: {
  api: Pick<ServerApi, 'heartbeat' | 'url'>
  step: StepGrant
  clock: Clock
  refused: (refusals: NonNullable<Heartbeat['refusals']>) => void
  /** Something that the step was handed is dead. Said again until its credentials are asked for. */
  credentialsEnded?: () => void
  ended: (why: string) => void
}): Watch {
  const { api, step, clock } = deps
  const beatMs = step.heartbeat_seconds * 1000
  const over = new AbortController()
  let seen = 0
  let aliveMs = clock.nowMs()
  const silence = setInterval(() => {
    if (clock.nowMs() - aliveMs > missedHeartbeats * beatMs)
      end(
        `the server ${api.url} has not answered for ${missedHeartbeats * step.heartbeat_seconds} s: by its own rule the step is over and its leases are revoked`,
      )
  }, 1_000).unref()

  function end(why: string): void {
    if (over.signal.aborted) return
    stop()
    deps.ended(why)
  }

  function stop(): void {
    over.abort()
    clearInterval(silence)
  }

  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: over.signal, ref: false })

  async function beat(): Promise<void> {
    const sentMs = clock.nowMs()
    const answer = await api.heartbeat(step, seen)
    aliveMs = Math.max(aliveMs, sentMs)
    if (over.signal.aborted) return
    if (answer?.credentials_ended === true) deps.credentialsEnded?.()
    const refusals = answer?.refusals
    // A server from before it held its answers.
    if (refusals === undefined) return pause(beatMs)
    seen = refusals.next
    const isNews = refusals.lines.length > 0 || refusals.more > 0
    if (isNews) deps.refused(refusals)
    // Somebody who answers at once without news (a server that has too many of our questions) is not asked at once again.
    else if (clock.nowMs() - sentMs < retryMs) await pause(retryMs)
  }

  async function watch(): Promise<void> {
    await pause(firstMs)
    while (!over.signal.aborted) {
      try {
        await beat()
      } catch (error) {
        if (isEnd(error)) return end(error.message)
        await pause(retryMs)
      }
    }
  }

  // It throws when its pause is cut short by the end.
  watch().catch(() => undefined)
  return { stop, seen: () => seen }
}

/** The server knows the step and says that it is over. Anything else (a proxy's 429, a restart) may pass. */
function isEnd(error: unknown): error is MayflyError {
  return error instanceof MayflyError && ['revoked', 'bad_token', 'not_found'].includes(error.code)
}
