import type { Clock, Engine } from '../lib/index.ts'
import type { ProofSigner } from '../identity/index.ts'
import type { ServerApi } from './api.ts'
import type { Attested, SessionGrant, StepActivity } from './api-facts.ts'
import type { Artifacts } from './artifacts/index.ts'
import type { AttestationsPlace } from './attestations/index.ts'
import type { DotenvReports } from './dotenv-reports.ts'
import type { IdentityFor } from './publisher-identity.ts'
import type { LimitName, Probe } from './sandbox/index.ts'
import type { StepVariables } from './step-variables.ts'
import type { Supervision } from './supervise.ts'
import type { JobWorkspaces, WorkspaceKind } from './workspace/index.ts'

export interface StepRequest {
  readonly name: string
  readonly role: string
  /** Program and arguments. */
  readonly command: readonly string[]
  /** Of a pipeline's step, what stands as its `run`: the last argument of the shell above. */
  readonly script?: string
  /** The job's, until the step has its place; then where it runs. */
  readonly workspace: string
  /** Where the step sees it; at the same path if left out. */
  readonly workspaceInside?: string
  /** Files that this job obeys while it runs, such as its pipeline: absolute. */
  readonly inUse?: readonly string[]
  /** Left out: `fresh` for a role that writes, else `job`. */
  readonly workspaceKind?: WorkspaceKind
  /** The run's own commit is checked out before the command: from this connection if there are several. */
  readonly checkout?: Checkout
  /** Patterns of files that it hands on. */
  readonly artifacts?: readonly string[]
  /** No other step takes them: they are not copied. */
  readonly artifactsStay?: boolean
  /** Where what is signed of it is written. */
  readonly attestations?: AttestationsPlace
  /** What earlier steps hand to it. */
  readonly inputs?: readonly Artifacts[]
  readonly tools: readonly string[]
  /** Say where they are (`NVM_DIR`). */
  readonly toolVariables: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  /** Further ones, which earlier steps hand to it: no secrets, since what they wrote was masked. */
  readonly handed?: Readonly<Record<string, string>>
  readonly passEnv: readonly string[]
  readonly lockfile: string
  /** Named caches, and folders of the workspace, that it shares with other runs. */
  readonly caches: readonly string[]
  /** A file of the workspace that the CI takes variables from after the job: checked at the end. */
  readonly dotenv?: string
  /** Ports of the runner's own localhost that it may reach, if its role allows them. */
  readonly services: readonly number[]
  /** Names of the outputs that it may write. */
  readonly outputs?: readonly string[]
  /** `none` must have been asked for by name; a container engine comes with its image. */
  readonly isolation: 'namespace' | Engine | 'none'
  readonly image?: string
  /** Of its line in the pipeline; the role's own time ends it, too, if that is sooner. */
  readonly timeoutSeconds?: number
}

export interface Checkout {
  readonly connection?: string
  /** Commits of history; 0: all, with all branches and tags. 1 if left out. */
  readonly depth?: number
  readonly submodules?: boolean
}

export interface StepResult {
  readonly name: string
  readonly role: string
  readonly stepId: string
  readonly exitCode: number
  /** `ended`: by the server. */
  readonly outcome: 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'ended'
  /** From 1; a step that is tried again has several results. */
  readonly attempt: number
  /** RFC 3339. */
  readonly startedAt: string
  readonly durationMs: number
  readonly activity: StepActivity
  /** What it hands to the steps that need it. */
  readonly outputs: Readonly<Record<string, string>>
  /** Set if the server ended it (revoked, expired, unreachable): why. */
  readonly ended?: string
  /** Why it failed although its command ended with 0. */
  readonly detail?: string
  /** The limit that ended it. */
  readonly limit?: LimitName
  /** Connections that it tried without the proxy; missing where the isolation cannot see them. */
  readonly directAttempts?: number
  /** What it handed on. */
  readonly artifacts?: Artifacts
  readonly attested?: Attested
}

export interface StepDeps extends Supervision {
  readonly api: ServerApi
  readonly signer: ProofSigner
  readonly session: SessionGrant
  readonly probe: Probe
  readonly workspaces: Pick<JobWorkspaces, 'open' | 'store'>
  readonly dotenvReports: Pick<DotenvReports, 'take'>
  readonly stepVariables: StepVariables
  /** Lines that one step of the job has told for all. */
  readonly toldOnce: Set<string>
  /** The job's environment. */
  readonly job: Readonly<Record<string, string>>
  readonly clock: Clock
  /** Resolves when its command may begin, once its sandbox is set up; at once if left out. */
  readonly mayBegin?: () => Promise<void>
  /** Identity tokens of the job for registries. */
  readonly identityFor: IdentityFor
  /** The server, as the job names it. */
  readonly server: string
  /** Where this machine keeps caches; undefined: nowhere. */
  readonly cacheFolder: string | undefined
}
