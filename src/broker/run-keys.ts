import { hkdfSync, randomBytes } from 'node:crypto'
import { Secret, type SessionId } from '../lib/index.ts'
import { upsertRow, type Store } from '../store/index.ts'
import { openSealed, seal, type VaultKey } from '../vault/index.ts'

/** Key material of each session's certificate authority: 48 bytes, the same after a restart and in every server of the store. */
export type RunKeys = (session: SessionId) => Uint8Array

const metaKey = 'run_ca_seed'
const context = 'seed of the certificate authorities of runs'

/**
 * Derives it (HKDF, RFC 5869) from one seed, which is made at the first start and stands in the store sealed by the vault key.
 * So nothing is written for a session, and nothing of it has to be forgotten when it ends.
 */
export async function loadRunKeys({
  store,
  vaultKey,
}: {
  store: Store
  vaultKey: VaultKey
}): Promise<RunKeys> {
  const seed = await store.write(async (_tables, run) => {
    const known = store.find('meta', { key: metaKey })
    if (known !== undefined) return openSealed(vaultKey, context, Buffer.from(known.value, 'base64'))
    const made = randomBytes(32)
    run(upsertRow('meta', 'key', { key: metaKey, value: seal(vaultKey, context, made).toString('base64') }))
    return new Secret(made)
  })
  return (session) => new Uint8Array(hkdfSync('sha256', seed.reveal(), '', `mayfly run ca ${session}`, 48))
}
