import { gunzipSync, gzipSync } from 'node:zlib'
import type { QueryCreator, Selectable } from 'kysely'
import { newId, newOrderedId, type Clock } from '../../lib/index.ts'
import type { AttestationKind, Store, Tables } from '../../store/index.ts'
import type { Gathered } from './facts.ts'

export type Row = Selectable<Tables['attestations']>

/** Another server has it meanwhile: whoever sees this has no more say in it. */
export class Lost extends Error {
  override readonly name = 'Lost'
}

/** Longer than one signing may take, the key service's and the log's time included. */
export const claimMs = 90_000
/** No attempt is put off for longer; what is due later than that is due by a clock that was wrong. */
export const longestWaitMs = 300_000
const firstWaitMs = 1_000

export interface Intent {
  readonly kind: AttestationKind
  readonly state: 'due' | 'kept' | 'failed'
  readonly failure?: string
  /** What all of the step are made of; the receipt's row has it for the others. */
  readonly gathered?: Gathered
}

/** Attestations as rows. */
export function createRows({ store, clock }: { store: Store; clock: Clock }) {
  const free = (now: number) => (e: FreeBuilder) =>
    // Also a claim of the future: a clock that was put back must not keep it for ever.
    e.or([
      e('claimed_ms', 'is', null),
      e('claimed_ms', '<', now - claimMs),
      e('claimed_ms', '>', now + claimMs),
    ])

  return {
    async add(tx: QueryCreator<Tables>, of: { runId: string; stepId: string }, intents: readonly Intent[]) {
      const now = clock.nowMs()
      for (const { kind, state, failure, gathered } of intents)
        await tx
          .insertInto('attestations')
          .values({
            id: newOrderedId<string>('att', now),
            run_id: of.runId,
            step_id: of.stepId,
            kind,
            state,
            facts: gathered === undefined ? null : gzipSync(JSON.stringify(gathered)),
            created_ms: now,
            due_ms: state === 'due' ? now : null,
            failure: failure ?? null,
          })
          .onConflict((conflict) =>
            // What was gathered before the end is known better at the end.
            gathered === undefined
              ? conflict.doNothing()
              : conflict.columns(['step_id', 'kind']).doUpdateSet({ facts: (e) => e.ref('excluded.facts') }),
          )
          .execute()
    },

    /** One about no step: `step_id`, of which there is one a kind, is its own id. */
    async addSummary(facts: object): Promise<string> {
      const now = clock.nowMs()
      const id = newOrderedId<string>('att', now)
      const kept = gzipSync(JSON.stringify(facts))
      await store.write((tx) =>
        tx
          .insertInto('attestations')
          .values({
            ...{ id, run_id: '', step_id: id, kind: 'vsa', state: 'due', facts: kept },
            ...{ created_ms: now, due_ms: now, failure: null },
          })
          .execute(),
      )
      return id
    },

    /** Takes one that is due, for a while; with `id` that one, if nobody has it. */
    async claim(id?: string): Promise<Row | undefined> {
      const now = clock.nowMs()
      const isDue = (e: FreeBuilder) =>
        e.or([e('due_ms', '<=', now), e('due_ms', '>', now + 2 * longestWaitMs)])
      const found = await store.read
        .selectFrom('attestations')
        .select('id')
        .where('state', '=', 'due')
        .where('due_ms', 'is not', null)
        .where(free(now))
        .$if(id === undefined, (query) => query.where(isDue))
        .$if(id !== undefined, (query) => query.where('id', '=', id ?? ''))
        .orderBy('due_ms')
        .limit(1)
        .executeTakeFirst()
      if (found === undefined) return undefined
      return await store.write((tx) =>
        tx
          .updateTable('attestations')
          .set({ claimed_ms: now, claimed_by: newId<string>('clm') })
          .where('id', '=', found.id)
          .where('state', '=', 'due')
          .where(free(now))
          .returningAll()
          .executeTakeFirst(),
      )
    },

    /** In the caller's transaction, while the claim stands. Throws `Lost`. */
    async change(tx: QueryCreator<Tables>, row: Row, changes: Partial<Row>): Promise<Row> {
      const changed = await tx
        .updateTable('attestations')
        .set(changes)
        .where('id', '=', row.id)
        .where('claimed_by', '=', row.claimed_by)
        .where('state', '=', 'due')
        .returningAll()
        .executeTakeFirst()
      if (changed === undefined) throw new Lost()
      return changed
    },

    /** The same again later, and later each time; `failure` says why. */
    async putOff(row: Row, failure: string | null, afterMs?: number): Promise<void> {
      const backoffMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(row.attempts, 20))
      await store.write((tx) =>
        this.change(tx, row, {
          attempts: failure === null ? row.attempts : row.attempts + 1,
          due_ms: clock.nowMs() + (afterMs ?? backoffMs),
          claimed_ms: null,
          claimed_by: null,
          failure: failure?.slice(0, 500) ?? row.failure,
        }),
      )
    },

    of: (stepId: string): Promise<Row[]> =>
      store.read.selectFrom('attestations').selectAll().where('step_id', '=', stepId).orderBy('id').execute(),

    /** What all of a step are made of; undefined once it is no more kept. */
    gathered(stepId: string): Gathered | undefined {
      const row = store.find('attestations', { step_id: stepId, kind: 'receipt' })
      if (row?.facts === null || row?.facts === undefined) return undefined
      return JSON.parse(gunzipSync(row.facts).toString()) as Gathered
    },
  }
}

export type Rows = ReturnType<typeof createRows>

type FreeBuilder = import('kysely').ExpressionBuilder<Tables, 'attestations'>
