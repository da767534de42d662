import type { Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'

/** What the audit log has of a compromise: the secret, and up to which version others know it. */
export interface MissedCompromise {
  readonly id: string
  readonly secret: string
  readonly version: number
  readonly reason: string | null
}

/**
 * A store that was put back from before a secret was said to be compromised: it is compromised all the same. From then on its value
 * is leased to nobody, and what was begun then is begun again: it gets a new value, and the old one is seen to be dead.
 */
export async function markMissed(
  store: Store,
  missed: readonly MissedCompromise[],
  clock: Clock,
): Promise<void> {
  await store.write(async (tx) => {
    for (const { id, secret, reason, ...known } of missed) {
      const row = await tx
        .selectFrom('secrets')
        .select((e) => e.fn.max('version').as('newest'))
        .where('name', '=', secret)
        .executeTakeFirst()
      // Versions that only the newer store had are made anew, under the same numbers.
      const version = Math.min(known.version, row?.newest ?? 0)
      const marked = await tx
        .updateTable('secret_names')
        .set({ compromised_version: version })
        .where('name', '=', secret)
        .where('compromised_version', '<', version)
        .executeTakeFirst()
      if (marked.numUpdatedRows === 0n) continue
      const asked_by = JSON.stringify('the audit log, since the store was an older copy')
      const times = { created_ms: clock.nowMs(), proof: null, ended_ms: null }
      await tx
        .insertInto('compromises')
        .values({ id, secret, version, reason, asked_by, ...times })
        .execute()
    }
  })
}
