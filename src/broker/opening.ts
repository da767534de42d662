import { MayflyError, idOf, newOrderedId, type RunId, type SessionId, type StepId } from '../lib/index.ts'
import type { Identity } from '../identity/index.ts'
import { isDuplicate } from '../store/index.ts'
import { endStep } from './ending.ts'
import { runStarted, sessionIssued, stepStarted, type StepRequest } from './events.ts'
import { ended } from './leases/stands.ts'
import type { Session, Step } from './model.ts'
import type { BrokerParts } from './parts.ts'
import { actorOf } from './rows.ts'
import type { OpenedSession, SessionRequest } from './session-request.ts'
import { expiryOf } from './step-times.ts'

export async function openSession(parts: BrokerParts, request: SessionRequest): Promise<OpenedSession> {
  const { records, live } = parts
  const { identity, approval } = request
  if (live.draining) throw stopping()
  const tokenKey = `${identity.issuerUrl} ${identity.tokenId}`
  if (live.inFlightTokens.has(tokenKey)) return { ok: false, reason: 'replayed' }
  live.inFlightTokens.add(tokenKey)
  try {
    if (approval === undefined && records.wasUsed(identity)) return { ok: false, reason: 'replayed' }
    const session = newSession(request, parts.clock.nowMs())
    await recordSession(parts, session, request)
    live.sessions.set(session.id, session)
    return { ok: true, session }
  } catch (error) {
    // Another replica was faster with the same token.
    if (isDuplicate(error)) return { ok: false, reason: 'replayed' }
    throw error
  } finally {
    live.inFlightTokens.delete(tokenKey)
  }
}

function newSession(
  { identity, roles, jkt, ttlSeconds, waitSeconds = 0, namedClaims = {} }: SessionRequest,
  createdMs: number,
): Session {
  return {
    id: newOrderedId<SessionId>('ses', createdMs),
    runId: runOf(identity),
    roles,
    jkt,
    actor: actorOf(identity),
    subject: { issuer: identity.issuer, attributes: identity.attributes },
    createdMs,
    claims: namedClaims,
    waitSeconds,
    expiresMs: createdMs + (waitSeconds + ttlSeconds) * 1000,
    endReason: undefined,
  }
}

async function recordSession(
  parts: BrokerParts,
  session: Session,
  { identity, requestId, claims = {}, approval }: SessionRequest,
): Promise<void> {
  const { audit, records, live } = parts
  const isNew = !live.startedRuns.has(session.runId) && records.isNewRun(session.runId)
  const starting = isNew ? startRun(parts, session.runId, identity) : undefined
  const [issued] = await Promise.all([
    audit.append(sessionIssued(session, identity, requestId, claims, approval?.id)),
    starting,
  ])
  await records.addSession(session, { identity, issuedEntry: issued.index, useUp: approval?.useUp })
}

/** The first entry of a CI job. It goes with that of its first session: one write to the log holds both. */
async function startRun(parts: BrokerParts, run: RunId, identity: Identity): Promise<void> {
  const { audit, live } = parts
  live.startedRuns.add(run)
  try {
    await audit.append(runStarted(run, identity))
  } catch (error) {
    live.startedRuns.delete(run)
    throw error
  }
}

export async function openStep(parts: BrokerParts, session: Session, request: StepRequest): Promise<Step> {
  const { audit, clock, records, live } = parts
  if (live.draining) throw stopping()
  const now = clock.nowMs()
  const expiresMs = expiryOf(session, request, now)
  const step: Step = {
    id: newOrderedId<StepId>('stp', now),
    session,
    name: request.name,
    role: request.role,
    tier: request.tier,
    startedMs: now,
    expiresMs,
    heartbeatMs: now,
    endReason: undefined,
  }
  const { index } = await audit.append(stepStarted(step, request))
  if (session.endReason !== undefined) throw ended(session.endReason)
  await records.addStep(step, request, index)
  live.steps.set(step.id, step)
  // The session may have been revoked while the row was written.
  if (session.endReason !== undefined) {
    await endStep(parts, step, { reason: session.endReason })
    throw ended(session.endReason)
  }
  return step
}

export async function loadSession(parts: BrokerParts, id: SessionId): Promise<Session | undefined> {
  const { records, live } = parts
  const known = live.sessions.get(id)
  if (known !== undefined) return known
  const read = await records.session(id)
  // Two may have read at once; there is one object per session, since its end is marked on it.
  const session = live.sessions.get(id) ?? read
  if (session !== undefined) live.sessions.set(id, session)
  return session
}

// After a restart every open step gets a fresh heartbeat: its supervisor may still be there.
export async function restore(parts: BrokerParts): Promise<void> {
  const { records, clock, live } = parts
  for (const { step, session: id } of await records.openSteps()) {
    const session = (await loadSession(parts, id)) ?? (await records.session(id, { ended: true }))
    if (session === undefined) continue
    // A crash may have left the step of a session that has ended: the first sweep ends it.
    const endReason = step.decided?.reason ?? session.endReason
    live.steps.set(step.id, { ...step, session, heartbeatMs: clock.nowMs(), endReason })
  }
}

/** The run's id: the same for every session of one CI job, another for each attempt. */
export function runOf(identity: Identity): RunId {
  const { id, attempt, job } = identity.run
  const place = identity.attributes.repository_id ?? identity.attributes.subject ?? ''
  return idOf<RunId>('run', [identity.issuerUrl, place, id, attempt, job])
}

function stopping(): MayflyError {
  return new MayflyError(
    'server_stopping',
    'the server is being stopped and takes no new work: try again once it is back',
  )
}
