import type { QueryCreator } from 'kysely'
import type { LeaseId, RunId, Secret, SessionId, StepId } from '../lib/index.ts'
import type { Tables } from '../store/index.ts'
import type { DecisionSubject } from '../policy/index.ts'

/** One identity that assumed one or more roles. */
export interface Session {
  readonly id: SessionId
  readonly runId: RunId
  readonly roles: readonly string[]
  /** Thumbprint of the DPoP key that alone may use its tokens. */
  readonly jkt: string
  /** The CI job, in one line: issuer and subject. */
  readonly actor: string
  /** What policy looks at beside the role: who the job is, as its issuer said. */
  readonly subject: DecisionSubject
  readonly createdMs: number
  /** Claims that a rule of the policy named, by their own names: a step is opened only if the rules still hold. */
  readonly claims: Readonly<Record<string, string>>
  /**
   * How long after `createdMs` its steps may begin, each with the whole `ttl` of its role; 0: every role ends its `ttl` after
   * `createdMs`, whenever its steps begin.
   */
  readonly waitSeconds: number
  /** Nothing of it lasts longer. */
  readonly expiresMs: number
  endReason: string | undefined
}

/** One `mayfly run`: a role of the session, for one command, while its heartbeat lasts. */
export interface Step {
  readonly id: StepId
  readonly session: Session
  readonly name: string
  readonly role: string
  /** How it is isolated: the tier that the runner's probe found. */
  readonly tier: string
  readonly startedMs: number
  readonly expiresMs: number
  heartbeatMs: number
  endReason: string | undefined
  /** When its gate closed. */
  endedMs?: number
  /** How it ends, if that was decided before its gate closed: no other end can come first any more. */
  decided?: Decision
}

/** How a step ends. The first one that is in the store stands, whichever server asks for another. */
export interface Decision {
  readonly reason: string
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number
  readonly outcome: StepOutcome
}

/**
 * Where a step runs, as its runner says: in the workspace of the job, in one of its own that nobody has written to, or in the
 * job's because that was asked for. `id` tells workspaces of a run apart and nothing else.
 */
export interface StepWorkspace {
  readonly kind: 'job' | 'fresh' | 'shared'
  readonly id: string
}

/** That a session or step has ended, and how. */
export interface End {
  readonly reason: string
  readonly endedMs: number
  /** Of a step: its role, and how long it could have lasted. */
  readonly role?: string
  readonly lifetimeSeconds?: number
}

/** One short-lived credential for one connection, in memory only. Nothing of it reaches the step, but what is delivered to it. */
export interface Lease {
  readonly id: LeaseId
  readonly connection: string
  readonly expiresMs: number
  /** Value of the `Authorization` header that the gateway adds, if the connection has a credential. */
  readonly authorization: Secret | undefined
  readonly clientIdentity: ClientIdentity | undefined
  /** What there is of a minted one, by name, for delivery. */
  readonly fields?: Readonly<Record<string, Secret>>
  /** The secrets that it was made from. */
  readonly from: readonly UsedSecret[]
}

/** A secret that a lease is made from, and which version was in use when that began. */
export interface UsedSecret {
  readonly secret: string
  /** 0: it is kept elsewhere, or is not there. */
  readonly version: number
  /** The lease has the secret itself, and not what somebody made with it. */
  readonly held: boolean
}

/** What a registry gave for the identity of the job: the gateway holds it. */
export interface Minted {
  /** What it is for, as a grant. */
  readonly grant: string
  readonly kind: 'static' | 'trusted_publishing'
  /** Until when it may live; it is used no longer than its step. */
  readonly expiresMs: number
}

/** A client certificate and its key, for TLS with the host of one connection. */
export interface ClientIdentity {
  /** PEM, the certificate itself first. */
  readonly chain: string
  /** PEM of its private key, checked to be the certificate's. */
  readonly key: Secret
}

/** What is kept of a step's log: so many bytes of the plain record, and their SHA-256 in hex. */
export interface KeptLog {
  readonly bytes: number
  readonly sha256: string
}

/**
 * Gathers what is kept of a step that ends: what it gives back is written in the transaction that ends the step. It never rejects,
 * since nothing keeps a step from ending.
 */
export type AtStepEnd = (
  step: Step,
  outcome: StepOutcome,
  log: KeptLog | undefined,
) => Promise<(tx: QueryCreator<Tables>) => Promise<void>>

/** How a step ended, as its supervisor saw it. */
export interface StepOutcome {
  readonly reason: string
  readonly exitCode?: number
  /** What it reached and was refused, as the gateway saw it. */
  readonly activity?: { readonly granted: readonly unknown[]; readonly denied: readonly unknown[] }
  /** What the runner has to say of it: signal, masked secrets, duration. Plain data. */
  readonly summary?: Readonly<Record<string, unknown>>
}
