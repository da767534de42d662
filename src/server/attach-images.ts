import type { Attestor } from '../attest/attestor/index.ts'
import type { Broker, Step, StepOutcome } from '../broker/index.ts'
import type { AttachedImage, Gateway } from '../gateway/index.ts'
import { MayflyError, type Clock } from '../lib/index.ts'

export interface AttachDeps {
  readonly attestor: Pick<Attestor, 'beforeEnd'>
  readonly broker: Pick<Broker, 'decideEnd'>
  readonly gateway: Pick<Gateway, 'madeImages' | 'shut' | 'attach'>
  readonly clock: Clock
  readonly log: { error(fields: Readonly<Record<string, unknown>>, message: string): void }
}

export interface BesideImages {
  readonly attached: readonly AttachedImage[]
  /** Why nothing was put there at all, and what to do about it; of single images the step is told already. */
  readonly warnings: readonly string[]
}

/** How long the end of a step waits for what goes beside its images to be signed. */
const signMs = 5_000

/**
 * Before a step that pushed images ends: it gets nothing more itself, how it ends is decided for good, and only then what it made is
 * attested and put beside the images while its leases stand. What cannot be done keeps no step from ending: the attestations are at
 * the server. Throws what `decideEnd` throws: nothing is signed of an end that may not stand.
 */
export async function attachImages(
  { attestor, broker, gateway, clock, log }: AttachDeps,
  step: Step,
  outcome: StepOutcome,
): Promise<BesideImages> {
  if (!gateway.madeImages(step)) return { attached: [], warnings: [] }
  gateway.shut(step)
  if (!(await broker.decideEnd(step, outcome)))
    return nothing('the step was ended before it said that it had finished')
  try {
    const { bundles } = await attestor.beforeEnd(step, outcome, signMs)
    const signedMs = clock.nowMs()
    const statements = bundles.flatMap(({ bundle, predicateType }) =>
      predicateType === undefined ? [] : [{ bundle, predicateType, signedMs }],
    )
    if (statements.length === 0)
      return nothing(`nothing was signed of the step within ${signMs / 1000} s; ${instead(step)}`)
    return { attached: await gateway.attach(step, statements), warnings: [] }
  } catch (error) {
    log.error({ step: step.id, error }, 'attestations could not be put beside images')
    const why = error instanceof MayflyError ? error.message : 'a fault of the server, which its log has'
    return nothing(`${why}; ${instead(step)}`)
  }
}

function nothing(why: string): BesideImages {
  return { attached: [], warnings: [`no attestation stands beside the images that it pushed: ${why}`] }
}

function instead({ id }: Step): string {
  return `what is signed of it is at the server: mayfly attest fetch ${id} -o DIR`
}
