import type { AuditEvent } from '../audit/client/index.ts'
import type { Connection } from '../connections/index.ts'
import type { Identity } from '../identity/index.ts'
import type { Lease, Session, Step, StepOutcome } from './model.ts'

/** What a step is opened with. */
export interface StepRequest {
  readonly name: string
  readonly role: string
  readonly ttlSeconds: number
  readonly tier: string
  /** What is run, for the record. */
  readonly command: string
  /** The grants of the role and the egress list: what the step could reach. */
  readonly grants: readonly string[]
  readonly egress: readonly string[]
}

export function sessionIssued(
  session: Session,
  identity: Identity,
  requestId: string,
  claims: Readonly<Record<string, string>>,
  approval?: string,
): AuditEvent {
  return {
    type: 'session.issued',
    run: session.runId,
    subject: session.id,
    data: {
      request: requestId,
      issuer: identity.issuer,
      issuerUrl: identity.issuerUrl,
      token: identity.tokenId,
      identity: identity.attributes,
      ...(Object.keys(claims).length === 0 ? {} : { claims }),
      ciRun: identity.run,
      roles: session.roles,
      jkt: session.jkt,
      expires: new Date(session.expiresMs).toISOString(),
      ...(approval === undefined ? {} : { approval }),
    },
  }
}

export function sessionEnded(session: Session, reason: string): AuditEvent {
  return { type: 'session.ended', run: session.runId, subject: session.id, data: { reason } }
}

export function stepStarted(step: Step, request: StepRequest): AuditEvent {
  return {
    type: 'step.started',
    run: step.session.runId,
    subject: step.id,
    data: {
      session: step.session.id,
      name: step.name,
      role: step.role,
      isolation: step.tier,
      command: request.command,
      ...firstOf('grants', request.grants),
      ...firstOf('egress', request.egress),
      expires: new Date(step.expiresMs).toISOString(),
    },
  }
}

export function stepFinished(step: Step, outcome: StepOutcome): AuditEvent {
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

export function leaseIssued(lease: Lease, step: Step, connection: Connection, grant: string): AuditEvent {
  return {
    type: 'lease.issued',
    run: step.session.runId,
    subject: lease.id,
    data: {
      session: step.session.id,
      step: step.id,
      connection: connection.name,
      grant,
      kind: 'static',
      secret: connection.credential?.secret,
      expires: new Date(lease.expiresMs).toISOString(),
    },
  }
}

export function leaseRevoked(
  lease: { id: string; connection: string },
  step: Step,
  reason: string,
): AuditEvent {
  return {
    type: 'lease.revoked',
    run: step.session.runId,
    subject: lease.id,
    data: { step: step.id, connection: lease.connection, reason },
  }
}

const recordedItems = 150

/** As many as an entry has room for, and how many there are if that is not all of them. */
function firstOf(name: string, items: readonly string[]): Record<string, unknown> {
  if (items.length <= recordedItems) return { [name]: items }
  return { [name]: items.slice(0, recordedItems), [`${name}Count`]: items.length }
}
