import { setTimeout as after } from 'node:timers/promises'

export type Patiently = (ask: () => Promise<Response>) => Promise<Response>

const [maxTries, maxWaitMs, maxWaitsMs] = [4, 30_000, 120_000]

/** Waits as long as a registry that is asked too often says (RFC 9110, 10.2.3), within bounds; past those its answer is given. */
export function createPatience(): Patiently {
  let leftMs = maxWaitsMs
  return async (ask) => {
    for (let tries = 1; ; tries++) {
      const answer = await ask()
      const waitMs = isBusy(answer.status) ? waitOf(answer, tries) : undefined
      if (waitMs === undefined || tries === maxTries || waitMs > Math.min(maxWaitMs, leftMs)) return answer
      leftMs -= waitMs
      await answer.body?.cancel()
      await after(waitMs)
    }
  }
}

export function isBusy(status: number): boolean {
  return status === 429 || status === 503
}

/** Seconds, or a date. */
function waitOf(answer: Response, tries: number): number {
  const said = answer.headers.get('retry-after') ?? ''
  const ms = /^\d{1,9}$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now()
  return Number.isNaN(ms) ? tries * 500 : Math.max(ms, 100)
}
