import type { QueryCreator, Selectable } from 'kysely'
import type { Clock, RunId, StepId } from '../../lib/index.ts'
import type { RunNumbers } from '../../audit/client/index.ts'
import type { Identity } from '../../identity/index.ts'
import { insertOnce, insertRow, type Statement, type Store, type Tables } from '../../store/index.ts'
import { leaseRenewed, leaseRevoked, type StepOfLease } from '../events.ts'
import type { Lease, Step, UsedSecret } from '../model.ts'
import type { Outbox } from '../outbox.ts'
import { endRun } from '../run-end.ts'

export type LeaseRow = Selectable<Tables['leases']>

/** What is known of a minted lease before its upstream is asked. */
export interface Requested {
  readonly lease: string
  readonly step: Step
  readonly connection: string
  readonly grant: string
  readonly kind: string
  readonly plan: string
  readonly means: string
  /** The published list that it is in once it is to end. */
  readonly revocationList: string | undefined
  /** Until when what may be made can live. */
  readonly expiresMs: number
  readonly from: readonly UsedSecret[]
  /** From then on, whoever began it is taken for dead. */
  readonly dueMs: number
  readonly by: string
}

/** What an upstream made of it. */
export interface Made {
  readonly handle: Uint8Array
  readonly expiresMs: number
  /** No question about this lease was ever left without an answer. */
  readonly heard: boolean
}

/** Leases as rows: each step of their lives is one transaction, and an end comes with its entry. */
export interface Ledger {
  /** In force as soon as it is there: a kept credential, or with a plan what ends by its expiry alone. */
  add(lease: Lease, step: Step, how: { grant: string; kind: string; plan?: string }): Promise<void>
  request(requested: Requested): Promise<void>
  /** Nobody was asked for it: there is nothing to end. */
  withdraw(requested: Requested): Promise<void>
  /** `ended`: its step is over, or it was given up; it is being revoked with what was made. */
  made(requested: Requested, made: Made): Promise<'issued' | 'ended'>
  /** Its upstream is asked for a later end. False if it does not stand any more. */
  renewing(lease: string, untilMs: number): Promise<boolean>
  /** Its later end, or who takes its place from `dueMs` on, is in force. */
  renewed(lease: { id: string; connection: string }, step: Step, by: Renewal): Promise<void>
  /** Whatever there is of it is to be revoked. */
  end(lease: string, reason: string): Promise<void>
  /** Minted ones of the step that are in force. */
  openOf(step: StepId): Promise<LeaseRow[]>
  /** Every lease of the step: kept ones are over with it, minted ones are to be revoked. */
  endOf(step: Step, reason: string): Promise<void>
  /** These, whosever they are; returns how many stood. */
  endThese(ids: readonly string[], reason: string): Promise<readonly string[]>
  /** The same for steps that were over before their leases were written. */
  endLeft(): Promise<void>
  counts(): Promise<LeaseCounts>
}

export interface LeaseCounts {
  /** Ever. */
  readonly issued: number
  /** Over, and known to be dead. */
  readonly revoked: number
  readonly active: number
  /** Over, and being ended at their upstreams. */
  readonly ending: number
  readonly states: Readonly<Record<string, number>>
}

export type Renewal =
  | { readonly expiresMs: number }
  | { readonly expiresMs: number; readonly lease: string; readonly dueMs: number }

export function createLedger(deps: {
  store: Store
  outbox: Outbox
  numbers: RunNumbers
  clock: Clock
}): Ledger {
  const { store, outbox, clock } = deps

  async function endAllOf(step: StepOfLease, reason: string): Promise<void> {
    await outbox.write(async (tx, add) => {
      const open = await tx
        .selectFrom('leases')
        .select(['id', 'connection', 'plan', 'state', 'revoke_reason', 'attempts'])
        .where('step_id', '=', step.id)
        .where('revoked_ms', 'is', null)
        .execute()
      const inForce = open.filter(({ state }) => state === 'issued')
      const kept = inForce.filter(({ plan }) => plan === null)
      const minted = inForce.filter(({ plan }) => plan !== null)
      // Those that were replaced have waited for whoever still used them: nobody does now.
      const waiting = open.filter((row) => row.revoke_reason === replaced && row.attempts === 0)
      if (kept.length > 0)
        await tx
          .updateTable('leases')
          .set({ state: 'revoked', revoked_ms: clock.nowMs(), revoke_reason: reason })
          .where('id', 'in', idsOf(kept))
          .execute()
      if (minted.length > 0) await revoking(tx, clock, reason).where('id', 'in', idsOf(minted)).execute()
      if (waiting.length > 0)
        await tx
          .updateTable('leases')
          .set({ due_ms: clock.nowMs() })
          .where('id', 'in', idsOf(waiting))
          .execute()
      add(kept.map((row) => leaseRevoked(row, step, reason)))
    })
  }

  async function endMinted(tx: QueryCreator<Tables>, id: string, reason: string): Promise<void> {
    const now = clock.nowMs()
    const replacedOne = await tx
      .updateTable('leases')
      .set({ due_ms: now, revoke_reason: reason })
      .where('id', '=', id)
      .where('revoke_reason', '=', replaced)
      .where('due_ms', '>', now)
      .executeTakeFirst()
    if (replacedOne.numUpdatedRows > 0n) return
    await revoking(tx, clock, reason)
      .where('id', '=', id)
      .where('state', 'in', ['requested', 'issued'])
      .execute()
  }

  /** What came too late is there all the same, also if its row is final: then it holds nothing any more, or is gone. */
  async function tooLate(requested: Requested, made: Made): Promise<'ended'> {
    const { lease, plan } = requested
    await store.write(async (tx) => {
      const row = await tx.selectFrom('leases').select('id').where('id', '=', lease).executeTakeFirst()
      if (row === undefined) await tx.insertInto('leases').values(requestedRow(requested, clock)).execute()
      await revoking(tx, clock, 'late')
        .set({ handle: made.handle, expires_ms: made.expiresMs, plan, revoked_ms: null, proof: null })
        .where('id', '=', lease)
        .execute()
    })
    return 'ended'
  }

  return {
    async add(lease, step, { grant, kind, plan }) {
      const row = newRow(step, { lease: lease.id, connection: lease.connection, grant, kind }, clock)
      const minted = plan === undefined ? {} : { plan, means: 'by_expiry', run_id: step.session.runId }
      await store.writeAll(() => [
        insertRow('leases', { ...row, expires_ms: lease.expiresMs, ...minted }),
        ...madeFrom(lease.id, lease.from, clock),
      ])
    },
    async request(requested) {
      const row = requestedRow(requested, clock)
      await store.writeAll(() => [
        insertRow('leases', row),
        ...madeFrom(requested.lease, requested.from, clock),
      ])
    },
    async withdraw({ lease, step, means }) {
      await outbox.write(async (tx, add) => {
        await tx.deleteFrom('leases').where('id', '=', lease).where('state', '=', 'requested').execute()
        if (means !== 'by_expiry' && step.endReason !== undefined)
          await endRun(tx, add, deps.numbers, step.session.runId)
      })
    },
    async made(requested, made) {
      const { lease } = requested
      await store.writeAll(() => [issuedStatement(lease, made)])
      const row = store.find('leases', { id: lease })
      // With this handle in it, it was written: if its step has ended since, it is being revoked by it.
      if (row?.handle != null && Buffer.compare(row.handle, made.handle) === 0)
        return row.state === 'issued' ? 'issued' : 'ended'
      return await tooLate(requested, made)
    },
    async renewing(lease, untilMs) {
      const changed = await store.write((tx) =>
        tx
          .updateTable('leases')
          .set((e) => ({
            asked_ms: clock.nowMs(),
            expires_ms: e.fn<number>('max', [e.ref('expires_ms'), e.val(untilMs)]),
          }))
          .where('id', '=', lease)
          .where('state', '=', 'issued')
          .executeTakeFirst(),
      )
      return changed.numUpdatedRows > 0n
    },
    async renewed(lease, step, by) {
      const { id, role, session } = step
      const of = { id, role, run: session.runId, job: session.subject }
      const expires = new Date(by.expiresMs).toISOString()
      await outbox.write(async (tx, add) => {
        if ('lease' in by)
          await revoking(tx, clock, replaced)
            .set({ due_ms: by.dueMs })
            .where('id', '=', lease.id)
            .where('state', '=', 'issued')
            .execute()
        add([leaseRenewed(lease, of, 'lease' in by ? { expires, by: by.lease } : { expires })])
      })
    },
    async end(lease, reason) {
      await store.write((tx) =>
        revoking(tx, clock, reason)
          .where('id', '=', lease)
          .where('state', 'in', ['requested', 'issued'])
          .execute(),
      )
    },
    openOf: (step) =>
      store.read
        .selectFrom('leases')
        .selectAll()
        .where('step_id', '=', step)
        .where('revoked_ms', 'is', null)
        .where('plan', 'is not', null)
        .where('state', '!=', 'requested')
        .execute(),
    endOf: ({ id, role, session }, reason) =>
      endAllOf({ id, role, run: session.runId, job: session.subject }, reason),
    async endThese(ids, reason) {
      // SQLite takes so many values in one statement.
      if (ids.length > 1_000)
        return [
          ...(await this.endThese(ids.slice(0, 1_000), reason)),
          ...(await this.endThese(ids.slice(1_000), reason)),
        ]
      const rows = await store.read
        .selectFrom('leases')
        .innerJoin('steps', 'steps.id', 'leases.step_id')
        .innerJoin('sessions', 'sessions.id', 'leases.session_id')
        .select(['leases.id', 'leases.connection', 'leases.plan'])
        .select(['leases.step_id', 'steps.role', 'sessions.run_id', 'sessions.identity'])
        .where('leases.id', 'in', [...ids])
        .where((e) =>
          e.or([
            e('leases.state', 'in', ['requested', 'issued']),
            // Replaced, and left alone for a while for whoever still uses it.
            e.and([e('leases.revoke_reason', '=', replaced), e('leases.due_ms', '>', clock.nowMs())]),
          ]),
        )
        .execute()
      for (const row of rows) {
        await outbox.write(async (tx, add) => {
          if (row.plan !== null) return await endMinted(tx, row.id, reason)
          const changed = await tx
            .updateTable('leases')
            .set({ state: 'revoked', revoked_ms: clock.nowMs(), revoke_reason: reason })
            .where('id', '=', row.id)
            .where('state', '=', 'issued')
            .executeTakeFirst()
          const { role, run_id: run, identity } = row
          const step = { id: row.step_id as StepId, role, run: run as RunId, job: jobIn(identity) }
          if (changed.numUpdatedRows > 0n) add([leaseRevoked(row, step, reason)])
        })
      }
      return idsOf(rows)
    },
    async endLeft() {
      const left = await store.read
        .selectFrom('leases')
        .innerJoin('steps', 'steps.id', 'leases.step_id')
        .innerJoin('sessions', 'sessions.id', 'leases.session_id')
        .select(['leases.step_id', 'steps.end_reason', 'steps.role', 'sessions.run_id', 'sessions.identity'])
        .distinct()
        .where('leases.revoked_ms', 'is', null)
        .where('leases.state', '=', 'issued')
        .where('steps.ended_ms', 'is not', null)
        .execute()
      for (const { step_id: id, run_id: run, end_reason: reason, role, identity } of left) {
        const job = jobIn(identity)
        await endAllOf({ id: id as StepId, run: run as RunId, role, job }, reason ?? 'ended')
      }
    },
    async counts() {
      const rows = await store.read.selectFrom('lease_counts').selectAll().execute()
      const of = (...states: string[]) =>
        rows.filter(({ state }) => states.includes(state)).reduce((sum, { leases }) => sum + leases, 0)
      const [revoked, active] = [of('revoked', 'expired', 'removed'), of('issued')]
      const ending = of('revoking', 'revoke_failed')
      const states = Object.fromEntries(rows.map(({ state, leases }) => [state, leases]))
      return { issued: revoked + active + ending, revoked, active, ending, states }
    },
  }
}

/** In one statement, since a step waits for it: in force, unless its step is over or it was given up. */
function issuedStatement(lease: string, { handle, expiresMs, heard }: Made): Statement {
  return {
    sql: `update leases set state = 'issued', handle = ?, expires_ms = ?, due_ms = null, claimed_ms = null, claimed_by = null
      ${heard ? ', asked_ms = null' : ''} where id = ? and state in ('requested', 'issued')
      and exists (select 1 from steps where steps.id = leases.step_id and steps.ended_ms is null)`,
    parameters: [handle, expiresMs, lease],
  }
}

/** Written with the lease itself: whoever ends what was made from a secret finds it. */
function madeFrom(lease: string, from: readonly UsedSecret[], clock: Clock): Statement[] {
  const created_ms = clock.nowMs()
  return from.map(({ secret, version }) =>
    insertOnce('lease_secrets', { secret, version, lease_id: lease, created_ms }),
  )
}

/** Why a lease ends that another took the place of. */
export const replaced = 'replaced'

export function jobIn(identity: string): StepOfLease['job'] {
  return JSON.parse(identity) as Pick<Identity, 'issuer' | 'attributes'>
}

function revoking(tx: QueryCreator<Tables>, clock: Clock, reason: string) {
  const now = clock.nowMs()
  return tx.updateTable('leases').set((e) => ({
    state: 'revoking',
    due_ms: now,
    revoking_ms: now,
    attempts: 0,
    failure: null,
    told_ms: null,
    claimed_ms: null,
    claimed_by: null,
    revoke_reason: e.fn.coalesce('revoke_reason', e.val(reason)),
  }))
}

function newRow(
  step: Step,
  { lease, connection, grant, kind }: Pick<Requested, 'lease' | 'connection' | 'grant' | 'kind'>,
  clock: Clock,
) {
  return {
    id: lease,
    session_id: step.session.id,
    step_id: step.id,
    connection,
    grant_source: grant,
    kind,
    created_ms: clock.nowMs(),
    revoked_ms: null,
    revoke_reason: null,
  }
}

function requestedRow(requested: Requested, clock: Clock) {
  const now = clock.nowMs()
  return {
    ...newRow(requested.step, requested, clock),
    expires_ms: requested.expiresMs,
    state: 'requested' as const,
    plan: requested.plan,
    means: requested.means,
    revocation_list: requested.revocationList ?? null,
    run_id: requested.step.session.runId,
    asked_ms: now,
    due_ms: requested.dueMs,
    claimed_ms: now,
    claimed_by: requested.by,
  }
}

function idsOf(rows: readonly { id: string }[]): string[] {
  return rows.map(({ id }) => id)
}
