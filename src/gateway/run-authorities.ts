import type { Clock } from '../lib/index.ts'
import type { RunKeys, Session } from '../broker/index.ts'
import { createRunCa, type RunCa } from './run-ca.ts'

/** Each session's own certificate authority, made when it is first asked for and kept until the session would end. */
export function createRunAuthorities(deps: {
  readonly clock: Clock
  readonly runKeys?: RunKeys | undefined
}): (session: Session) => Promise<RunCa> {
  const authorities = new Map<string, Promise<RunCa>>()
  return ({ id, runId, expiresMs }) => {
    const known = authorities.get(id)
    if (known !== undefined) return known
    const material = deps.runKeys?.(id)
    const making = createRunCa({
      ...{ runId, expiresMs, clock: deps.clock },
      ...(material === undefined ? {} : { material }),
    })
    authorities.set(id, making)
    // The next step of the session tries again.
    making.catch(() => authorities.delete(id))
    setTimeout(() => authorities.delete(id), Math.max(0, expiresMs - deps.clock.nowMs())).unref()
    return making
  }
}
