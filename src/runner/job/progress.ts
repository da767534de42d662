import type { SessionGrant } from '../api-facts.ts'
import type { Artifacts } from '../artifacts/index.ts'
import type { Cancellation } from '../cancellation.ts'
import { passedVariables } from '../environment.ts'
import { notStartedExitCode } from '../sandbox/index.ts'
import type { JobFacts } from '../session-facts.ts'
import type { Attempt, JobStep, NotRun } from './job-step.ts'
import { attemptResults, type AttemptResult, type JobResult } from './results.ts'
import type { Fate } from './schedule.ts'

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
  const results: AttemptResult[] = []
  const outputs = new Map<string, Readonly<Record<string, string>>>()
  const artifacts = new Map<string, Artifacts>()
  let error: Error | undefined
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
      const last = attempts.at(-1)
      if (last === undefined) return true
      if (last.kind === 'error') error ??= last.error
      else {
        outputs.set(step.name, last.result.outputs)
        if (last.result.artifacts !== undefined) artifacts.set(step.name, last.result.artifacts)
      }
      const code = last.kind === 'error' ? notStartedExitCode : last.result.exitCode
      // What Mayfly could not do, or the server has ended, is no error of the step's that the file could have meant.
      const isItsOwn = last.kind === 'ran' && last.result.outcome !== 'ended'
      const isGood = code === 0 || (step.continueOnError && isItsOwn)
      results.push(...attemptResults(step, attempts, isGood))
      if (!isGood && exitCode === 0) exitCode = code
      return isGood
    },
    result(fates, cancellation) {
      return {
        runId: first?.run_id ?? '',
        sessionId: first?.session_id ?? '',
        steps: results,
        notRun: deps.steps.flatMap((step) => notRun(step, fates, cancellation)),
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
  cancellation: Cancellation,
): NotRun[] {
  const kind = fates.get(name)?.kind
  if (kind === undefined || kind === 'ran') return []
  if (kind === 'passed_over') return [{ name, role, why: 'condition' }]
  return [{ name, role, why: cancellation.asked.aborted ? 'cancelled' : 'failure' }]
}
