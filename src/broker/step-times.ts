import { MayflyError } from '../lib/index.ts'
import type { StepRequest } from './events.ts'
import type { Session } from './model.ts'

/** When a step that begins now has to end. Throws `denied` if its role's time, or that to begin, is over. */
export function expiryOf(
  session: Session,
  { role, ttlSeconds, maxWaitSeconds }: StepRequest,
  now: number,
): number {
  const waitSeconds = Math.min(session.waitSeconds, maxWaitSeconds)
  if (session.waitSeconds === 0) {
    const endMs = Math.min(session.expiresMs, session.createdMs + ttlSeconds * 1000)
    if (endMs <= now) throw outlived(role, ttlSeconds)
    return endMs
  }
  if (now > session.createdMs + waitSeconds * 1000)
    throw new MayflyError(
      'denied',
      `a step in role "${role}" may begin ${waitSeconds} s after the job assumed it at most, and that is over: give the role a longer max_wait, or let its steps come earlier`,
    )
  return Math.min(session.expiresMs, now + ttlSeconds * 1000)
}

function outlived(role: string, ttlSeconds: number): MayflyError {
  return new MayflyError(
    'denied',
    `role "${role}" lasts ${ttlSeconds} s from when the job assumed it, and that is over: assume it in a session of its own when it is needed, or give the role a longer ttl`,
  )
}
