import type { Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'

const everyMs = 60_000

/** Which run used a secret last. A secret that every step opens costs one write a minute, and nobody waits for it. */
export function createUsage({ store, clock }: { store: Store; clock: Clock }) {
  return {
    note({ name, used_ms }: { name: string; used_ms: number | null }, by: string | undefined): void {
      const now = clock.nowMs()
      if (by === undefined || (used_ms !== null && now < used_ms + everyMs)) return
      const noted = store.write((tx) =>
        tx
          .updateTable('secret_names')
          .set({ used_ms: now, used_by: by })
          .where('name', '=', name)
          .where((e) => e.or([e('used_ms', 'is', null), e('used_ms', '<=', now - everyMs)]))
          .execute(),
      )
      // What a lease needs is not kept from it because this could not be written; the log has who used it.
      noted.catch(() => undefined)
    },
  }
}
