import { messageOf } from '../lib/index.ts'
import { collectArtifacts, TooMuch, type Artifacts } from './artifacts/index.ts'
import type { OpenStep } from './opened-step.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import type { Outcome } from './supervise.ts'

/**
 * Copies what the step declares as artifacts, when all its processes are gone. What is not there fails a step that has succeeded;
 * undefined if it declares none.
 */
export async function handOn(
  deps: Pick<StepDeps, 'workspaces' | 'notices'>,
  request: StepRequest,
  open: OpenStep,
  outcome: Pick<Outcome, 'exitCode'>,
): Promise<{ readonly isComplete: boolean; readonly artifacts?: Artifacts } | undefined> {
  const { artifacts: patterns = [], name: step } = request
  if (patterns.length === 0 || !open.hasStarted()) return undefined
  const tell = (line: string) => deps.notices.tell(`mayfly: artifacts of step "${step}": ${line}`)
  const succeeded = outcome.exitCode === 0
  try {
    const { artifacts, missing, passedOver } = await collectArtifacts({
      ...{ step, patterns, workspace: open.place, store: await deps.workspaces.store() },
      isCovered: open.isCovered,
    })
    for (const line of passedOver) tell(`not handed on: ${line}`)
    if (succeeded) for (const line of missing) tell(line)
    return { isComplete: !succeeded || missing.length === 0, artifacts }
  } catch (error) {
    // Its own files, in whatever state it left them, do not take the record of its end away.
    tell(`${error instanceof TooMuch ? error.message : messageOf(error)}: none is handed on`)
    return { isComplete: !succeeded }
  }
}
