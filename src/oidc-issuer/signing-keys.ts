import { MayflyError, type Clock } from '../lib/index.ts'
import { isDuplicate, type Store } from '../store/index.ts'
import type { VaultKey } from '../vault/index.ts'
import { makeKeyRow, openKeyRow, type KeyUse, type SigningAlgorithm, type SigningKey } from './signing-key.ts'

/** The signing keys of all servers of this store, as they stood a moment ago. */
export interface SigningKeys {
  /** The key that signs now. Throws `vault_key` if there is none, as before the first `refresh`. */
  signer(use: KeyUse, alg: SigningAlgorithm): SigningKey
  /** The same; the first one is made if there is none yet. */
  firstSigner(use: KeyUse, alg: SigningAlgorithm): Promise<SigningKey>
  /** The published key of this id; the store is asked again for one that is not known. */
  find(use: KeyUse, kid: unknown): Promise<SigningKey | undefined>
  /** Those whose tokens may be met: the next ones, those that sign, those whose tokens have not ended. */
  published(use: KeyUse): readonly SigningKey[]
  /** Every key of the store, in the order of their numbers. */
  all(): readonly SigningKey[]
  /** Reads the store, where another server may have made or withdrawn a key. */
  refresh(): Promise<void>
}

/** A stranger may name a key that there is not, as often as he likes. */
const askAgainMs = 250

/** Makes the key for access tokens at the first start, so that every server has one to sign with. */
export async function createSigningKeys(deps: {
  store: Store
  vaultKey: VaultKey
  clock: Clock
}): Promise<SigningKeys> {
  const { store, vaultKey, clock } = deps
  let keys: ReadonlyMap<string, SigningKey> = new Map()
  let readMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined
  const making = new Map<string, Promise<SigningKey>>()

  async function read(): Promise<void> {
    const rows = await store.read.selectFrom('signing_keys').selectAll().orderBy('number').execute()
    // Opened once: a key does not change, only its times do.
    keys = new Map(
      rows.map((row) => {
        const known = keys.get(row.kid)
        const times = { retiredMs: row.retired_ms ?? undefined, withdrawnMs: row.withdrawn_ms ?? undefined }
        return [row.kid, known === undefined ? openKeyRow(vaultKey, row) : { ...known, ...times }]
      }),
    )
    readMs = clock.nowMs()
  }

  function refresh(): Promise<void> {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }

  const isPublished = (key: SigningKey) => key.withdrawnMs === undefined || key.withdrawnMs > clock.nowMs()

  const published = (use: KeyUse) => [...keys.values()].filter((key) => key.use === use && isPublished(key))

  /** The newest whose time has come. A clock that was set back finds the one before it, which is published as well. */
  function current(use: KeyUse, alg: SigningAlgorithm): SigningKey | undefined {
    const now = clock.nowMs()
    const ofUse = published(use).filter((key) => key.alg === alg)
    return ofUse.findLast(({ notBeforeMs }) => notBeforeMs <= now) ?? ofUse[0]
  }

  async function makeFirst(use: KeyUse, alg: SigningAlgorithm): Promise<SigningKey> {
    const created_ms = clock.nowMs()
    const row = await makeKeyRow(vaultKey, { use, alg, number: 1, created_ms, not_before_ms: created_ms })
    await store
      .write((tx) => tx.insertInto('signing_keys').values(row).execute())
      .catch((error: unknown) => {
        // Another server was faster; its key is as good.
        if (!isDuplicate(error)) throw error
      })
    await read()
    return signer(use, alg)
  }

  function signer(use: KeyUse, alg: SigningAlgorithm): SigningKey {
    const key = current(use, alg)
    if (key !== undefined) return key
    throw new MayflyError('vault_key', `there is no ${alg} key for ${use} tokens in the store`)
  }

  async function firstSigner(use: KeyUse, alg: SigningAlgorithm): Promise<SigningKey> {
    const key = current(use, alg)
    if (key !== undefined) return key
    const name = `${use} ${alg}`
    const mine = making.get(name) ?? makeFirst(use, alg).finally(() => making.delete(name))
    making.set(name, mine)
    return mine
  }

  await refresh()
  await firstSigner('access', 'ES256')
  return {
    signer,
    firstSigner,
    published,
    all: () => [...keys.values()],
    refresh,
    async find(use, kid) {
      if (typeof kid !== 'string') return undefined
      const known = () => published(use).find((key) => key.kid === kid)
      if (known() === undefined && clock.nowMs() - readMs >= askAgainMs) await refresh()
      return known()
    },
  }
}
