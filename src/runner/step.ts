import { checkServices } from './doors.ts'
import { abandonStep, endStep } from './end-step.ts'
import { chooseTier } from './isolation.ts'
import { kindOfWorkspace } from './kind-of-workspace.ts'
import { openStep } from './open-step.ts'
import { runOpen } from './run-step.ts'
import type { StepDeps, StepRequest, StepResult } from './step-request.ts'

/** Runs one step in its workspace. Throws MayflyError if it could not be started. */
export async function runStep(deps: StepDeps, asked: StepRequest): Promise<StepResult> {
  const isolation = await chooseTier(deps, asked)
  checkServices(
    asked,
    deps.session.roles.find(({ name }) => name === asked.role),
  )
  const kind = kindOfWorkspace(deps.session, asked)
  using place = await deps.workspaces.open(kind, asked.workspace, deps.session.run_id)
  const request = { ...asked, workspace: place.path, workspaceInside: place.inside }
  const open = await openStep(deps, request, place, isolation)
  try {
    // What it says is masked, and counted by name.
    const heard = { ...deps, redactor: deps.redactor.counting(open.secretsSeen.add) }
    const ran = await runOpen(heard, request, open)
    return await endStep(deps, request, open, ran)
  } catch (error) {
    await abandonStep(deps, open)
    throw error
  } finally {
    open.renewal.stop()
  }
}
