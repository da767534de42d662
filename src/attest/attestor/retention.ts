import type { Clock } from '../../lib/index.ts'
import type { Broker } from '../../broker/index.ts'
import type { Store } from '../../store/index.ts'

/** Of steps of which nobody asked for a receipt, and of those that could not be signed. */
const factsMs = 90 * 86_400_000
const everyMs = 60_000
const batch = 100

/** Removes bundles that are kept no longer, and what no receipt was asked of. Returns whether there is more. */
export function createRetention(deps: {
  store: Store
  clock: Clock
  outbox: () => Broker['outbox']
  retentionMs: () => number
}): () => Promise<void> {
  const { store, clock } = deps
  let lookedMs = Number.NEGATIVE_INFINITY

  async function removeSigned(before: number): Promise<boolean> {
    const rows = await store.read
      .selectFrom('attestations')
      .select(['id', 'step_id'])
      .where('state', '=', 'signed')
      .where('removed_ms', 'is', null)
      .where('created_ms', '<', before)
      .orderBy('created_ms')
      .limit(batch)
      .execute()
    if (rows.length === 0) return false
    const ids = rows.map(({ id }) => id)
    await deps.outbox().write(async (tx, add) => {
      await tx
        .updateTable('attestations')
        .set({ bundle: null, facts: null, removed_ms: clock.nowMs() })
        .where('id', 'in', ids)
        .execute()
      await tx.deleteFrom('attestation_subjects').where('attestation_id', 'in', ids).execute()
      const data = { reason: 'retention', removed: ids.length, attestations: ids }
      add([{ type: 'attestations.removed', data }])
    })
    return rows.length === batch
  }

  async function forgetKept(before: number): Promise<void> {
    const old = store.read
      .selectFrom('attestations')
      .select('id')
      .where('state', 'in', ['kept', 'failed'])
      .where('removed_ms', 'is', null)
      .where('created_ms', '<', before)
      .limit(batch)
    const ids = (await old.execute()).map(({ id }) => id)
    if (ids.length === 0) return
    await store.writeAll((tables) => [tables.deleteFrom('attestations').where('id', 'in', ids)])
  }

  return async () => {
    const now = clock.nowMs()
    // A clock that was put back must not keep everything.
    if (Math.abs(now - lookedMs) < everyMs) return
    lookedMs = now
    if (await removeSigned(now - deps.retentionMs())) lookedMs = Number.NEGATIVE_INFINITY
    await forgetKept(now - factsMs)
  }
}
