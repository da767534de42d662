import type { Clock } from '../lib/index.ts'
import type { ProofSigner } from '../identity/index.ts'
import type { ServerApi, SessionGrant, StepActivity } from './api.ts'
import type { LimitName, Probe } from './sandbox/index.ts'
import type { Supervision } from './supervise.ts'

export interface StepRequest {
  readonly name: string
  readonly role: string
  /** Program and arguments. */
  readonly command: readonly string[]
  readonly workspace: string
  readonly tools: readonly string[]
  /** Say where they are (`NVM_DIR`). */
  readonly toolVariables: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly passEnv: readonly string[]
  readonly lockfile: string
  /** Named caches, and folders of the workspace, that it shares with other runs. */
  readonly caches: readonly string[]
  /** A file of the workspace that the CI takes variables from after the job: checked at the end. */
  readonly dotenv?: string
  /** `none` must have been asked for by name. */
  readonly isolation: 'namespace' | 'none'
  /** Of its line in the pipeline; the role's own time ends it, too, if that is sooner. */
  readonly timeoutSeconds?: number
}

export interface StepResult {
  readonly name: string
  readonly role: string
  readonly stepId: string
  readonly exitCode: number
  readonly durationMs: number
  readonly activity: StepActivity
  /** Set if the server ended it (revoked, expired, unreachable): why. */
  readonly ended?: string
  /** The limit that ended it. */
  readonly limit?: LimitName
  /** Connections that it tried without the proxy; missing where the isolation cannot see them. */
  readonly directAttempts?: number
}

export interface StepDeps extends Supervision {
  readonly api: ServerApi
  readonly signer: ProofSigner
  readonly session: SessionGrant
  readonly probe: Probe
  /** The job's environment. */
  readonly job: Readonly<Record<string, string>>
  readonly clock: Clock
  /** The server, as the job names it. */
  readonly server: string
  /** Where this machine keeps caches; undefined: nowhere. */
  readonly cacheFolder: string | undefined
}
