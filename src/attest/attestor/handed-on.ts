import type { Step } from '../../broker/index.ts'
import type { HandedOn } from '../statements/index.ts'
import type { Store } from '../../store/index.ts'

/**
 * Which of these digests (SHA-256 in hex) a step of the same run declared or published that had ended with success before this one began:
 * of several the first that ended. A supervisor may say any digest that it has taken in, so nothing but the server's own record of the
 * run counts: what another run made, what a failed step left behind, and what the step says it made itself is not found.
 */
export async function handedOnTo(
  { id, session, startedMs }: Step,
  digests: readonly string[],
  store: Store,
): Promise<HandedOn[]> {
  if (digests.length === 0) return []
  const rows = await store.read
    .selectFrom('run_artifacts as made')
    .innerJoin('steps as maker', 'maker.id', 'made.step_id')
    .select(['made.digest', 'made.step_id as step', 'maker.dependencies'])
    .where('made.run_id', '=', session.runId)
    .where(
      'made.digest',
      'in',
      [...new Set(digests)].map((hex) => `sha256:${hex}`),
    )
    .where('made.step_id', '!=', id)
    .where('maker.end_reason', '=', 'finished')
    .where('maker.exit_code', '=', 0)
    .where('maker.ended_ms', '<=', startedMs)
    .orderBy('maker.ended_ms')
    .orderBy('maker.id')
    .execute()
  const first = new Map(rows.toReversed().map((row) => [row.digest.replace('sha256:', ''), row]))
  return [...first].map(([sha256, { step, dependencies }]) => ({
    ...{ sha256, step },
    ...(dependencies === null ? {} : { dependencies }),
  }))
}
