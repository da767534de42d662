import type { Clock } from '../lib/index.ts'
import { ServerRefusal, type ServerApi } from './api.ts'
import type { Waiting } from './approval.ts'

/** As long as a CI's key rotation, or a short outage of it, may last; a token lives for minutes. */
const maxWaitSeconds = 60

type Request = Parameters<ServerApi['exchange']>[0]

/**
 * Exchanges the job's token. Where the server asks to come again, because the CI's keys cannot be had just now, it
 * comes again with the same token, which was not taken, and says so in a line each time.
 */
export async function exchangePatiently(
  deps: { api: Pick<ServerApi, 'exchange'>; clock: Clock } & Waiting,
  request: Request,
): Promise<Awaited<ReturnType<ServerApi['exchange']>>> {
  const { api, clock, tell, cancel, sleep } = deps
  const untilMs = clock.nowMs() + maxWaitSeconds * 1000
  for (;;) {
    try {
      return await api.exchange(request)
    } catch (error) {
      const seconds = error instanceof ServerRefusal ? error.retryAfterSeconds : undefined
      if (seconds === undefined || clock.nowMs() + seconds * 1000 > untilMs) throw error
      tell(`${(error as ServerRefusal).message}: trying again in ${seconds} s`)
      await sleep(Math.max(seconds, 1) * 1000, undefined, { signal: cancel })
    }
  }
}
