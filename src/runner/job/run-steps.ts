import { kindOfWorkspace } from '../kind-of-workspace.ts'
import { cancellationOfStep, type Cancellation } from '../cancellation.ts'
import { attemptStep } from './attempt-step.ts'
import { tryStep } from './attempts.ts'
import type { StepsDeps } from './job-request.ts'
import type { JobStep } from './job-step.ts'
import { runsInTurn } from './order.ts'
import { createProgress } from './progress.ts'
import type { JobResult } from './results.ts'
import { schedule } from './schedule.ts'
import { createScreen } from './screen.ts'
import { createSlots, type Place } from './slots.ts'

/** Runs every step that is to run, and says what became of each. */
export async function runSteps(deps: StepsDeps): Promise<JobResult> {
  const { steps, failFast, cancellation, clock, sessions } = deps
  const progress = createProgress({ steps, variables: deps.environment.variables, job: sessions.job })
  const screen = createScreen({ ...deps, variables: deps.environment.variables }, kindOf(deps))
  const slots = createSlots<JobStep>(deps.jobs, (step) => placeOf(deps, step))
  const left = new Set(steps)
  // Other jobs may have the workspace that no step of this one needs any more.
  const giveWay = () => {
    if ([...left].every((one) => isFresh(deps, one))) deps.workspaces.giveWay()
  }
  const ends = new Map<string, Cancellation>()
  try {
    const fates = await schedule<JobStep, undefined>({
      ...{ steps, failFast },
      cancel: cancellation.asked,
      wants: progress.wants,
      interrupt: ({ name }) => ends.get(name)?.request('SIGTERM'),
      async run(step, stillWanted) {
        using end = cancellationOfStep(cancellation, clock)
        ends.set(step.name, end)
        giveWay()
        const attempts = await tryStep(step, (number) =>
          attemptStep({ ...deps, screen, slots, progress }, { step, number, end, stillWanted }),
        )
        left.delete(step)
        giveWay()
        return attempts.length === 0 ? undefined : { ok: progress.settle(step, attempts), result: undefined }
      },
    })
    return progress.result(fates, cancellation)
  } finally {
    await screen.close()
  }
}

function placeOf(deps: StepsDeps, step: JobStep): Place {
  if (isFresh(deps, step)) return { folder: `fresh ${step.name}`, trust: '' }
  const { workspace: folder, role, isolation } = step
  // While files are brought into it nobody else runs in there.
  const isAlone = step.checkout !== undefined || step.takesFrom.some((name) => handsOn(deps, name))
  return { folder, trust: [role, isolation, ...(isAlone ? [step.name] : [])].join(' ') }
}

/** Does it have a workspace of its own? As long as that is not known it has the job's. */
function isFresh({ sessions }: StepsDeps, step: JobStep): boolean {
  const roles = sessions.roles().filter(({ name }) => name === step.role)
  return (
    (step.workspaceKind !== undefined || roles.length > 0) && kindOfWorkspace({ roles }, step) === 'fresh'
  )
}

function handsOn({ steps }: StepsDeps, name: string): boolean {
  return steps.some((step) => step.name === name && (step.artifacts ?? []).length > 0)
}

function kindOf({ isFile, jobs, steps }: StepsDeps): 'one' | 'after' | 'beside' {
  if (!isFile) return 'one'
  return jobs === 1 || runsInTurn(steps) ? 'after' : 'beside'
}
