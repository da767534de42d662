import { krlOf } from '../../credentials/index.ts'
import type { Clock } from '../../lib/index.ts'
import type { Store } from '../../store/index.ts'

/** Whoever reads the list may have a clock that is behind ours. */
const skewMs = 300_000

/**
 * The OpenSSH key revocation list of this name: every lease that is not to be used any more and has not expired, from when its
 * end was decided. Made anew for each who asks, from the store, so that all servers tell the same. `undefined` for a name that no such lease has.
 */
export async function revocationList(store: Store, name: string, clock: Clock): Promise<Buffer | undefined> {
  const nowMs = clock.nowMs()
  const rows = await store.read
    .selectFrom('leases')
    .select(['id', 'state'])
    .where('revocation_list', '=', name)
    .where('expires_ms', '>', nowMs - skewMs)
    .execute()
  if (rows.length === 0) return undefined
  const over = rows.filter(({ state }) => state !== 'requested' && state !== 'issued')
  return krlOf(
    over.map(({ id }) => id),
    nowMs,
  )
}

/** For a name that is configured, and that no lease has. */
export function emptyRevocationList(clock: Clock): Buffer {
  return krlOf([], clock.nowMs())
}
