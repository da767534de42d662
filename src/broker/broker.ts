import {
  MayflyError,
  idOf,
  newOrderedId,
  type Clock,
  type RunId,
  type SessionId,
  type StepId,
} from '../lib/index.ts'
import type { AuditClient, RunNumbers } from '../audit/client/index.ts'
import type { Connection } from '../connections/index.ts'
import { issuerNamed } from '../credentials/index.ts'
import type { Identity } from '../identity/index.ts'
import { isDuplicate, type Store } from '../store/index.ts'
import type { Vault } from '../vault/index.ts'
import type { Broker } from './contract.ts'
import {
  lifetimeOf,
  runStarted,
  sessionIssued,
  stepRefused,
  stepStarted,
  type StepRequest,
} from './events.ts'
import type { AtStepEnd, Decision, KeptLog, Lease, Minted, Session, Step, StepOutcome } from './model.ts'
import { createOutbox } from './outbox.ts'
import { createRecords, type SessionMatch } from './records.ts'
import { actorOf } from './rows.ts'
import type { OpenedSession, SessionRequest } from './session-request.ts'
import { needsLease } from './client-identity.ts'
import { createLeases, type LeaseDeps } from './leases/leases.ts'
import { ended, stands } from './leases/stands.ts'
import { systemAfter } from './leases/within.ts'
import { createSecretUse } from './secret-use.ts'
import { isSame } from './step-decision.ts'
import { expiryOf } from './step-times.ts'

const systemIssuers = { issuerOf: issuerNamed, after: systemAfter, random: Math.random } as const

/** Three missed heartbeats of a step end its session: one supervisor stands behind all of it. */
const missedHeartbeats = 3

export async function createBroker(deps: {
  store: Store
  vault: Vault
  audit: AuditClient
  /** The same as the audit client's. */
  numbers: RunNumbers
  clock: Clock
  heartbeatSeconds: number
  /** What minted leases need. */
  issuers: LeaseDeps
  /** What the server has of a step's log, for the entry of its end. */
  logOf?: (step: StepId) => Promise<KeptLog | undefined>
  atEnd?: AtStepEnd
  /** Who signs for a job, in plain data; kept with its sessions. */
  signerOf?: (identity: Identity) => unknown
}): Promise<Broker> {
  const { store, audit, numbers, clock } = deps
  const outbox = createOutbox({ store, audit, numbers, clock })
  const records = createRecords({ ...deps, outbox })
  const leases = createLeases({ ...deps, outbox, issuers: { ...systemIssuers, ...deps.issuers } })
  const sessions = new Map<SessionId, Session>()
  const steps = new Map<StepId, Step>()
  const outcomes = new Map<StepId, StepOutcome>()
  const listeners: ((step: Step) => void)[] = []
  const leaseListeners: ((step: Step, connection: string, byHost: boolean) => void)[] = []
  const secretUse = createSecretUse({ store })
  const inFlightTokens = new Set<string>()
  /** Over, and not yet on disk as such: the sweep tries again. */
  const ending = new Set<Session>()
  const startedRuns = new Set<RunId>()
  let draining = false
  await restore()
  // A store that cannot be written keeps no server from ending what it can.
  await leases.hurry().catch(() => undefined)
  outbox.deliver()

  // After a restart every open step gets a fresh heartbeat: its supervisor may still be there.
  async function restore(): Promise<void> {
    for (const { step, session: id } of await records.openSteps()) {
      const session = (await loadSession(id)) ?? (await records.session(id, { ended: true }))
      if (session === undefined) continue
      // A crash may have left the step of a session that has ended: the first sweep ends it.
      const endReason = step.decided?.reason ?? session.endReason
      steps.set(step.id, { ...step, session, heartbeatMs: clock.nowMs(), endReason })
    }
  }

  async function loadSession(id: SessionId): Promise<Session | undefined> {
    const known = sessions.get(id)
    if (known !== undefined) return known
    const read = await records.session(id)
    // Two may have read at once; there is one object per session, since its end is marked on it.
    const session = sessions.get(id) ?? read
    if (session !== undefined) sessions.set(id, session)
    return session
  }

  async function openSession({
    identity,
    roles,
    jkt,
    ttlSeconds,
    waitSeconds = 0,
    requestId,
    claims = {},
    namedClaims = {},
    approval,
  }: SessionRequest): Promise<OpenedSession> {
    if (draining) throw stopping()
    const tokenKey = `${identity.issuerUrl} ${identity.tokenId}`
    if (inFlightTokens.has(tokenKey)) return { ok: false, reason: 'replayed' }
    inFlightTokens.add(tokenKey)
    try {
      if (approval === undefined && records.wasUsed(identity)) return { ok: false, reason: 'replayed' }
      const createdMs = clock.nowMs()
      const session: Session = {
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
      const isNew = !startedRuns.has(session.runId) && records.isNewRun(session.runId)
      const starting = isNew ? startRun(session.runId, identity) : undefined
      const [issued] = await Promise.all([
        audit.append(sessionIssued(session, identity, requestId, claims, approval?.id)),
        starting,
      ])
      await records.addSession(session, { identity, issuedEntry: issued.index, useUp: approval?.useUp })
      sessions.set(session.id, session)
      return { ok: true, session }
    } catch (error) {
      // Another replica was faster with the same token.
      if (isDuplicate(error)) return { ok: false, reason: 'replayed' }
      throw error
    } finally {
      inFlightTokens.delete(tokenKey)
    }
  }

  /** The first entry of a CI job. It goes with that of its first session: one write to the log holds both. */
  async function startRun(run: RunId, identity: Identity): Promise<void> {
    startedRuns.add(run)
    try {
      await audit.append(runStarted(run, identity))
    } catch (error) {
      startedRuns.delete(run)
      throw error
    }
  }

  async function openStep(session: Session, request: StepRequest): Promise<Step> {
    if (draining) throw stopping()
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
    steps.set(step.id, step)
    // The session may have been revoked while the row was written.
    if (session.endReason !== undefined) {
      await endStep(step, { reason: session.endReason })
      throw ended(session.endReason)
    }
    return step
  }

  async function lease(step: Step, connection: Connection, grant: string): Promise<Lease> {
    if (!stands(step, clock)) throw ended(step.endReason ?? 'expired')
    if (!needsLease(connection))
      throw new MayflyError('bad_input', `connection "${connection.name}" has no credential`)
    for (;;) {
      const lease = await leases.issue(step, connection, grant)
      const reason = secretUse.overBecause(lease.from)
      if (reason === undefined) return lease
      // It may have become so while the lease was made. The next one is made from a newer value, or refused.
      leases.drop(step.id, connection.name)
      await leases.endThese([lease.id], reason).catch(() => undefined)
    }
  }

  /** Other servers may have it, too: each cuts what it has open when it sees the compromise. */
  async function revokeSecret(secret: string, version: number, reason: string): Promise<number> {
    const users = await secretUse.users(secret, version)
    for (const user of users) {
      const step = steps.get(user.step as StepId)
      if (step === undefined) continue
      leases.drop(step.id, user.connection)
      for (const listener of leaseListeners) listener(step, user.connection, false)
    }
    const ids = users.map(({ lease }) => lease)
    return ids.length === 0 ? 0 : await leases.endThese(ids, reason)
  }

  function tellLost(step: Step, connection: string | undefined): void {
    if (connection === undefined) return
    for (const listener of leaseListeners) listener(step, connection, true)
  }

  async function leaseMinted(step: Step, connection: Connection, minted: Minted): Promise<void> {
    if (!stands(step, clock)) throw ended(step.endReason ?? 'expired')
    await leases.record(step, connection, minted)
  }

  function closeGate(step: Step, reason: string): void {
    if (step.endReason !== undefined) return
    step.endReason = step.decided?.reason ?? reason
    step.endedMs = step.decided?.atMs ?? clock.nowMs()
    for (const listener of listeners) listener(step)
  }

  async function decideEnd(step: Step, outcome: StepOutcome): Promise<boolean> {
    if (step.endReason !== undefined) return false
    const own: Decision = { reason: outcome.reason, atMs: clock.nowMs(), outcome }
    const decision = await records.decideEnd(step, own)
    adopt(step, decision)
    return isSame(decision, own)
  }

  function adopt(step: Step, decision: Decision): void {
    step.decided = decision
    outcomes.set(step.id, decision.outcome)
    if (step.endReason === undefined) return
    step.endReason = decision.reason
    step.endedMs = decision.atMs
  }

  async function endStep(step: Step, outcome: StepOutcome): Promise<void> {
    closeGate(step, outcome.reason)
    // What its supervisor said first stands, also if it cannot be written now.
    const first = outcomes.get(step.id) ?? step.decided?.outcome ?? outcome
    outcomes.set(step.id, first)
    await leases.endOf(step, step.endReason ?? first.reason)
    // Whoever cannot read a log does not keep a step from ending.
    const log = await deps.logOf?.(step.id).catch(() => undefined)
    for (;;) {
      const said = outcomes.get(step.id) ?? first
      const also = await deps.atEnd?.(step, said, log)
      const decided = await records.endStep(step, said, log, also)
      if (decided === undefined) break
      // It was decided meanwhile, or at another server: what is written and signed is that.
      adopt(step, decided)
    }
    // Forgotten only once its end is on disk: until then the sweep tries again.
    steps.delete(step.id)
    leases.forget(step.id)
    outcomes.delete(step.id)
  }

  async function endSession(session: Session, reason: string): Promise<void> {
    const open = closeGates(session, reason)
    await Promise.all(open.map((step) => endStep(step, { reason })))
    // The reason that came first: that of a write which failed, when the sweep tries again.
    await records.endSession(session, session.endReason ?? reason)
    ending.delete(session)
    sessions.delete(session.id)
    startedRuns.delete(session.runId)
  }

  function closeGates(session: Session, reason: string): Step[] {
    session.endReason ??= reason
    ending.add(session)
    const open = [...steps.values()].filter((step) => step.session.id === session.id)
    for (const step of open) closeGate(step, reason)
    return open
  }

  async function revoke(match: SessionMatch, reason: string): Promise<number> {
    const ids = await records.openSessions(match)
    const found = (await Promise.all(ids.map(loadSession))).filter((session) => session !== undefined)
    // All gates close before anything is written.
    for (const session of found) closeGates(session, reason)
    await Promise.all(found.map((session) => endSession(session, reason)))
    return found.length
  }

  async function sweep(): Promise<void> {
    const now = clock.nowMs()
    const deadlineMs = missedHeartbeats * deps.heartbeatSeconds * 1000
    // All gates first: what cannot be written now must not keep another open.
    for (const step of steps.values()) {
      if (now >= step.expiresMs) closeGate(step, 'expired')
      else if (now - step.heartbeatMs > deadlineMs) closeGates(step.session, 'heartbeat_lost')
    }
    for (const step of [...steps.values()]) {
      const { endReason } = step
      if (endReason !== undefined) await endStep(step, { reason: endReason })
    }
    for (const session of ending) await endSession(session, session.endReason ?? 'ended')
    await leases.sweep()
    for (const id of await records.silentSessions()) {
      const session = await loadSession(id)
      if (session !== undefined) await endSession(session, 'heartbeat_lost')
    }
    for (const id of await records.expiredSessions()) {
      const session = await loadSession(id)
      if (session !== undefined) await endSession(session, 'expired')
    }
    await records.forgetTokens()
    await records.recordLost()
    outbox.deliver()
  }

  return {
    openSession,
    openStep,
    rolesIn: (run, workspace) => records.rolesIn(run, workspace),
    async refuseStep(session, refusal) {
      await audit.append(stepRefused(session, refusal)).catch(() => undefined)
    },
    lease,
    leaseMinted,
    decideEnd,
    isOpen: (step) => stands(step, clock) && records.isOpen(step),
    endingStep(id) {
      const step = steps.get(id)
      return step?.endReason === undefined ? undefined : step
    },
    endStep,
    endSession,
    revoke,
    sweep,
    outbox,
    async session(id) {
      const session = await loadSession(id)
      return session !== undefined && stands(session, clock) ? session : undefined
    },
    step(id) {
      const step = steps.get(id)
      return step !== undefined && stands(step, clock) ? step : undefined
    },
    endOf(id) {
      const now = clock.nowMs()
      if ('session' in id) {
        const session = sessions.get(id.session)
        if (session?.endReason !== undefined) return { reason: session.endReason, endedMs: now }
        if (session !== undefined && session.expiresMs <= now)
          return { reason: 'expired', endedMs: session.expiresMs }
        return records.sessionEnd(id.session)
      }
      const step = steps.get(id.step)
      if (step === undefined) return records.stepEnd(id.step)
      const more = { role: step.role, lifetimeSeconds: lifetimeOf(step) }
      if (step.endReason !== undefined)
        return { reason: step.endReason, endedMs: step.endedMs ?? now, ...more }
      return step.expiresMs <= now ? { reason: 'expired', endedMs: step.expiresMs, ...more } : undefined
    },
    drain() {
      draining = true
    },
    async heartbeat(step) {
      step.heartbeatMs = clock.nowMs()
      await records.heartbeat(step)
    },
    async seen(session) {
      if (session.waitSeconds > 0) await records.seen(session)
    },
    onStepEnd: (listener) => void listeners.push(listener),
    onLeaseEnd: (listener) => void leaseListeners.push(listener),
    revokeSecret,
    refusedByHost: (step, authorization) => tellLost(step, leases.refused(step.id, { authorization })),
    doubtedByHost(step, authorization) {
      void leases.doubted(step.id, authorization).then((connection) => tellLost(step, connection))
    },
    isFresh: (step, authorization) => leases.isFresh(step.id, authorization),
    refusedByTool: (step, connection) => void leases.refused(step.id, { connection }),
    leasesNeeding: (secret) => secretUse.neededBy(secret),
    async counts() {
      const undelivered = await outbox.pending()
      const { states: _, ...counts } = await leases.counts()
      return { ...counts, openSteps: steps.size, undelivered }
    },
    idle: () => leases.idle(),
    leases: leases.desk,
    leaseStates: async () => ({
      states: (await leases.counts()).states,
      stuck: await leases.desk.stuck(),
      failures: leases.failures(),
    }),
    waiting: (limit) => records.waitingSessions(limit),
    async close() {
      await leases.close()
      await outbox.close()
    },
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
