import type { QueryCreator } from 'kysely'
import type { Tables } from '../store/index.ts'
import type { Decision, Step } from './model.ts'

type Tx = QueryCreator<Tables>

/**
 * Keeps how a step ends, in the caller's transaction, unless that is decided: by an end that is written, by another decision, or because
 * its session was ended, which another server may have done. Gives back what stands.
 */
export async function decideFirst(tx: Tx, step: Step, decision: Decision): Promise<Decision> {
  const { row, session } = await rowsOf(tx, step)
  if (row === undefined) return decision
  if (row.ended_ms !== null) return otherwise(row.end_reason, row.ended_ms)
  if (row.decided !== null) return JSON.parse(row.decided) as Decision
  const stands =
    session === undefined || session.ended_ms === null
      ? decision
      : otherwise(session.end_reason, session.ended_ms)
  await tx
    .updateTable('steps')
    .set({ decided: JSON.stringify(stands) })
    .where('id', '=', step.id)
    .execute()
  return stands
}

/** What was decided of a step that is not written as ended, if it is not what this server knows of it. */
export async function decidedBefore(tx: Tx, step: Step): Promise<Decision | undefined> {
  const { row, session } = await rowsOf(tx, step)
  if (row === undefined || row.ended_ms !== null) return undefined
  if (row.decided !== null) {
    const decision = JSON.parse(row.decided) as Decision
    return isSame(decision, step.decided) ? undefined : decision
  }
  if (session === undefined || session.ended_ms === null) return undefined
  const decision = otherwise(session.end_reason, session.ended_ms)
  return decision.reason === step.endReason ? undefined : decision
}

export function isSame(one: Decision, other: Decision | undefined): boolean {
  return one.reason === other?.reason && one.atMs === other.atMs
}

function otherwise(reason: string | null, atMs: number): Decision {
  const known = reason ?? 'ended'
  return { reason: known, atMs, outcome: { reason: known } }
}

async function rowsOf(tx: Tx, step: Step) {
  const row = await tx
    .selectFrom('steps')
    .select(['ended_ms', 'end_reason', 'decided'])
    .where('id', '=', step.id)
    .executeTakeFirst()
  const session = await tx
    .selectFrom('sessions')
    .select(['ended_ms', 'end_reason'])
    .where('id', '=', step.session.id)
    .executeTakeFirst()
  return { row, session }
}
