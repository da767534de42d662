import { randomBytes, randomUUID } from 'node:crypto'
import { insertRow, type Run, type Store } from '../store/index.ts'
import { MayflyError, type Clock, type Secret } from '../lib/index.ts'
import { keyBytes } from './cipher.ts'
import { openSealed } from './envelope.ts'
import type { StoredRing } from './key-ring.ts'
import { givePassphrase, type KeyProviders } from './provider.ts'
import { keyFileName } from './providers.ts'
import { readRoot, rootContext, stateIn, wrapRingKey, writeRoot, writeState } from './ring-records.ts'
import { loadVaultKey } from './vault-key.ts'

/** Writes the entry of what a transaction does, in that transaction: neither is there without the other. */
export type WritesEntry = (run: Run) => void

interface OpeningDeps {
  readonly store: Store
  readonly ring: StoredRing
  readonly providers: KeyProviders
  readonly clock: Clock
  /** Where a store that was made before there were rings has its key. */
  readonly keyFile: string
}

/**
 * Opens the ring by the provider that wrapped its root, and makes it first, if there is none. Throws what a provider throws.
 * Whether it may be used is the state in the store: this lifts no operator's seal.
 */
export async function openRing(deps: OpeningDeps, passphrase?: Secret, record?: WritesEntry): Promise<void> {
  if (readRoot(deps.store) === undefined) await makeRing(deps, passphrase, record)
  deps.ring.use(await unwrapRoot(deps, passphrase))
}

/** The root as its provider gives it; `passphrase` for one that waits for it. */
export async function unwrapRoot(
  { store, providers }: Pick<OpeningDeps, 'store' | 'providers'>,
  passphrase?: Secret,
): Promise<{ id: string; key: Buffer }> {
  const root = readRoot(store)
  if (root === undefined) throw new MayflyError('store_failed', 'the vault’s root was not written')
  const provider = providers.named(root.provider)
  givePassphrase(provider, passphrase)
  const key = await provider.unwrap(root.wrapped, rootContext(root.id))
  if (key.length === keyBytes) return { id: root.id, key }
  throw new MayflyError(
    'vault_key',
    `${root.kind} gave ${key.length} bytes for the root of the vault, not ${keyBytes}`,
  )
}

/** As what each store has sealed something that shows which key is its own. */
export const checkContext = 'vault check'

/**
 * In a store of before, values are sealed by the key file's key itself: it becomes key 0, and its file the provider. A new store
 * begins with a key 1.
 */
async function makeRing(
  { store, providers, clock, keyFile }: OpeningDeps,
  passphrase: Secret | undefined,
  record: WritesEntry | undefined,
): Promise<void> {
  const isOld = store.find('meta', { key: checkContext }) !== undefined
  const name = isOld ? keyFileName : providers.use
  const provider = providers.named(name)
  const first = isOld ? { id: 0, key: keyOfBefore(store, keyFile) } : { id: 1, key: randomBytes(keyBytes) }
  const [id, root, createdMs] = [randomUUID(), randomBytes(keyBytes), clock.nowMs()]
  givePassphrase(provider, passphrase)
  const wrapped = await provider.wrap(root, rootContext(id))
  await store.write(async (tx, run) => {
    // Two servers start on a new store: the first one's ring is everybody's.
    if ((await stateIn(tx)) !== undefined) return
    const { kind, describe } = provider
    writeRoot(run, { id, provider: name, kind, describe, wrapped, createdMs })
    run(
      insertRow('vault_keys', {
        id: first.id,
        wrapped: wrapRingKey(root, first.id, first.key),
        provider: JSON.stringify({ root: id }),
        created_ms: createdMs,
        retired_ms: null,
      }),
    )
    writeState(run, { root: id, newest: first.id, state: 'open' })
    record?.(run)
  })
  root.fill(0)
}

/** Throws `vault_key` if it is not the key that the store was made with: what it does not open must not become its ring. */
function keyOfBefore(store: Store, keyFile: string): Buffer {
  const key = loadVaultKey(keyFile)
  openSealed(key, checkContext, Buffer.from(store.find('meta', { key: checkContext })?.value ?? '', 'base64'))
  return key.reveal()
}
