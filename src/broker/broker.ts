import {
  MayflyError,
  idOf,
  newId,
  type Clock,
  type LeaseId,
  type RunId,
  type SessionId,
  type StepId,
} from '../lib/index.ts'
import type { AuditClient, AuditEvent } from '../audit/client/index.ts'
import type { Connection } from '../connections/index.ts'
import type { Identity } from '../identity/index.ts'
import { isDuplicate, type Store } from '../store/index.ts'
import type { Vault } from '../vault/index.ts'
import type { Lease, Session, Step, StepOutcome } from './model.ts'
import { createOutbox } from './outbox.ts'
import { staticAuthorization } from './static-credential.ts'

export interface Broker {
  /** Opens a session for a verified identity and uses its token up. `replayed`: the token was used before. */
  openSession(
    request: SessionRequest,
  ): Promise<{ ok: true; session: Session } | { ok: false; reason: 'replayed' }>
  /** A session that still stands. */
  session(id: SessionId): Promise<Session | undefined>
  openStep(session: Session, request: StepRequest): Promise<Step>
  /** A step that still runs. */
  step(id: StepId): Step | undefined
  heartbeat(step: Step): Promise<void>
  /** The step's lease for this connection, issued at its first use. Throws `revoked` once the step has ended. */
  lease(step: Step, connection: Connection, grant: string): Promise<Lease>
  /** Closes the gate, revokes every lease, records the end. Twice is once. */
  endStep(step: Step, outcome: StepOutcome): Promise<void>
  endSession(session: Session, reason: string): Promise<void>
  /** Ends every open session that matches; returns how many. */
  revoke(
    match: { run?: string; session?: string; role?: string; all?: true },
    reason: string,
  ): Promise<number>
  /** Ends what has expired or lost its heartbeat. Called every second. */
  sweep(): Promise<void>
  /** Called the moment a step's gate closes, before anything is written: cut its connections. */
  onStepEnd(listener: (step: Step) => void): void
  counts(): Promise<{
    issued: number
    revoked: number
    active: number
    openSteps: number
    undelivered: number
  }>
  close(): Promise<void>
}

export interface SessionRequest {
  readonly identity: Identity
  readonly roles: readonly string[]
  readonly jkt: string
  readonly ttlSeconds: number
  readonly requestId: string
}

export interface StepRequest {
  readonly name: string
  readonly role: string
  readonly ttlSeconds: number
  readonly tier: string
  /** What is run, for the record. */
  readonly command: string
  /** The grants of the role: what the step could reach. */
  readonly grants: readonly string[]
  readonly egress: readonly string[]
}

/** Three missed heartbeats of a step end its session: one supervisor stands behind all of it. */
const missedHeartbeats = 3

export async function createBroker(deps: {
  store: Store
  vault: Vault
  audit: AuditClient
  clock: Clock
  heartbeatSeconds: number
}): Promise<Broker> {
  const { store, vault, audit, clock } = deps
  const outbox = createOutbox({ store, audit, clock })
  const sessions = new Map<SessionId, Session>()
  const steps = new Map<StepId, Step>()
  const leases = new Map<StepId, Map<string, Promise<Lease>>>()
  const listeners: ((step: Step) => void)[] = []
  const inFlightTokens = new Set<string>()
  await restore()
  outbox.deliver()

  // After a restart every open step gets a fresh heartbeat: its supervisor may still be there.
  async function restore(): Promise<void> {
    const rows = await store.read.selectFrom('steps').selectAll().where('ended_ms', 'is', null).execute()
    for (const row of rows) {
      const session = await loadSession(row.session_id as SessionId)
      if (session === undefined) continue
      const { id, name, role, tier, expires_ms: expiresMs } = row
      steps.set(id as StepId, {
        id: id as StepId,
        session,
        name,
        role,
        tier,
        expiresMs,
        heartbeatMs: clock.nowMs(),
        endReason: undefined,
      })
    }
  }

  async function loadSession(id: SessionId): Promise<Session | undefined> {
    const known = sessions.get(id)
    if (known !== undefined) return known
    const row = await store.read
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', id)
      .where('ended_ms', 'is', null)
      .executeTakeFirst()
    if (row === undefined) return undefined
    const identity = JSON.parse(row.identity) as { issuer: string; attributes: { subject?: string } }
    const session: Session = {
      id,
      runId: row.run_id as RunId,
      roles: JSON.parse(row.roles) as string[],
      jkt: row.jkt,
      actor: actorOf(identity),
      expiresMs: row.expires_ms,
      endReason: undefined,
    }
    sessions.set(id, session)
    return session
  }

  async function openSession(
    request: SessionRequest,
  ): Promise<{ ok: true; session: Session } | { ok: false; reason: 'replayed' }> {
    const { identity, jkt, roles } = request
    const tokenKey = `${identity.issuerUrl} ${identity.tokenId}`
    if (inFlightTokens.has(tokenKey) || (await wasUsed(identity))) return { ok: false, reason: 'replayed' }
    inFlightTokens.add(tokenKey)
    try {
      const now = clock.nowMs()
      const session: Session = {
        id: newId<SessionId>('ses'),
        runId: runOf(identity),
        roles,
        jkt,
        actor: actorOf(identity),
        expiresMs: now + request.ttlSeconds * 1000,
        endReason: undefined,
      }
      await audit.append(sessionIssued(session, request))
      await store.write(async (tx) => {
        await tx
          .insertInto('used_tokens')
          .values({
            issuer: identity.issuerUrl,
            token_id: identity.tokenId,
            expires_ms: identity.expiresSeconds * 1000 + 60_000,
          })
          .execute()
        await tx
          .insertInto('sessions')
          .values({
            id: session.id,
            run_id: session.runId,
            identity: JSON.stringify({
              issuer: identity.issuer,
              attributes: identity.attributes,
              run: identity.run,
            }),
            roles: JSON.stringify(roles),
            jkt,
            created_ms: now,
            expires_ms: session.expiresMs,
            heartbeat_ms: now,
            ended_ms: null,
            end_reason: null,
          })
          .execute()
      })
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

  async function wasUsed(identity: Identity): Promise<boolean> {
    const row = await store.read
      .selectFrom('used_tokens')
      .select('expires_ms')
      .where('issuer', '=', identity.issuerUrl)
      .where('token_id', '=', identity.tokenId)
      .executeTakeFirst()
    return row !== undefined
  }

  async function openStep(session: Session, request: StepRequest): Promise<Step> {
    const now = clock.nowMs()
    const step: Step = {
      id: newId<StepId>('stp'),
      session,
      name: request.name,
      role: request.role,
      tier: request.tier,
      expiresMs: Math.min(session.expiresMs, now + request.ttlSeconds * 1000),
      heartbeatMs: now,
      endReason: undefined,
    }
    await audit.append({
      type: 'step.started',
      run: session.runId,
      subject: step.id,
      data: {
        session: session.id,
        name: request.name,
        role: request.role,
        isolation: request.tier,
        command: request.command,
        grants: request.grants,
        egress: request.egress,
        expires: new Date(step.expiresMs).toISOString(),
      },
    })
    if (session.endReason !== undefined) throw ended(session.endReason)
    await store.write((tx) =>
      tx
        .insertInto('steps')
        .values({
          id: step.id,
          session_id: session.id,
          name: step.name,
          role: step.role,
          tier: step.tier,
          created_ms: now,
          expires_ms: step.expiresMs,
          heartbeat_ms: now,
          ended_ms: null,
          end_reason: null,
          exit_code: null,
        })
        .execute(),
    )
    steps.set(step.id, step)
    // The session may have been revoked while the row was written.
    if (session.endReason !== undefined) {
      await endStep(step, { reason: session.endReason })
      throw ended(session.endReason)
    }
    return step
  }

  async function lease(step: Step, connection: Connection, grant: string): Promise<Lease> {
    if (step.endReason !== undefined) throw ended(step.endReason)
    const ofStep = leases.get(step.id) ?? new Map<string, Promise<Lease>>()
    leases.set(step.id, ofStep)
    const known = ofStep.get(connection.name)
    if (known !== undefined) return known
    const issuing = issueLease(step, connection, grant)
    ofStep.set(connection.name, issuing)
    issuing.catch(() => ofStep.delete(connection.name))
    return issuing
  }

  async function issueLease(step: Step, connection: Connection, grant: string): Promise<Lease> {
    if (connection.credential === undefined)
      throw new MayflyError('bad_input', `connection "${connection.name}" has no credential`)
    const authorization = await staticAuthorization(vault, connection.credential)
    const id = newId<LeaseId>('lse')
    const now = clock.nowMs()
    await audit.append({
      type: 'lease.issued',
      run: step.session.runId,
      subject: id,
      data: {
        session: step.session.id,
        step: step.id,
        connection: connection.name,
        grant,
        kind: 'static',
        secret: connection.credential.secret,
        expires: new Date(step.expiresMs).toISOString(),
      },
    })
    await store.write((tx) =>
      tx
        .insertInto('leases')
        .values({
          id,
          session_id: step.session.id,
          step_id: step.id,
          connection: connection.name,
          grant_source: grant,
          kind: 'static',
          created_ms: now,
          expires_ms: step.expiresMs,
          revoked_ms: null,
          revoke_reason: null,
        })
        .execute(),
    )
    // A kill may race the issue: then the lease is revoked at once and never handed out.
    if (step.endReason !== undefined) {
      await revokeLeases(step, step.endReason)
      throw ended(step.endReason)
    }
    return { id, connection: connection.name, expiresMs: step.expiresMs, authorization }
  }

  async function revokeLeases(step: Step, reason: string): Promise<void> {
    await store.write(async (tx) => {
      const open = await tx
        .selectFrom('leases')
        .select(['id', 'connection'])
        .where('step_id', '=', step.id)
        .where('revoked_ms', 'is', null)
        .execute()
      if (open.length === 0) return
      await tx
        .updateTable('leases')
        .set({ revoked_ms: clock.nowMs(), revoke_reason: reason })
        .where(
          'id',
          'in',
          open.map((row) => row.id),
        )
        .execute()
      await outbox.add(
        tx,
        open.map((row) => leaseRevoked(row, step, reason)),
      )
    })
    outbox.deliver()
  }

  async function endStep(step: Step, outcome: StepOutcome): Promise<void> {
    if (step.endReason === undefined) {
      step.endReason = outcome.reason
      for (const listener of listeners) listener(step)
    }
    const row = await store.read
      .selectFrom('steps')
      .select('ended_ms')
      .where('id', '=', step.id)
      .executeTakeFirst()
    if (row !== undefined && row.ended_ms !== null) return
    await revokeLeases(step, step.endReason)
    await store.write(async (tx) => {
      const changed = await tx
        .updateTable('steps')
        .set({
          ended_ms: clock.nowMs(),
          end_reason: step.endReason ?? null,
          exit_code: outcome.exitCode ?? null,
        })
        .where('id', '=', step.id)
        .where('ended_ms', 'is', null)
        .executeTakeFirst()
      if (changed.numUpdatedRows > 0n) await outbox.add(tx, [stepFinished(step, outcome)])
    })
    // Forgotten only once its end is on disk: until then the sweep tries again.
    steps.delete(step.id)
    leases.delete(step.id)
    outbox.deliver()
  }

  async function endSession(session: Session, reason: string): Promise<void> {
    session.endReason ??= reason
    const open = [...steps.values()].filter((step) => step.session.id === session.id)
    await Promise.all(open.map((step) => endStep(step, { reason })))
    await store.write(async (tx) => {
      const changed = await tx
        .updateTable('sessions')
        .set({ ended_ms: clock.nowMs(), end_reason: reason })
        .where('id', '=', session.id)
        .where('ended_ms', 'is', null)
        .executeTakeFirst()
      if (changed.numUpdatedRows > 0n)
        await outbox.add(tx, [
          { type: 'session.ended', run: session.runId, subject: session.id, data: { reason } },
        ])
    })
    sessions.delete(session.id)
    outbox.deliver()
  }

  async function revoke(
    match: { run?: string; session?: string; role?: string; all?: true },
    reason: string,
  ): Promise<number> {
    let query = store.read.selectFrom('sessions').select(['id', 'roles']).where('ended_ms', 'is', null)
    if (match.run !== undefined) query = query.where('run_id', '=', match.run)
    if (match.session !== undefined) query = query.where('id', '=', match.session)
    const rows = await query.execute()
    const chosen =
      match.role === undefined
        ? rows
        : rows.filter((row) => (JSON.parse(row.roles) as string[]).includes(match.role ?? ''))
    // All gates close before anything is written.
    const found = (await Promise.all(chosen.map((row) => loadSession(row.id as SessionId)))).filter(
      (one) => one !== undefined,
    )
    for (const session of found) closeGates(session, reason)
    await Promise.all(found.map((session) => endSession(session, reason)))
    return found.length
  }

  function closeGates(session: Session, reason: string): void {
    session.endReason ??= reason
    for (const step of steps.values()) {
      if (step.session.id !== session.id || step.endReason !== undefined) continue
      step.endReason = reason
      for (const listener of listeners) listener(step)
    }
  }

  async function sweep(): Promise<void> {
    const now = clock.nowMs()
    const deadlineMs = missedHeartbeats * deps.heartbeatSeconds * 1000
    for (const step of [...steps.values()]) {
      if (step.endReason !== undefined) await endStep(step, { reason: step.endReason })
      else if (now >= step.expiresMs) await endStep(step, { reason: 'expired' })
      else if (now - step.heartbeatMs > deadlineMs) await endSession(step.session, 'heartbeat_lost')
    }
    const over = await store.read
      .selectFrom('sessions')
      .select('id')
      .where('ended_ms', 'is', null)
      .where('expires_ms', '<=', now)
      .execute()
    for (const { id } of over) {
      const session = await loadSession(id as SessionId)
      if (session !== undefined) await endSession(session, 'expired')
    }
    const stale = await store.read
      .selectFrom('used_tokens')
      .select('token_id')
      .where('expires_ms', '<', now)
      .limit(1)
      .execute()
    if (stale.length > 0)
      await store.write((tx) => tx.deleteFrom('used_tokens').where('expires_ms', '<', now).execute())
    outbox.deliver()
  }

  return {
    openSession,
    openStep,
    lease,
    endStep,
    endSession,
    revoke,
    sweep,
    async session(id) {
      const session = await loadSession(id)
      return session?.endReason === undefined && session !== undefined && session.expiresMs > clock.nowMs()
        ? session
        : undefined
    },
    step(id) {
      const step = steps.get(id)
      return step?.endReason === undefined && step !== undefined && step.expiresMs > clock.nowMs()
        ? step
        : undefined
    },
    async heartbeat(step) {
      step.heartbeatMs = clock.nowMs()
      await store.write((tx) =>
        tx.updateTable('steps').set({ heartbeat_ms: step.heartbeatMs }).where('id', '=', step.id).execute(),
      )
    },
    onStepEnd: (listener) => void listeners.push(listener),
    async counts() {
      const row = await store.read
        .selectFrom('leases')
        .select((e) => [e.fn.countAll<number>().as('issued'), e.fn.count<number>('revoked_ms').as('revoked')])
        .executeTakeFirstOrThrow()
      const { issued, revoked } = row
      return {
        issued,
        revoked,
        active: issued - revoked,
        openSteps: steps.size,
        undelivered: await outbox.pending(),
      }
    },
    close: () => outbox.close(),
  }
}

/** The run's id: the same for every session of one CI job, another for each attempt. */
function runOf(identity: Identity): RunId {
  const { id, attempt, job } = identity.run
  const place = identity.attributes.repository_id ?? identity.attributes.subject ?? ''
  return idOf<RunId>('run', [identity.issuerUrl, place, id, attempt, job])
}

function actorOf(identity: { issuer: string; attributes: { subject?: string } }): string {
  return `${identity.issuer}:${identity.attributes.subject ?? ''}`
}

function ended(reason: string): MayflyError {
  return new MayflyError('revoked', `the step has ended (${reason}): nothing more is given to it`)
}

function sessionIssued(session: Session, request: SessionRequest): AuditEvent {
  const { identity } = request
  return {
    type: 'session.issued',
    run: session.runId,
    subject: session.id,
    data: {
      request: request.requestId,
      issuer: identity.issuer,
      issuerUrl: identity.issuerUrl,
      token: identity.tokenId,
      identity: identity.attributes,
      ciRun: identity.run,
      roles: session.roles,
      jkt: session.jkt,
      expires: new Date(session.expiresMs).toISOString(),
    },
  }
}

function leaseRevoked(row: { id: string; connection: string }, step: Step, reason: string): AuditEvent {
  return {
    type: 'lease.revoked',
    run: step.session.runId,
    subject: row.id,
    data: { step: step.id, connection: row.connection, reason },
  }
}

function stepFinished(step: Step, outcome: StepOutcome): AuditEvent {
  return {
    type: 'step.finished',
    run: step.session.runId,
    subject: step.id,
    data: {
      name: step.name,
      role: step.role,
      reason: step.endReason,
      ...(outcome.exitCode === undefined ? {} : { exitCode: outcome.exitCode }),
      ...outcome.summary,
    },
  }
}
