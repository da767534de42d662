import { closeGate, closeGates, endSession, endStep } from './ending.ts'
import { loadSession } from './opening.ts'
import type { BrokerParts } from './parts.ts'
import type { SessionMatch } from './records.ts'

/** Three missed heartbeats of a step end its session: one supervisor stands behind all of it. */
const missedHeartbeats = 3

export async function sweep(parts: BrokerParts): Promise<void> {
  const { clock, records, leases, outbox, live } = parts
  const now = clock.nowMs()
  const deadlineMs = missedHeartbeats * parts.heartbeatSeconds * 1000
  // All gates first: what cannot be written now must not keep another open.
  for (const step of live.steps.values()) {
    if (now >= step.expiresMs) closeGate(parts, step, 'expired')
    else if (now - step.heartbeatMs > deadlineMs) closeGates(parts, step.session, 'heartbeat_lost')
  }
  for (const step of [...live.steps.values()]) {
    const { endReason } = step
    if (endReason !== undefined) await endStep(parts, step, { reason: endReason })
  }
  for (const session of live.ending) await endSession(parts, session, session.endReason ?? 'ended')
  await leases.sweep()
  for (const id of await records.silentSessions()) {
    const session = await loadSession(parts, id)
    if (session !== undefined) await endSession(parts, session, 'heartbeat_lost')
  }
  for (const id of await records.expiredSessions()) {
    const session = await loadSession(parts, id)
    if (session !== undefined) await endSession(parts, session, 'expired')
  }
  await records.forgetTokens()
  await records.recordLost()
  outbox.deliver()
}

export async function revoke(parts: BrokerParts, match: SessionMatch, reason: string): Promise<number> {
  const { records } = parts
  const ids = await records.openSessions(match)
  const found = (await Promise.all(ids.map((id) => loadSession(parts, id)))).filter(
    (session) => session !== undefined,
  )
  // All gates close before anything is written.
  for (const session of found) closeGates(parts, session, reason)
  await Promise.all(found.map((session) => endSession(parts, session, reason)))
  return found.length
}
