import type { RunId, StepId, Clock } from '../../lib/index.ts'
import { MayflyError, noSuch } from '../../lib/index.ts'
import type { RunNumbers } from '../../audit/client/index.ts'
import type { Store } from '../../store/index.ts'
import { leaseRevoked } from '../events.ts'
import type { Outbox } from '../outbox.ts'
import { endRun } from '../run-end.ts'
import type { Due } from './due.ts'
import { jobIn, type LeaseRow } from './ledger.ts'

export interface LeaseMatch {
  readonly run?: string
  readonly step?: string
  readonly connection?: string
  /** Only those that cannot be revoked. */
  readonly stuck?: boolean
}

/** A lease as operators see it: nothing of its credential. */
export interface ShownLease extends Omit<LeaseRow, 'plan' | 'handle' | 'run_id'> {
  readonly run: string
  readonly role: string
}

/** What operators see and do about leases. */
export interface LeaseDesk {
  /** Those in force or ending, the newest first; of a run or step also those that are over. One more than `limit`, if there are more. */
  list(match: LeaseMatch, limit: number): Promise<ShownLease[]>
  /** It is tried again now. Throws `not_found`, `conflict` for one that nothing is to be done about. */
  retry(id: string): Promise<ShownLease>
  /** An operator says that it is dead; `by` is for the entry. Throws as `retry` does. */
  forget(id: string, reason: string, by: Readonly<Record<string, unknown>>): Promise<ShownLease>
  /** How many cannot be revoked, and since when the oldest cannot. */
  stuck(): Promise<{ count: number; sinceMs: number | undefined }>
}

export function createLeaseDesk(deps: {
  store: Store
  outbox: Outbox
  numbers: RunNumbers
  clock: Clock
  due: Due
  /** What is due is done soon. */
  soon: () => void
}): LeaseDesk {
  const { store, outbox, numbers, clock, due } = deps

  function shown() {
    return store.read
      .selectFrom('leases')
      .innerJoin('steps', 'steps.id', 'leases.step_id')
      .innerJoin('sessions', 'sessions.id', 'leases.session_id')
      .selectAll('leases')
      .select(['steps.role', 'sessions.run_id as run', 'sessions.identity'])
  }

  async function find(id: string) {
    const row = await shown().where('leases.id', '=', id).executeTakeFirst()
    if (row === undefined) throw noSuch('lease', id, [])
    if (row.state !== 'revoking' && row.state !== 'revoke_failed')
      throw new MayflyError('conflict', `lease ${id} is ${row.state}: only one that is being revoked can be`)
    return row
  }

  return {
    async list({ run, step, connection, stuck }, limit) {
      let query = shown()
        .orderBy('leases.id', 'desc')
        .limit(limit + 1)
      if (stuck === true) query = query.where('leases.state', '=', 'revoke_failed')
      else if (run === undefined && step === undefined) query = query.where('leases.revoked_ms', 'is', null)
      if (step !== undefined) query = query.where('leases.step_id', '=', step)
      if (connection !== undefined) query = query.where('leases.connection', '=', connection)
      if (run !== undefined) {
        const sessions = await store.read
          .selectFrom('sessions')
          .select('id')
          .where('run_id', '=', run)
          .execute()
        query = query.where(
          'leases.session_id',
          'in',
          sessions.map(({ id }) => id),
        )
      }
      return (await query.execute()).map(show)
    },
    async retry(id) {
      await find(id)
      await due.hurry(id)
      deps.soon()
      return show(await find(id))
    },
    async forget(id, reason, by) {
      const row = await find(id)
      const { kind, means } = row
      const of = {
        id: row.step_id as StepId,
        run: row.run as RunId,
        role: row.role,
        job: jobIn(row.identity),
      }
      await outbox.write(async (tx, add) => {
        const done = await tx
          .updateTable('leases')
          .set({
            ...{ state: 'revoked', proof: 'operator', failure: reason, revoked_ms: clock.nowMs() },
            ...{ plan: null, handle: null, due_ms: null, claimed_ms: null, claimed_by: null },
          })
          .where('id', '=', id)
          .where('revoked_ms', 'is', null)
          .executeTakeFirst()
        if (done.numUpdatedRows === 0n) return
        const how = { kind, means, proof: 'operator', word: reason, ...by }
        add([leaseRevoked(row, of, row.revoke_reason ?? 'ended', how)])
        await endRun(tx, add, numbers, of.run)
      })
      const after = await shown().where('leases.id', '=', id).executeTakeFirstOrThrow()
      return show(after)
    },
    async stuck() {
      const count = store.find('lease_counts', { state: 'revoke_failed' })?.leases ?? 0
      if (count === 0) return { count, sinceMs: undefined }
      const oldest = await store.read
        .selectFrom('leases')
        .select('revoking_ms')
        .where('state', '=', 'revoke_failed')
        .orderBy('revoking_ms')
        .limit(1)
        .executeTakeFirst()
      return { count, sinceMs: oldest?.revoking_ms ?? undefined }
    },
  }
}

function show(row: LeaseRow & { run: string; role: string; identity: string }): ShownLease {
  const { plan: _plan, handle: _handle, run_id: _run, identity: _identity, ...rest } = row
  return rest
}
