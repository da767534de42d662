import type { Connection } from '../connections/index.ts'
import type { RunId, Secret, SessionId, StepId } from '../lib/index.ts'
import type { StepRefusal, StepRequest } from './events.ts'
import type { LeaseDesk } from './leases/desk.ts'
import type { LeaseCounts } from './leases/ledger.ts'
import type { End, Lease, Minted, Session, Step, StepOutcome } from './model.ts'
import type { Outbox } from './outbox.ts'
import type { SessionMatch, WaitingSession } from './records.ts'
import type { OpenedSession, SessionRequest } from './session-request.ts'

/** What the rest of the server asks of the broker, and what it may rely on. */
export interface Broker {
  /** Opens a session for a verified identity and uses its token up. `replayed`: the token was used before. */
  openSession(request: SessionRequest): Promise<OpenedSession>
  /** A session that still stands. */
  session(id: SessionId): Promise<Session | undefined>
  openStep(session: Session, request: StepRequest): Promise<Step>
  /** The roles that steps of the run have had in this workspace so far; in any, if `workspace` is ''. */
  rolesIn(run: RunId, workspace: string): Promise<string[]>
  /** Records that a step was not opened. Never throws: it is refused either way. */
  refuseStep(session: Session, refusal: StepRefusal): Promise<void>
  /** A step that still runs. */
  step(id: StepId): Step | undefined
  /** Why it is that a step, or a session, does not stand any more; undefined for one that does, or never was. */
  endOf(id: { step: StepId } | { session: SessionId }): End | undefined
  /** From here on no session and no step is opened: `server_stopping`. */
  drain(): void
  heartbeat(step: Step): Promise<void>
  /** Its supervisor has asked for its token to be renewed: a session that waits ends if nobody does. */
  seen(session: Session): Promise<void>
  /** The step's lease for this connection, issued at its first use. Throws `revoked` once the step has ended. */
  lease(step: Step, connection: Connection, grant: string): Promise<Lease>
  /** Records what a registry has minted for this step, before it is used. Throws `revoked` once the step has ended. */
  leaseMinted(step: Step, connection: Connection, minted: Minted): Promise<void>
  /**
   * Decides how a step ends, while its leases stand for what is still done for it. False if another end came first, at any server;
   * whatever comes later changes nothing of this one. Throws `disk_full`, `store_failed`: nothing is decided.
   */
  decideEnd(step: Step, outcome: StepOutcome): Promise<boolean>
  /** False once the step, or its session, has ended at any server. */
  isOpen(step: Step): boolean
  /** A step whose gate is closed and whose end is not in the store yet. */
  endingStep(id: StepId): Step | undefined
  /** Closes the gate, revokes every lease, records the end. Twice is once. */
  endStep(step: Step, outcome: StepOutcome): Promise<void>
  endSession(session: Session, reason: string): Promise<void>
  /** Ends every open session that matches; returns how many. */
  revoke(match: SessionMatch, reason: string): Promise<number>
  /** Ends what has expired or lost its heartbeat. Called every second. */
  sweep(): Promise<void>
  /** Called the moment a step's gate closes, before anything is written: cut its connections. */
  onStepEnd(listener: (step: Step) => void): void
  /**
   * Called when a step loses what it had for a connection, and goes on: cut what it has open there, unless it was the host that
   * took it no more.
   */
  onLeaseEnd(listener: (step: Step, connection: string, byHost: boolean) => void): void
  /**
   * Ends every lease that was made from this version of a secret, or an older one; whoever asks again gets one of a newer version.
   * Returns those that stood. Twice is once.
   */
  revokeSecret(secret: string, version: number, reason: string): Promise<readonly string[]>
  /**
   * Ends this one lease, whose credential others may have; whoever asks again gets another one. False if it was over already, at
   * whichever server. What the store does not take is written once it does: then it throws what the store threw.
   */
  revokeLease(which: RevokedLease, reason: string): Promise<boolean>
  /** A host answered 401 to this credential of the step: one that was made for it is ended, and another made at the next use. */
  refusedByHost(step: Step, authorization: Secret): void
  /**
   * A host answered 403 to it, as some do to a credential that is no more, and all to what it may not do: its issuer is asked whether
   * it is dead, once a minute at most, and a dead one is treated as `refusedByHost` does. Returns before that is known.
   */
  doubtedByHost(step: Step, authorization: Secret): void
  /** It was made for the step a moment ago: a host may not know it everywhere yet, and a 401 says nothing. */
  isFresh(step: Step, authorization: Secret): boolean
  /** The same, as a tool says it to which the step's credential of this connection was handed: it asks for another itself. */
  refusedByTool(step: Step, connection: Connection): void
  /** How many credentials are alive, or may be, that only this secret can end at their upstreams. */
  leasesNeeding(secret: string): Promise<number>
  counts(): Promise<BrokerCounts>
  /** For monitoring: how many leases are in which state, those that cannot be revoked, and how often that failed since the start. */
  leaseStates(): Promise<{
    states: Readonly<Record<string, number>>
    stuck: { count: number; sinceMs: number | undefined }
    failures: number
  }>
  /** What operators see and do about leases. */
  readonly leases: LeaseDesk
  /** Resolves once no upstream is being asked to revoke anything. */
  idle(): Promise<void>
  /** Sessions that hold roles for steps which have not begun; the oldest first, so many at most. */
  waiting(limit: number): Promise<WaitingSession[]>
  /** For what takes something away: its entry is written with it, and delivered until the log has it. */
  readonly outbox: Pick<Outbox, 'write' | 'deliver' | 'isDelivered'>
  close(): Promise<void>
}

export interface RevokedLease {
  readonly lease: string
  readonly step: StepId
  readonly connection: string
}

export interface BrokerCounts extends Omit<LeaseCounts, 'states'> {
  readonly openSteps: number
  /** Entries of ends that the audit log has not confirmed yet. */
  readonly undelivered: number
}
