import type { QueryCreator, Selectable } from 'kysely'
import type { Clock, RunId, StepId } from '../../lib/index.ts'
import type { RunNumbers } from '../../audit/client/index.ts'
import type { Store, Tables } from '../../store/index.ts'
import { leaseRevoked, leaseRevokeFailed, type StepOfLease } from '../events.ts'
import type { AddEvents, Outbox } from '../outbox.ts'
import { endRun } from '../run-end.ts'
import type { Next } from './judge.ts'
import { jobIn, type LeaseRow } from './ledger.ts'

/** A lease that is to be revoked, claimed by this server. */
export interface DueLease extends Selectable<Tables['leases']> {
  readonly of: StepOfLease
}

/** Work on leases, taken by claims that lapse: two servers on one store never do it at once, and what a dead one began is taken over. */
export interface Due {
  /** Connections at which something is to be done that nobody does. */
  connections(): Promise<string[]>
  /** The same without a claim. */
  waiting(connection: string, limit: number): Promise<LeaseRow[]>
  /** Claims so much of it, what waits longest first. */
  take(connection: string, limit: number): Promise<DueLease[]>
  /** What became of it, with its entry; once, whoever else has done it too. */
  settle(lease: DueLease, next: Next): Promise<void>
  /** What waits for another try is due now: a server starts, or an operator says so. */
  hurry(lease?: string): Promise<number>
}

/** Longer than any question takes. */
export const claimMs = 60_000

export function createDue(deps: {
  store: Store
  outbox: Outbox
  numbers: RunNumbers
  clock: Clock
  server: string
}): Due {
  const { store, outbox, numbers, clock, server } = deps

  /** A claim of the future is of a clock that was set back since. */
  function unclaimed(now: number) {
    return { lapsed: now - claimMs, future: now + claimMs }
  }

  async function finish(
    tx: QueryCreator<Tables>,
    add: AddEvents,
    lease: DueLease,
    next: Extract<Next, { proof: string }>,
  ): Promise<void> {
    const { id, of, kind, means } = lease
    // Nobody ever had it, and it is not there: nothing has happened that the log could tell.
    const proof = next.proof === 'not_found' && lease.proof !== null ? lease.proof : next.proof
    const isNothing = lease.handle === null && proof === 'not_found' && lease.told_ms === null
    const done = isNothing
      ? await tx.deleteFrom('leases').where('id', '=', id).where('revoked_ms', 'is', null).executeTakeFirst()
      : await tx
          .updateTable('leases')
          .set({
            state: next.state,
            proof,
            revoked_ms: clock.nowMs(),
            ...{ plan: null, handle: null, due_ms: null, claimed_ms: null, claimed_by: null, failure: null },
          })
          .where('id', '=', id)
          .where('revoked_ms', 'is', null)
          .executeTakeFirst()
    const changed = 'numDeletedRows' in done ? done.numDeletedRows : done.numUpdatedRows
    if (changed === 0n) return
    if (!isNothing) add([leaseRevoked(lease, of, lease.revoke_reason ?? 'ended', { kind, means, proof })])
    if (!isNothing || heldUp(lease)) await endRun(tx, add, numbers, of.run)
  }

  async function tryLater(
    tx: QueryCreator<Tables>,
    add: AddEvents,
    lease: DueLease,
    next: Exclude<Next, { proof: string }>,
  ): Promise<void> {
    const { id, of, kind, means } = lease
    const changed = await tx
      .updateTable('leases')
      .set({
        state: next.state,
        due_ms: next.dueMs,
        failure: next.failure,
        attempts: next.attempts,
        claimed_ms: null,
        claimed_by: null,
        ...(next.tell ? { told_ms: clock.nowMs() } : {}),
        ...(next.wasThere ? { proof: 'confirmed' } : {}),
      })
      .where('id', '=', id)
      .where('revoked_ms', 'is', null)
      // Whoever took it over knows better.
      .where('claimed_by', '=', server)
      .where('claimed_ms', '=', lease.claimed_ms)
      .executeTakeFirst()
    if (changed.numUpdatedRows === 0n) return
    const iso = (ms: number) => new Date(ms).toISOString()
    if (next.tell)
      add([
        leaseRevokeFailed(lease, of, {
          kind,
          means,
          failure: next.failure ?? '',
          attempts: next.attempts,
          since: iso(lease.revoking_ms ?? clock.nowMs()),
          expires: iso(lease.expires_ms),
        }),
      ])
    if (next.tell || (heldUp(lease) && next.state === 'revoke_failed')) await endRun(tx, add, numbers, of.run)
  }

  return {
    async connections() {
      const now = clock.nowMs()
      const { lapsed, future } = unclaimed(now)
      const rows = await store.read
        .selectFrom('leases')
        .select('connection')
        .distinct()
        .where('due_ms', '<=', now)
        .where((e) =>
          e.or([e('claimed_ms', 'is', null), e('claimed_ms', '<', lapsed), e('claimed_ms', '>', future)]),
        )
        .execute()
      return rows.map(({ connection }) => connection)
    },
    waiting: (connection, limit) =>
      store.read
        .selectFrom('leases')
        .selectAll()
        .where('connection', '=', connection)
        .where('due_ms', '<=', clock.nowMs())
        .orderBy('due_ms')
        .limit(limit)
        .execute(),
    take: (connection, limit) =>
      store.write(async (tx) => {
        const now = clock.nowMs()
        const { lapsed, future } = unclaimed(now)
        const taken = await tx
          .updateTable('leases')
          .set((e) => ({
            claimed_ms: now,
            claimed_by: server,
            // Whoever had begun it is gone.
            state: e
              .case()
              .when('state', '=', 'requested')
              .then('revoking' as const)
              .else(e.ref('state'))
              .end(),
            revoking_ms: e.fn.coalesce('revoking_ms', e.val(now)),
            revoke_reason: e.fn.coalesce('revoke_reason', e.val('server_lost')),
          }))
          .where('id', 'in', (e) =>
            e
              .selectFrom('leases')
              .select('id')
              .where('connection', '=', connection)
              .where('due_ms', '<=', now)
              .where((or) =>
                or.or([
                  or('claimed_ms', 'is', null),
                  or('claimed_ms', '<', lapsed),
                  or('claimed_ms', '>', future),
                ]),
              )
              .orderBy('due_ms')
              .limit(limit),
          )
          .returning('id')
          .execute()
        if (taken.length === 0) return []
        const rows = await tx
          .selectFrom('leases')
          .innerJoin('steps', 'steps.id', 'leases.step_id')
          .innerJoin('sessions', 'sessions.id', 'leases.session_id')
          .selectAll('leases')
          .select(['steps.role', 'sessions.run_id as run', 'sessions.identity'])
          .where(
            'leases.id',
            'in',
            taken.map(({ id }) => id),
          )
          .execute()
        return rows.map(({ role, run, identity, ...row }) => ({
          ...row,
          of: { id: row.step_id as StepId, run: run as RunId, role, job: jobIn(identity) },
        }))
      }),
    settle: (lease, next) =>
      outbox.write((tx, add) =>
        'proof' in next ? finish(tx, add, lease, next) : tryLater(tx, add, lease, next),
      ),
    async hurry(lease) {
      const now = clock.nowMs()
      const changed = await store.write(async (tx) => {
        // Begun in the future: the clock was set back since, and nobody can say how long ago it was.
        if (lease === undefined)
          await tx
            .updateTable('leases')
            .set({ due_ms: now, asked_ms: now, claimed_ms: null, claimed_by: null })
            .where('state', '=', 'requested')
            .where('due_ms', '>', now)
            .where('created_ms', '>', now + claimMs)
            .execute()
        const waiting = tx
          .updateTable('leases')
          .set({ due_ms: now, claimed_ms: null, claimed_by: null })
          .where('state', 'in', ['revoking', 'revoke_failed'])
          .where('due_ms', '>', now)
        return await (
          lease === undefined ? waiting.where('means', '!=', 'by_expiry') : waiting.where('id', '=', lease)
        ).executeTakeFirst()
      })
      return Number(changed.numUpdatedRows)
    },
  }
}

/** Does the last entry of its run wait for it? */
function heldUp({ state, means }: DueLease): boolean {
  return state === 'revoking' && means !== 'by_expiry'
}
