import type { Stats } from 'node:fs'
import type { StepGrant } from './api-facts.ts'
import type { Artifact } from './artifacts/index.ts'
import type { OpenCaches } from './cache/index.ts'
import type { ProgramsRecord, StepLog } from './record/index.ts'
import type { Chosen } from './isolation.ts'
import type { Refusals } from './refusals.ts'
import type { Relay } from './relay.ts'
import type { Renewal } from './renewal.ts'
import type { SecretsSeen } from './secrets-seen.ts'
import type { HeldBy, LimitName, Running, StepLimits, StepUsage } from './sandbox/index.ts'
import type { Outcome } from './supervise.ts'
import type { Cover, StepWorkspace } from './workspace/index.ts'

/** What one step has while it is open. */
export interface OpenStep {
  readonly step: StepGrant
  readonly relay: Relay
  /** Of its token. */
  readonly renewal: Renewal
  readonly startedMs: number
  /** ISO 8601. */
  readonly startedAt: string
  readonly refusals: Refusals
  covers: readonly Cover[]
  /** Files that it sees something else in place of. */
  isCovered: (stat: Stats) => boolean
  readonly place: StepWorkspace
  readonly isolation: Chosen
  caches: OpenCaches | undefined
  readonly limits: StepLimits
  readonly log: StepLog
  readonly secretsSeen: SecretsSeen
  /** Whether its command may have run. */
  hasStarted: () => boolean
}

export interface Ran {
  readonly outcome: Outcome
  /** Why the server ended it, if it did. */
  readonly ended: string | undefined
  readonly directAttempts: number | undefined
  /** The limit that ended it. */
  readonly limit: LimitName | undefined
  readonly heldBy: HeldBy
  /** What it hands on as values. */
  readonly outputs: Readonly<Record<string, string>>
  /** What it wrote for later steps could be read; else it has failed, or they would go on without. */
  readonly saidWhole: boolean
  readonly used?: StepUsage
  readonly programs?: ProgramsRecord
  /** Refusals that were shown already. */
  readonly seen: number
  /** What it took of earlier steps. */
  readonly inputs: readonly Artifact[]
}

/** How a step is ended while its workspace is being made. */
export interface Preparing {
  began(running: Running): void
  kill(): void
  /** Has the server ended it? */
  isOver(): boolean
}
