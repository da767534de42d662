import type { QueryCreator } from 'kysely'
import { MayflyError, type Clock } from '../lib/index.ts'
import type { AddEvents } from '../broker/index.ts'
import type { Tables } from '../store/index.ts'
import { entryOf, type Alerts } from './alerts.ts'
import type { Row } from './records.ts'

export interface GivingUp {
  readonly secret: string
  /** Who says so, as JSON. */
  readonly by: string
  readonly forced: boolean
}

/**
 * A secret, or a version of it, is about to be taken away: a rotation that is under way would go on with what is not there. Throws
 * `conflict` while there is one; if it is forced, the rotation ends here, and whoever works on it has no more say. Gives back the
 * one that it ended. In the caller's transaction.
 */
export async function giveUp(
  tx: QueryCreator<Tables>,
  add: AddEvents,
  { secret, by, forced }: GivingUp,
  { alerts, clock }: { alerts: Alerts; clock: Clock },
): Promise<Row | undefined> {
  const open = await tx
    .selectFrom('rotations')
    .selectAll()
    .where('secret', '=', secret)
    .where('ended_ms', 'is', null)
    .executeTakeFirst()
  if (open === undefined) return undefined
  if (!forced)
    throw new MayflyError(
      'conflict',
      `a rotation of ${secret} is under way (${open.state}): wait until it is over (mayfly secret status ${secret}), or --force gives it up, and what it has not ended you end by hand`,
    )
  const left = open.promoted_ms === null ? 'what is not in use' : `the value of version ${open.from_version}`
  const failure = `given up by hand in the state ${open.state}: end ${left} at its upstream`
  const changed = await tx
    .updateTable('rotations')
    .set({
      state: 'failed',
      failure,
      undone_by: by,
      ended_ms: clock.nowMs(),
      claimed_ms: null,
      claimed_by: null,
    })
    .where('id', '=', open.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const entry = entryOf(open, changed)
  if (entry !== undefined) add([entry])
  await alerts.ofChange(tx, open, changed)
  return changed
}
