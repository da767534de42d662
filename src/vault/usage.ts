import type { Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'

const everyMs = 60_000

/** Which run used a secret last. A secret that every step opens costs one write a minute, and nobody waits for it. */
export function createUsage({ store, clock }: { store: Store; clock: Clock }) {
  return {
    note({ name, used_ms }: { name: string; used_ms: number | null }, by: string | undefined): void {
      const now = clock.nowMs()
      if (by === undefined || (used_ms !== null && now < used_ms + everyMs)) return
      const used = { used_ms: now, used_by: by }
      const noted = store.write((tx) =>
        tx
          .insertInto('secret_names')
          // There is no row of what is kept elsewhere before it is used.
          .values({ name, current_version: 0, created_ms: now, ...used })
          .onConflict((row) =>
            row
              .column('name')
              .doUpdateSet(used)
              .where((e) =>
                e.or([e('secret_names.used_ms', 'is', null), e('secret_names.used_ms', '<=', now - everyMs)]),
              ),
          )
          .execute(),
      )
      // What a lease needs is not kept from it because this could not be written; the log has who used it.
      noted.catch(() => undefined)
    },
  }
}
