import type { Clock } from '../../lib/index.ts'
import type { Store } from '../../store/index.ts'

/** How long a lease that is over is kept; the log has it for good. */
const keepMs = 90 * 24 * 3_600_000
/** So many at once: others wait for the store meanwhile. */
const batch = 500
const everyMs = 60_000

/** Removes leases that are long over, a few each minute; none while an entry waits for the log, which may be the one of its end. */
export function createPruning({ store, clock }: { store: Store; clock: Clock }): () => Promise<void> {
  let nextMs = 0
  return async () => {
    const now = clock.nowMs()
    if (now < nextMs) return
    nextMs = now + everyMs
    const waiting = await store.read.selectFrom('outbox').select('id').limit(1).execute()
    if (waiting.length > 0) return
    const old = await store.read
      .selectFrom('leases')
      .select('id')
      .where('revoked_ms', '<', now - keepMs)
      .limit(batch)
      .execute()
    if (old.length === 0) return
    // There may be more: go on at the next sweep.
    if (old.length === batch) nextMs = now
    await store.writeAll((tx) => [
      tx.deleteFrom('leases').where(
        'id',
        'in',
        old.map(({ id }) => id),
      ),
    ])
  }
}
