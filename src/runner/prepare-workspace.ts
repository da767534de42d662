import { coveredFiles, takeArtifacts, type Artifact } from './artifacts/index.ts'
import { checkOut } from './checkout.ts'
import type { OpenStep, Preparing } from './opened-step.ts'
import type { HeldBy } from './sandbox/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import type { Outcome } from './supervise.ts'
import { findLeftovers } from './workspace/index.ts'

type Prepared =
  | { readonly ready: true; readonly inputs: readonly Artifact[] }
  /** It was asked to end, or ended, before its command began. */
  | {
      readonly ready: false
      readonly inputs: readonly Artifact[]
      readonly outcome: Outcome
      readonly heldBy: HeldBy
    }

/** Makes the workspace what the step is to find: the checkout, then what earlier steps hand on. Throws if that fails. */
export async function prepareWorkspace(
  deps: StepDeps,
  request: StepRequest,
  open: OpenStep,
  preparing: Preparing,
): Promise<Prepared> {
  const { place } = open
  const { checkout, inputs: given = [] } = request
  if (checkout !== undefined) {
    const over = await checkOut(deps, request, checkout, open, preparing)
    if (over !== undefined) return { ready: false, inputs: [], ...over }
  }
  const inputs = await takeArtifacts(place, given)
  if (checkout !== undefined || inputs.length > 0) {
    const leftovers = findLeftovers(request.workspace)
    deps.redactor.add(...leftovers.secrets)
    open.covers = leftovers.covers
  }
  // Before its command can rename what is above them.
  if (request.artifacts !== undefined) open.isCovered = coveredFiles(request.workspace, open.covers)
  return { ready: true, inputs }
}
