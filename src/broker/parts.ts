import type { Clock, RunId, SessionId, StepId } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type { Leases } from './leases/leases.ts'
import type { AtStepEnd, KeptLog, Session, Step, StepOutcome } from './model.ts'
import type { Outbox } from './outbox.ts'
import type { Records } from './records.ts'
import type { SecretUse } from './secret-use.ts'

/** What the broker is made of: each of its files does one thing with it. */
export interface BrokerParts {
  readonly audit: AuditClient
  readonly clock: Clock
  readonly outbox: Outbox
  readonly records: Records
  readonly leases: Leases
  readonly secretUse: SecretUse
  readonly heartbeatSeconds: number
  /** See `createBroker`. */
  readonly logOf?: ((step: StepId) => Promise<KeptLog | undefined>) | undefined
  readonly atEnd?: AtStepEnd | undefined
  readonly live: Live
}

/** What this server has in hand of what the store has: there is one object per session and step, since its end is marked on it. */
export interface Live {
  readonly sessions: Map<SessionId, Session>
  readonly steps: Map<StepId, Step>
  /** What was said of a step's end first. */
  readonly outcomes: Map<StepId, StepOutcome>
  /** Over, and not yet on disk as such: the sweep tries again. */
  readonly ending: Set<Session>
  readonly startedRuns: Set<RunId>
  /** Identity tokens that a session is being opened with. */
  readonly inFlightTokens: Set<string>
  readonly stepListeners: ((step: Step) => void)[]
  readonly leaseListeners: ((step: Step, connection: string, byHost: boolean) => void)[]
  /** From then on nothing new is opened. */
  draining: boolean
}

export function createLive(): Live {
  return {
    sessions: new Map(),
    steps: new Map(),
    outcomes: new Map(),
    ending: new Set(),
    startedRuns: new Set(),
    inFlightTokens: new Set(),
    stepListeners: [],
    leaseListeners: [],
    draining: false,
  }
}
