import type { QueryCreator, Selectable } from 'kysely'
import { newOrderedId, newId, type Clock } from '../lib/index.ts'
import type { RotationConfig } from '../config/index.ts'
import { isDuplicate, type Store, type Tables } from '../store/index.ts'

export type Row = Selectable<Tables['rotations']>
export type State = Row['state']
export type Cause = Row['cause']

/** Somebody else has taken it over meanwhile: whoever sees this has no more say in it. */
export class Lost extends Error {
  override readonly name = 'Lost'
}

export interface NewRotation {
  readonly secret: string
  readonly version: number
  readonly rotation: RotationConfig
  readonly cause: Cause
  /** JSON, as the record is to have it. */
  readonly by: string
  readonly dueMs: number
  readonly oldHandle: string | null
}

type Changes = Partial<
  Pick<
    Row,
    | 'state'
    | 'plan'
    | 'handle'
    | 'to_version'
    | 'promoted_ms'
    | 'ended_ms'
    | 'failure'
    | 'proof'
    | 'attempts'
    | 'due_ms'
    | 'undone_by'
  >
>

/** Longer than any act takes, so that nobody is believed dead who waits for an upstream. */
export const claimMs = 180_000

/** Rotations as rows. One of a secret is open at a time: the store's own index says so. */
export function createRecords({ store, clock }: { store: Store; clock: Clock }) {
  return {
    /** undefined: there is one already. */
    async begin(made: NewRotation): Promise<Row | undefined> {
      const now = clock.nowMs()
      const [rotator = ''] = Object.keys(made.rotation.by)
      const row: Row = {
        id: newOrderedId<string>('rot', now),
        secret: made.secret,
        rotator,
        config: JSON.stringify(made.rotation),
        state: 'planned',
        cause: made.cause,
        asked_by: made.by,
        from_version: made.version,
        to_version: null,
        plan: null,
        handle: null,
        old_handle: made.oldHandle,
        created_ms: now,
        due_ms: made.dueMs,
        attempts: 0,
        promoted_ms: null,
        ended_ms: null,
        claimed_ms: null,
        claimed_by: null,
        failure: null,
        proof: null,
        undone_by: null,
      }
      try {
        await store.write((tx) => tx.insertInto('rotations').values(row).execute())
        return row
      } catch (error) {
        if (isDuplicate(error)) return undefined
        throw error
      }
    },

    /** Takes what is due, for a while; with `id` that one, if nobody has it. */
    async claim(id?: string): Promise<Row | undefined> {
      const now = clock.nowMs()
      const free = await store.read
        .selectFrom('rotations')
        .select('id')
        .where('ended_ms', 'is', null)
        .where('due_ms', '<=', now)
        .where((e) =>
          // Also a claim of the future: a clock that was put back must not keep it for ever.
          e.or([
            e('claimed_ms', 'is', null),
            e('claimed_ms', '<', now - claimMs),
            e('claimed_ms', '>', now + claimMs),
          ]),
        )
        .$if(id !== undefined, (query) => query.where('id', '=', id ?? ''))
        .orderBy('due_ms')
        .limit(1)
        .executeTakeFirst()
      if (free === undefined) return undefined
      return await store.write((tx) =>
        tx
          .updateTable('rotations')
          .set({ claimed_ms: now, claimed_by: newId<string>('clm') })
          .where('id', '=', free.id)
          .where('ended_ms', 'is', null)
          .where((e) =>
            e.or([
              e('claimed_ms', 'is', null),
              e('claimed_ms', '<', now - claimMs),
              e('claimed_ms', '>', now + claimMs),
            ]),
          )
          .returningAll()
          .executeTakeFirst(),
      )
    },

    /** In the caller's transaction; the claim goes on. Throws `Lost`. */
    async change(tx: QueryCreator<Tables>, row: Row, changes: Changes): Promise<Row> {
      const changed = await tx
        .updateTable('rotations')
        .set({ claimed_ms: clock.nowMs(), ...changes })
        .where('id', '=', row.id)
        .where('claimed_by', '=', row.claimed_by)
        .where('ended_ms', 'is', null)
        .returningAll()
        .executeTakeFirst()
      if (changed === undefined) throw new Lost()
      return changed
    },

    /** Gives the claim back; whoever takes it next looks at it when it is due. */
    async release(row: Row): Promise<void> {
      await store.write((tx) =>
        tx
          .updateTable('rotations')
          .set({ claimed_ms: null, claimed_by: null })
          .where('id', '=', row.id)
          .where('claimed_by', '=', row.claimed_by)
          .execute(),
      )
    },

    open: (secret: string): Promise<Row | undefined> =>
      store.read
        .selectFrom('rotations')
        .selectAll()
        .where('secret', '=', secret)
        .where('ended_ms', 'is', null)
        .executeTakeFirst(),

    /** What is open of it is looked at now. */
    async hurry(secret: string, cause?: Cause): Promise<void> {
      await store.write((tx) =>
        tx
          .updateTable('rotations')
          .set({ due_ms: clock.nowMs(), ...(cause === undefined ? {} : { cause }) })
          .where('secret', '=', secret)
          .where('ended_ms', 'is', null)
          .execute(),
      )
    },

    /** The newest first. */
    latest: (secret: string, limit: number): Promise<Row[]> =>
      store.read
        .selectFrom('rotations')
        .selectAll()
        .where('secret', '=', secret)
        .orderBy('created_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute(),

    /** What ends the version that this rotation replaces: the one that made it kept that. */
    async handleOf(secret: string, version: number): Promise<string | null> {
      const row = await store.read
        .selectFrom('rotations')
        .select('handle')
        .where('secret', '=', secret)
        .where('to_version', '=', version)
        .where('promoted_ms', 'is not', null)
        .executeTakeFirst()
      return row?.handle ?? null
    },
  }
}

export type Records = ReturnType<typeof createRecords>
