import type { SessionId, StepId } from '../lib/index.ts'
import { lifetimeOf } from './events.ts'
import type { Decision, End, Session, Step, StepOutcome } from './model.ts'
import type { BrokerParts } from './parts.ts'
import { isSame } from './step-decision.ts'

export async function endStep(parts: BrokerParts, step: Step, outcome: StepOutcome): Promise<void> {
  const { records, leases, live } = parts
  closeGate(parts, step, outcome.reason)
  // What its supervisor said first stands, also if it cannot be written now.
  const first = live.outcomes.get(step.id) ?? step.decided?.outcome ?? outcome
  live.outcomes.set(step.id, first)
  await leases.endOf(step, step.endReason ?? first.reason)
  // Whoever cannot read a log does not keep a step from ending.
  const log = await parts.logOf?.(step.id).catch(() => undefined)
  for (;;) {
    const said = live.outcomes.get(step.id) ?? first
    const also = await parts.atEnd?.(step, said, log)
    const decided = await records.endStep(step, said, log, also)
    if (decided === undefined) break
    // It was decided meanwhile, or at another server: what is written and signed is that.
    adopt(parts, step, decided)
  }
  // Forgotten only once its end is on disk: until then the sweep tries again.
  live.steps.delete(step.id)
  leases.forget(step.id)
  live.outcomes.delete(step.id)
}

export async function decideEnd(parts: BrokerParts, step: Step, outcome: StepOutcome): Promise<boolean> {
  const { clock, records } = parts
  if (step.endReason !== undefined) return false
  const own: Decision = { reason: outcome.reason, atMs: clock.nowMs(), outcome }
  const decision = await records.decideEnd(step, own)
  adopt(parts, step, decision)
  return isSame(decision, own)
}

function adopt(parts: BrokerParts, step: Step, decision: Decision): void {
  const { live } = parts
  step.decided = decision
  live.outcomes.set(step.id, decision.outcome)
  if (step.endReason === undefined) return
  step.endReason = decision.reason
  step.endedMs = decision.atMs
}

export async function endSession(parts: BrokerParts, session: Session, reason: string): Promise<void> {
  const { records, live } = parts
  const open = closeGates(parts, session, reason)
  await Promise.all(open.map((step) => endStep(parts, step, { reason })))
  // The reason that came first: that of a write which failed, when the sweep tries again.
  await records.endSession(session, session.endReason ?? reason)
  live.ending.delete(session)
  live.sessions.delete(session.id)
  live.startedRuns.delete(session.runId)
}

export function closeGate(parts: BrokerParts, step: Step, reason: string): void {
  const { clock, live } = parts
  if (step.endReason !== undefined) return
  step.endReason = step.decided?.reason ?? reason
  step.endedMs = step.decided?.atMs ?? clock.nowMs()
  for (const listener of live.stepListeners) listener(step)
}

export function closeGates(parts: BrokerParts, session: Session, reason: string): Step[] {
  const { live } = parts
  session.endReason ??= reason
  live.ending.add(session)
  const open = [...live.steps.values()].filter((step) => step.session.id === session.id)
  for (const step of open) closeGate(parts, step, reason)
  return open
}

/** Of what has ended, or should have: how and when. */
export function endOf(
  parts: BrokerParts,
  id: { readonly step: StepId } | { readonly session: SessionId },
): End | undefined {
  const { clock, records, live } = parts
  const now = clock.nowMs()
  if ('session' in id) {
    const session = live.sessions.get(id.session)
    if (session?.endReason !== undefined) return { reason: session.endReason, endedMs: now }
    if (session !== undefined && session.expiresMs <= now)
      return { reason: 'expired', endedMs: session.expiresMs }
    return records.sessionEnd(id.session)
  }
  const step = live.steps.get(id.step)
  if (step === undefined) return records.stepEnd(id.step)
  const more = { role: step.role, lifetimeSeconds: lifetimeOf(step) }
  if (step.endReason !== undefined) return { reason: step.endReason, endedMs: step.endedMs ?? now, ...more }
  return step.expiresMs <= now ? { reason: 'expired', endedMs: step.expiresMs, ...more } : undefined
}
