import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { MayflyError, type Clock, type Secret } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import { keyBytes } from './cipher.ts'
import type { StoredRing } from './key-ring.ts'
import { givePassphrase, type KeyProviders } from './provider.ts'
import type { WritesEntry } from './open-ring.ts'
import { rootContext, stateIn, unwrapRingKey, wrapRingKey, writeRoot, writeState } from './ring-records.ts'

/**
 * Makes a new root, wraps it by the provider of this name, and the ring's keys by it, in one transaction: before it nothing has
 * changed, after it everything. The provider must unwrap what it wrapped first. Throws what the provider and the store throw.
 */
export async function rekey(
  deps: { store: Store; ring: StoredRing; providers: KeyProviders; clock: Clock },
  to: string,
  passphrase?: Secret,
  record?: WritesEntry,
): Promise<{ provider: string; kind: string; describe: string }> {
  const { store, ring, clock } = deps
  const before = ring.root().id
  const provider = deps.providers.named(to)
  const [id, root] = [randomUUID(), randomBytes(keyBytes)]
  if (passphrase === undefined && provider.isGivenByHand === true)
    throw new MayflyError('bad_input', `"${to}" needs the new passphrase: mayfly vault rekey --passphrase`)
  givePassphrase(provider, passphrase)
  const wrapped = await provider.wrap(root, rootContext(id))
  givePassphrase(provider, passphrase)
  const again = await provider.unwrap(wrapped, rootContext(id))
  if (again.length !== root.length || !timingSafeEqual(again, root))
    throw new MayflyError(
      'credential_failed',
      `${provider.kind} does not unwrap what it wrapped: nothing was changed`,
    )
  const { kind, describe } = provider
  await store.write(async (tx, run) => {
    const now = await stateIn(tx)
    if (now?.state !== 'open' || now.root !== before)
      throw new MayflyError('conflict', 'the vault is being sealed, or was wrapped anew meanwhile: try again')
    const rows = await tx.selectFrom('vault_keys').select(['id', 'wrapped']).execute()
    for (const row of rows) {
      // Each time: a root that was forgotten meanwhile is overwritten with zeros.
      const old = ring.root()
      const key = unwrapRingKey(old.key, row.id, row.wrapped)
      const set = { wrapped: wrapRingKey(root, row.id, key), provider: JSON.stringify({ root: id }) }
      key.fill(0)
      await tx.updateTable('vault_keys').set(set).where('id', '=', row.id).execute()
    }
    writeRoot(run, { id, provider: to, kind, describe, wrapped, createdMs: clock.nowMs() })
    writeState(run, { ...now, root: id })
    record?.(run)
  })
  ring.use({ id, key: root })
  return { provider: to, kind, describe }
}
