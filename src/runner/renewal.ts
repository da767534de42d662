import { MayflyError, type Clock } from '../lib/index.ts'
import type { ServerApi } from './api.ts'

/** Keeps a session's or step's token in force, so that a long step never notices how short-lived it is. */
export interface Renewal {
  stop(): void
}

const retryMs = 5_000

/**
 * Renews the token in place when half of its life is over. It stops by itself when the role's limit allows no later
 * end, or when the server says that there is nothing left to renew; then the heartbeat ends the step.
 */
export function keepRenewed(deps: {
  api: Pick<ServerApi, 'renew'>
  grant: { access_token: string; expires_in: number }
  clock: Clock
  /** Called with every new token: nothing may show it. */
  learn: (token: string) => void
}): Renewal {
  const { api, grant, clock } = deps
  let stopped = false
  let expiresMs = clock.nowMs() + grant.expires_in * 1000
  let timer = later(halfOf(grant.expires_in))

  function later(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      renew().catch((error: unknown) => {
        const isOver = error instanceof MayflyError && ['revoked', 'denied', 'bad_token'].includes(error.code)
        if (!stopped && !isOver && clock.nowMs() < expiresMs) timer = later(retryMs)
      })
    }, delayMs).unref()
  }

  async function renew(): Promise<void> {
    const renewed = await api.renew(grant.access_token)
    deps.learn(renewed.access_token)
    const untilMs = clock.nowMs() + renewed.expires_in * 1000
    if (stopped) return
    grant.access_token = renewed.access_token
    grant.expires_in = renewed.expires_in
    const isLast = untilMs <= expiresMs + 1000
    expiresMs = untilMs
    if (!isLast) timer = later(halfOf(renewed.expires_in))
  }

  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function halfOf(seconds: number): number {
  return Math.max(1000, seconds * 500)
}
