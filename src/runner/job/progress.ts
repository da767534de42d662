import type { MayflyError } from '../../lib/index.ts'
import type { SessionGrant } from '../api.ts'
import type { Artifacts } from '../artifacts/index.ts'
import type { Cancellation } from '../cancellation.ts'
import { passedVariables } from '../environment.ts'
import { notStartedExitCode } from '../sandbox/index.ts'
import type { JobFacts } from '../session-facts.ts'
import type { StepResult } from '../step-request.ts'
import type { Attempt, JobStep, NotRun } from './job-step.ts'
import type { Fate } from './schedule.ts'

export interface JobResult {
  readonly runId: string
  /** Of the first step; others may have sessions of their own. */
  readonly sessionId: string
  /** What ran, each attempt for itself, in the order in which they ended. */
  readonly steps: readonly StepResult[]
  readonly notRun: readonly NotRun[]
  /** Of the step that failed first, else 0; if the job was asked to end, that of the signal. */
  readonly exitCode: number
  /** Why the first step that could not be started could not. */
  readonly error?: MayflyError
}

/** What is known of a job while it runs, and what follows from it for the steps that are left. */
export interface Progress {
  began(session: SessionGrant): void
  readonly wants: (step: JobStep, failed: boolean) => boolean
  /** The outputs of earlier steps that it has, as variables. */
  handedTo(step: JobStep): Record<string, string>
  /** What it is handed by earlier steps as files. */
  artifactsFor(step: JobStep): Artifacts[]
  /** Takes note of a step's end; whether the job may go on as if it had succeeded. */
  settle(step: JobStep, attempts: readonly Attempt[]): boolean
  result(fates: ReadonlyMap<string, Fate<undefined>>, cancellation: Cancellation): JobResult
}

export function createProgress(deps: {
  steps: readonly JobStep[]
  /** The job's environment. */
  variables: Readonly<Record<string, string>>
  job: () => JobFacts
}): Progress {
  const results: StepResult[] = []
  const outputs = new Map<string, Readonly<Record<string, string>>>()
  const artifacts = new Map<string, Artifacts>()
  const errors = new Map<string, MayflyError>()
  let first: SessionGrant | undefined
  let exitCode = 0

  function handedTo(step: JobStep): Record<string, string> {
    const handed = step.values.flatMap(({ step: name, output, variable }) => {
      const value = outputs.get(name)?.[output]
      return value === undefined ? [] : [[variable, value] as const]
    })
    return Object.fromEntries(handed)
  }

  return {
    handedTo,
    artifactsFor: ({ takesFrom }) => takesFrom.flatMap((name) => artifacts.get(name) ?? []),
    began(session) {
      first ??= session
    },
    wants(step, failed) {
      const passed = passedVariables(deps.variables, step.passEnv)
      const env = { ...passed, ...step.env, ...handedTo(step) }
      return step.condition.holds({
        failed,
        env: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
        job: factsOf(deps.job()),
        matrix: step.matrix,
        output: (name, output) => outputs.get(name)?.[output],
      })
    },
    settle(step, attempts) {
      for (const one of attempts) if (one.kind === 'ran') results.push(one.result)
      const last = attempts.at(-1)
      if (last === undefined) return true
      if (last.kind === 'error') errors.set(step.name, last.error)
      else {
        outputs.set(step.name, last.result.outputs)
        if (last.result.artifacts !== undefined) artifacts.set(step.name, last.result.artifacts)
      }
      const code = last.kind === 'error' ? notStartedExitCode : last.result.exitCode
      // What Mayfly could not do, or the server has ended, is no error of the step's that the file could have meant.
      const isItsOwn = last.kind === 'ran' && last.result.outcome !== 'ended'
      const isGood = code === 0 || (step.continueOnError && isItsOwn)
      if (!isGood && exitCode === 0) exitCode = code
      return isGood
    },
    result(fates, cancellation) {
      const [error] = errors.values()
      return {
        runId: first?.run_id ?? '',
        sessionId: first?.session_id ?? '',
        steps: results,
        notRun: deps.steps.flatMap((step) => notRun(step, fates, errors, cancellation)),
        exitCode: cancellation.asked.aborted ? cancellation.exitCode() : exitCode,
        ...(error === undefined ? {} : { error }),
      }
    },
  }
}

function factsOf({
  ref,
  ref_protected,
  commit,
  repository,
  repository_id,
}: JobFacts): Record<string, string> {
  const all = { ref, ref_protected: String(ref_protected), commit, repository, repository_id }
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function notRun(
  { name, role }: JobStep,
  fates: ReadonlyMap<string, Fate<undefined>>,
  errors: ReadonlyMap<string, MayflyError>,
  cancellation: Cancellation,
): NotRun[] {
  const error = errors.get(name)
  if (error !== undefined) return [{ name, role, why: 'error', detail: error.message }]
  const kind = fates.get(name)?.kind
  if (kind === undefined || kind === 'ran') return []
  if (kind === 'passed_over') return [{ name, role, why: 'condition' }]
  return [{ name, role, why: cancellation.asked.aborted ? 'cancelled' : 'failure' }]
}
