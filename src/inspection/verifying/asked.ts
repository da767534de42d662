import { createHmac } from 'node:crypto'
import type { QueryCreator } from 'kysely'
import type { Clock, Secret } from '../../lib/index.ts'
import type { Liveness } from '../../scan/liveness/index.ts'
import type { Store, Tables } from '../../store/index.ts'
import type { FoundKey } from './model.ts'

const hourMs = 3_600_000
/** A failure of now says nothing of later. */
const unknownMs = 60_000
/** A server that asks longer than that is gone. */
const lapseMs = 60_000
const keptMs = 86_400_000
/** That one was ended is known so long, and it is not asked or ended again. */
const endedMs = 400 * 86_400_000

export type Claim = { readonly mine: true } | { readonly mine: false; readonly answer: Liveness | undefined }

/** What was asked, for all servers of a store: by a name that only the vault's key makes of a secret. */
export function createAsked(deps: { store: Store; clock: Clock; seed: () => Promise<Secret<Buffer>> }) {
  const { store, clock } = deps

  const rowOf = (tx: QueryCreator<Tables>, name: string) =>
    tx.selectFrom('scan_asked').selectAll().where('name', '=', name).executeTakeFirst()

  return {
    async nameOf(
      { rule, secret }: FoundKey,
      { host, beside = '' }: { readonly host: string; readonly beside: string | undefined },
    ): Promise<string> {
      const key = (await deps.seed()).reveal()
      const parts = JSON.stringify(['liveness v1', rule, host, beside, secret.reveal()])
      return createHmac('sha256', key).update(parts).digest('hex')
    },
    /** What was answered within the hour, or of what is unknown the minute. */
    fresh(name: string): Liveness | undefined {
      const row = store.find('scan_asked', { name })
      return row === undefined ? undefined : freshOf(row, clock.nowMs())
    },
    /** It was ended from here. */
    isEnded: (name: string): boolean => store.find('scan_asked', { name })?.revoked_ms != null,
    /** One asks, and the others wait for its answer, or for its time to lapse. */
    claim: (name: string, rule: string): Promise<Claim> =>
      store.write(async (tx) => {
        const now = clock.nowMs()
        const row = await rowOf(tx, name)
        const answer = row === undefined ? undefined : freshOf(row, now)
        const isTaken = row?.claimed_ms != null && Math.abs(now - row.claimed_ms) < lapseMs
        if (answer !== undefined || isTaken) return { mine: false, answer }
        const values = { claimed_ms: now, seen_ms: now, answered_ms: null, answer: null }
        await tx
          .insertInto('scan_asked')
          .values({ name, rule, ...values, revoking_ms: null, revoked_ms: null })
          .onConflict((on) => on.column('name').doUpdateSet(values))
          .execute()
        return { mine: true }
      }),
    /** It was not asked after all. */
    release: (name: string): Promise<unknown> =>
      store.write((tx) =>
        tx.updateTable('scan_asked').set({ claimed_ms: null }).where('name', '=', name).execute(),
      ),
    /** What is over: answers, which name people, after their hour, whether or not somebody asks again. */
    async sweep(): Promise<void> {
      const now = clock.nowMs()
      const rows = () => store.read.selectFrom('scan_asked').select('name').limit(1)
      const stale = await rows()
        .where('answered_ms', '<=', now - hourMs)
        .executeTakeFirst()
      const gone = await rows()
        .where('seen_ms', '<', now - keptMs)
        .where((e) => e.or([e('revoked_ms', 'is', null), e('revoked_ms', '<', now - endedMs)]))
        .executeTakeFirst()
      if (stale === undefined && gone === undefined) return
      await store.write(async (tx) => {
        await tx
          .updateTable('scan_asked')
          .set({ answered_ms: null, answer: null })
          .where('answered_ms', '<=', now - hourMs)
          .execute()
        await tx
          .deleteFrom('scan_asked')
          .where('seen_ms', '<', now - keptMs)
          .where((e) => e.or([e('revoked_ms', 'is', null), e('revoked_ms', '<', now - endedMs)]))
          .execute()
      })
    },
    answered: (tx: QueryCreator<Tables>, name: string, answer: Liveness): Promise<unknown> =>
      tx
        .updateTable('scan_asked')
        .set({ claimed_ms: null, answered_ms: clock.nowMs(), answer: JSON.stringify(answer) })
        .where('name', '=', name)
        .execute(),
    claimEnd: (name: string, rule: string): Promise<'mine' | 'theirs' | 'ended'> =>
      store.write(async (tx) => {
        const now = clock.nowMs()
        const row = await rowOf(tx, name)
        if (row?.revoked_ms != null) return 'ended'
        if (row?.revoking_ms != null && Math.abs(now - row.revoking_ms) < lapseMs) return 'theirs'
        const values = { revoking_ms: now, seen_ms: now }
        await tx
          .insertInto('scan_asked')
          .values({
            ...{ name, rule, ...values },
            ...{ claimed_ms: null, answered_ms: null, answer: null, revoked_ms: null },
          })
          .onConflict((on) => on.column('name').doUpdateSet(values))
          .execute()
        return 'mine'
      }),
    /** What was answered before is no longer so, or nobody knows whether it is: whoever asks is told anew. */
    ended: (tx: QueryCreator<Tables>, name: string, isEnded: boolean): Promise<unknown> =>
      tx
        .updateTable('scan_asked')
        .set({
          ...{ revoking_ms: null, answered_ms: null, answer: null },
          ...(isEnded ? { revoked_ms: clock.nowMs() } : {}),
        })
        .where('name', '=', name)
        .execute(),
    releaseEnd: (name: string): Promise<unknown> =>
      store.write((tx) =>
        tx.updateTable('scan_asked').set({ revoking_ms: null }).where('name', '=', name).execute(),
      ),
  }
}

function freshOf({ answered_ms, answer }: Tables['scan_asked'], now: number): Liveness | undefined {
  if (answered_ms === null || answer === null) return undefined
  const told = JSON.parse(answer) as Liveness
  return Math.abs(now - answered_ms) < (told.state === 'unknown' ? unknownMs : hourMs) ? told : undefined
}
