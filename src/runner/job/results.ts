import type { FileList } from '../api-facts.ts'
import { fileListOf } from '../artifacts/index.ts'
import { notStartedExitCode } from '../sandbox/index.ts'
import type { StepResult } from '../step-request.ts'
import type { Attempt, JobStep, NotRun } from './job-step.ts'

/** What became of a job: of `--results`, `--json` and `--junit`. */
export interface JobResult {
  /** Empty if the job was refused. */
  readonly runId: string
  /** Of the first step; others may have sessions of their own. */
  readonly sessionId: string
  /** Each attempt of a step; those of one step stand together, steps in the order in which they ended. */
  readonly steps: readonly AttemptResult[]
  /** Steps without any attempt. */
  readonly notRun: readonly NotRun[]
  /** Of the step that failed first, else 0; if the job was asked to end, that of the signal. */
  readonly exitCode: number
  /** Why the job was refused before its first step, if it was. */
  readonly refused?: string
  /** Why the first step that could not be started could not. */
  readonly error?: Error
}

/** One attempt of a step. `stepId` and `startedAt` are missing if it could not be started; `detail` says why then, too. */
export interface AttemptResult extends Omit<StepResult, 'outcome' | 'stepId' | 'startedAt' | 'artifacts'> {
  readonly outcome: StepResult['outcome'] | 'not_started'
  readonly stepId?: string
  readonly startedAt?: string
  /** The next attempt came after it. */
  readonly retried?: true
  /** It failed, and the job went on as if it had not: `continue_on_error`. */
  readonly tolerated?: true
  /** What it handed on, as the record has it. */
  readonly artifacts?: FileList
}

/** The attempts of one step. `isGood`: the job goes on. */
export function attemptResults(
  step: JobStep,
  attempts: readonly Attempt[],
  isGood: boolean,
): AttemptResult[] {
  return attempts.map((attempt, i) => {
    const result = attempt.kind === 'ran' ? plain(attempt.result) : notStarted(step, attempt)
    if (i < attempts.length - 1) return { ...result, retried: true }
    return isGood && result.exitCode !== 0 ? { ...result, tolerated: true } : result
  })
}

/** Of a job that was refused, or cancelled, before its first step. */
export function refusedJob(
  steps: readonly JobStep[],
  why: 'refused' | 'cancelled',
  message: string,
  exitCode: number,
): JobResult {
  const notRun = steps.map(({ name, role }) => ({ name, role, why, detail: message }))
  return { runId: '', sessionId: '', steps: [], notRun, exitCode, refused: message }
}

function plain({ artifacts, ...result }: StepResult): AttemptResult {
  // Where the files are kept is nobody's business outside.
  return artifacts === undefined
    ? result
    : { ...result, artifacts: fileListOf(artifacts.files, (text) => text) }
}

function notStarted(
  { name, role }: JobStep,
  { number, error }: Extract<Attempt, { kind: 'error' }>,
): AttemptResult {
  return {
    ...{ name, role, attempt: number, outcome: 'not_started', detail: error.message },
    ...{ exitCode: notStartedExitCode, durationMs: 0, outputs: {}, activity: { granted: [], denied: [] } },
  }
}
