import type { QueryCreator } from 'kysely'
import type { RunId } from '../lib/index.ts'
import type { RunNumbers } from '../audit/client/index.ts'
import type { Tables } from '../store/index.ts'
import { runFinished } from './events.ts'
import type { AddEvents } from './outbox.ts'

/**
 * The last entry of a run, unless something of it goes on: a session, or the end of a credential that can be ended. A run that
 * goes on after its last entry, in a new session or with a credential that ended by itself, ends again.
 */
export async function endRun(
  tx: QueryCreator<Tables>,
  add: AddEvents,
  numbers: RunNumbers,
  run: RunId,
): Promise<void> {
  const open = await tx
    .selectFrom('sessions')
    .select('id')
    .where('run_id', '=', run)
    .where('ended_ms', 'is', null)
    .limit(1)
    .execute()
  if (open.length > 0) return
  const living = await tx
    .selectFrom('leases')
    .select('id')
    .where('run_id', '=', run)
    .where('due_ms', 'is not', null)
    .where('state', 'in', ['requested', 'revoking'])
    .where('means', '!=', 'by_expiry')
    .limit(1)
    .execute()
  if (living.length > 0) return
  add([runFinished(run)])
  numbers.ended(run)
}
