import { putEntry } from '../broker/index.ts'
import type { Clock } from '../lib/index.ts'
import type { VaultControl } from '../vault/index.ts'

/** Revokes all that is open and waits a while; tells how many leases are not revoked then, where that is known. */
export type EndSessions = () => Promise<number | undefined>

/** From `sealing` to `sealed`, whoever began it. The entry says what could not be revoked before the keys were forgotten. */
export async function finishSeal({
  vaultControl,
  endSessions,
  clock,
}: {
  vaultControl: Pick<VaultControl, 'seal'>
  endSessions: EndSessions
  clock: Clock
}): Promise<boolean> {
  const left = await endSessions()
  const data = { state: 'finished', ...(left === undefined ? {} : { left }) }
  return await vaultControl.seal((run) =>
    putEntry(run, { type: 'vault.sealed', data }, new Date(clock.nowMs()).toISOString()),
  )
}
