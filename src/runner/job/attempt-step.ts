import { messageOf } from '../../lib/index.ts'
import type { Cancellation } from '../cancellation.ts'
import { identityFor } from '../publisher-identity.ts'
import { runStep } from '../step.ts'
import type { StepResult } from '../step-request.ts'
import type { StepsDeps } from './job-request.ts'
import type { Attempt, JobStep } from './job-step.ts'
import type { Progress } from './progress.ts'
import type { Screen } from './view.ts'
import type { Slot, Slots } from './slots.ts'

interface Deps extends StepsDeps {
  readonly screen: Screen
  readonly slots: Slots<JobStep>
  readonly progress: Progress
}

interface Tried {
  readonly step: JobStep
  readonly number: number
  /** The wish that the step ends, whichever attempt it is at. */
  readonly end: Cancellation
  readonly stillWanted: () => boolean
}

/** One attempt of a step: its role, its slot, its view, its run. Undefined if it is not to be begun any more. */
export async function attemptStep(deps: Deps, tried: Tried): Promise<Attempt | undefined> {
  const { step, number, end, stillWanted } = tried
  try {
    await deps.sessions.ready(step.role, end.asked)
    using slot = await deps.slots.take(step, end.asked)
    if (slot === undefined || !stillWanted()) return undefined
    return await runInSlot(deps, tried, slot)
  } catch (cause) {
    // Whatever went wrong is this step's failure: what the others became is told all the same.
    const error = cause instanceof Error ? cause : new Error(messageOf(cause))
    if (deps.isFile) deps.notices.tell(notRunLine(step, error))
    return { kind: 'error', number, error }
  }
}

async function runInSlot(deps: Deps, { step, number, end }: Tried, slot: Slot): Promise<Attempt> {
  const { name, role } = step
  const session = await deps.sessions.of(role)
  deps.progress.began(session)
  const view = deps.screen.open({ name, role, attempt: number })
  const { environment, progress } = deps
  try {
    const result = await runStep(
      {
        ...deps,
        ...{ stdout: view.stdout, stderr: view.stderr, merged: view.merged, notices: view.notices },
        ...{ session, cancellation: end, mayBegin: slot.mayBegin },
        ...{ job: environment.variables, cacheFolder: environment.cacheFolder },
        identityFor: identityFor({ environment, untrusted: [step.workspace] }),
      },
      {
        ...step,
        name: number === 1 ? name : `${name} (attempt ${number})`,
        handed: progress.handedTo(step),
        inputs: progress.artifactsFor(step),
      },
    )
    const attempted = { ...result, name, attempt: number }
    await view.end(`mayfly: step "${name}" ${inWords(attempted)}, ${result.durationMs} ms`)
    return { kind: 'ran', number, result: attempted }
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(messageOf(cause))
    await view.end(notRunLine(step, error))
    return { kind: 'error', number, error }
  }
}

const notRunLine = ({ name }: JobStep, error: Error) =>
  `mayfly: step "${name}" could not be run: ${messageOf(error)}`

function inWords({ outcome, exitCode, detail }: StepResult): string {
  const exit = outcome === 'timed_out' ? `timed out, exit ${exitCode}` : `exit ${exitCode}`
  return detail === undefined ? exit : `${exit} (${detail})`
}
