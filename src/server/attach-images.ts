import type { Attestor } from '../attest/attestor/index.ts'
import type { Step, StepOutcome } from '../broker/index.ts'
import type { AttachedImage, Gateway } from '../gateway/index.ts'
import type { Clock } from '../lib/index.ts'

export interface AttachDeps {
  readonly attestor: Pick<Attestor, 'beforeEnd'>
  readonly gateway: Pick<Gateway, 'madeImages' | 'shut' | 'attach'>
  readonly clock: Clock
}

/** How long the end of a step waits for what goes beside its images to be signed. */
const signMs = 5_000

/**
 * Before a step that pushed images ends: it gets nothing more itself, what it made is attested, and that is put beside the images while
 * its leases stand. What cannot be done keeps no step from ending: the attestations are at the server.
 */
export async function attachImages(
  { attestor, gateway, clock }: AttachDeps,
  step: Step,
  outcome: StepOutcome,
): Promise<readonly AttachedImage[]> {
  if (!gateway.madeImages(step)) return []
  gateway.shut(step)
  try {
    const { bundles } = await attestor.beforeEnd(step, outcome, signMs)
    const signedMs = clock.nowMs()
    const statements = bundles.flatMap(({ bundle, predicateType }) =>
      predicateType === undefined ? [] : [{ bundle, predicateType, signedMs }],
    )
    return await gateway.attach(step, statements)
  } catch {
    return []
  }
}
