import { MayflyError, messageOf, type Clock, type Secret } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { StoredRing } from './key-ring.ts'
import { openRing, unwrapRoot, type WritesEntry } from './open-ring.ts'
import type { KeyProviders } from './provider.ts'
import { rekey } from './rekey.ts'
import { countOlder } from './reseal.ts'
import { readRoot, stateIn, writeState, type RingState } from './ring-records.ts'
import { createKeyRotation, type KeyRotation } from './rotate-key.ts'

/** What operators do with the vault as a whole. */
export interface VaultControl {
  status(): Promise<VaultStatus>
  /** Opens the ring, or makes it; nothing if an operator sealed it. Throws what its provider throws. */
  open(passphrase?: Secret): Promise<void>
  /** As long as the vault should be open and this server has not its root, tries again with backoff. Never rejects. */
  tryAgain(): Promise<void>
  /** From here on nothing is issued, by any server. False: it is sealed already, or being sealed. */
  beginSeal(record?: WritesEntry): Promise<boolean>
  /** It is being sealed: by a call that is under way, or by a server that was killed in it. */
  isSealing(): boolean
  /** Every server forgets its keys. False: it was unsealed meanwhile, and stays open. */
  seal(record?: WritesEntry): Promise<boolean>
  /** Takes an operator's seal back, and opens. Throws `vault_key` for a wrong passphrase, and what the provider throws. */
  unseal(passphrase?: Secret, record?: WritesEntry): Promise<void>
  /** By the provider of that name, else by the one that the configuration says to use. */
  rekey(
    to?: string,
    passphrase?: Secret,
    record?: WritesEntry,
  ): Promise<{ provider: string; kind: string; describe: string }>
  readonly rotation: KeyRotation
  /** What is sealed can be opened here: it is open, or being sealed. */
  hasKeys(): boolean
  /** Why nothing can be issued here; nothing if it can. */
  closed(): string | undefined
}

export interface VaultStatus {
  readonly state: 'open' | 'sealing' | 'sealed'
  readonly reason?: string
  readonly provider?: {
    readonly name: string
    readonly kind: string
    readonly describe: string
    readonly since: number
  }
  readonly keys: readonly { readonly id: number; readonly created: number; readonly retired: number | null }[]
  /** Values that an older key has sealed. */
  readonly older: number
}

const [firstPauseMs, longestPauseMs] = [1_000, 60_000]
/** What is sealed was being sealed before: an operator who unseals meanwhile is not undone. */
const before: Partial<Record<RingState['state'], RingState['state']>> = { sealing: 'open', sealed: 'sealing' }

export function createVaultControl(deps: {
  store: Store
  ring: StoredRing
  /** As the configuration is now. */
  providers: () => KeyProviders
  clock: Clock
  keyFile: string
}): VaultControl {
  const { store, ring, clock } = deps
  const backoff = { nextMs: 0, pauseMs: firstPauseMs, reason: undefined as string | undefined }

  async function change(to: RingState['state'], record?: WritesEntry): Promise<boolean> {
    return await store.write(async (tx, run) => {
      const now = await stateIn(tx)
      if (now === undefined)
        throw new MayflyError('vault_sealed', 'the vault has no keys yet: mayfly vault unseal')
      if (before[to] !== undefined && before[to] !== now.state) return false
      writeState(run, { ...now, state: to })
      record?.(run)
      return true
    })
  }

  async function open(passphrase?: Secret, record?: WritesEntry): Promise<void> {
    // Whoever sealed it opens it.
    if (ring.state()?.state === 'sealed') return
    try {
      await openRing({ ...deps, providers: deps.providers() }, passphrase, record)
      Object.assign(backoff, { nextMs: 0, pauseMs: firstPauseMs, reason: undefined })
    } catch (error) {
      backoff.reason = messageOf(error)
      throw error
    }
  }

  function closed(): string | undefined {
    const why = ring.closed()
    return why === undefined ? undefined : (backoff.reason ?? why)
  }

  return {
    rotation: createKeyRotation(deps),
    closed,
    hasKeys: () => ring.state()?.state !== 'sealed' && !ring.lacksRoot(),
    open: (passphrase) => open(passphrase),
    async status() {
      const state = ring.state()
      const root = readRoot(store)
      const why = closed()
      const rows = await store.read.selectFrom('vault_keys').selectAll().orderBy('id').execute()
      return {
        state: state?.state === 'sealing' ? 'sealing' : why === undefined ? 'open' : 'sealed',
        ...(why === undefined ? {} : { reason: why }),
        ...(root === undefined
          ? {}
          : {
              provider: {
                name: root.provider,
                kind: root.kind,
                describe: root.describe,
                since: root.createdMs,
              },
            }),
        keys: rows.map((row) => ({ id: row.id, created: row.created_ms, retired: row.retired_ms })),
        older: state === undefined ? 0 : await countOlder(store, state.newest),
      }
    },
    async tryAgain() {
      if (!ring.lacksRoot() || clock.nowMs() < backoff.nextMs) return
      backoff.nextMs = clock.nowMs() + backoff.pauseMs
      backoff.pauseMs = Math.min(2 * backoff.pauseMs, longestPauseMs)
      await open().catch(() => undefined)
    },
    beginSeal: (record) => change('sealing', record),
    isSealing: () => ring.state()?.state === 'sealing',
    async seal(record) {
      if (!(await change('sealed', record)) && ring.state()?.state !== 'sealed') return false
      ring.forget('an operator sealed the vault')
      return true
    },
    async unseal(passphrase, record) {
      if (ring.state() === undefined) return await open(passphrase, record)
      const root = await unwrapRoot({ ...deps, providers: deps.providers() }, passphrase)
      await change('open', record)
      ring.use(root)
      Object.assign(backoff, { nextMs: 0, pauseMs: firstPauseMs, reason: undefined })
    },
    async rekey(to, passphrase, record) {
      const providers = deps.providers()
      return await rekey({ ...deps, providers }, to ?? providers.use, passphrase, record)
    },
  }
}
