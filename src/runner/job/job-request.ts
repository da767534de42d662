import type { Readable, Writable } from 'node:stream'
import type { Environment } from '../../config/environment.ts'
import type { ProofSigner } from '../../identity/index.ts'
import type { Clock } from '../../lib/index.ts'
import type { ServerApi } from '../api.ts'
import type { Cancellation } from '../cancellation.ts'
import type { DotenvReports } from '../dotenv-reports.ts'
import type { StepVariables } from '../step-variables.ts'
import type { Notices } from '../notices.ts'
import type { Redactor } from '../redactor.ts'
import type { Probe } from '../sandbox/index.ts'
import type { JobWorkspaces } from '../workspace/index.ts'
import type { JobStep } from './job-step.ts'
import type { JobSessions } from './sessions.ts'

export interface JobRequest {
  readonly server: string
  readonly environment: Environment
  /** Each after those that it needs. */
  readonly steps: readonly JobStep[]
  readonly failFast: boolean
  /** Steps of a file are announced; a command is not. */
  readonly isFile: boolean
  /** How many steps run at once; as many as there are processors if left out. */
  readonly jobs?: number
  readonly clock: Clock
  /** For the step, if there is one step and it is to read something. */
  readonly stdin?: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Both lead to one place, and so the step's two are one. */
  readonly merged: boolean
  /** The way of every line of ours; to `stderr`. */
  readonly notices: Notices
  readonly redactor: Redactor
  readonly cancellation: Cancellation
}

export interface StepsDeps extends JobRequest {
  readonly api: ServerApi
  readonly signer: ProofSigner
  readonly sessions: JobSessions
  readonly workspaces: JobWorkspaces
  readonly dotenvReports: DotenvReports
  readonly stepVariables: StepVariables
  readonly probe: Probe
  /** How many steps run at once. */
  readonly jobs: number
  readonly toldOnce: Set<string>
}
