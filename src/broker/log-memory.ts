import type { RememberedEntry } from '../audit/client/index.ts'
import { nowSeconds, type Clock } from '../lib/index.ts'
import { upsertRow, type Store } from '../store/index.ts'

/** What the store knows of the audit log, so that an older copy of either is noticed. */
export interface LogMemory {
  /** The newest entry that the log has confirmed, as the store has it. */
  remembered(): RememberedEntry | undefined
  /** Remembers it with the next commit, whoever writes it. */
  remember(entry: RememberedEntry): void
  /** Forgets it: what is confirmed from now on counts. */
  startAnew(): void
  /** Commits what no other write has taken along. */
  save(): Promise<void>
  /** Tokens from before this time (Unix seconds) may have been used without the store knowing; 0 if it knows all. */
  tokensSinceSeconds(): number
  /** From now on older tokens are not taken. */
  refuseOlderTokens(clock: Clock): Promise<void>
}

const entryKey = 'audit_newest'
const tokensKey = 'tokens_since'
const headKey = 'attestations_newest'

export function createLogMemory(store: Store): LogMemory {
  const stored = store.find('meta', { key: entryKey })
  const atStart = stored === undefined ? undefined : (JSON.parse(stored.value) as RememberedEntry)
  let newest = atStart
  let kept = atStart
  let tokensSince = Number(store.find('meta', { key: tokensKey })?.value ?? 0)
  // Several receipts between two commits cost one row.
  store.alsoKeep(() => {
    if (newest === kept || newest === undefined) return undefined
    kept = newest
    return upsertRow('meta', 'key', { key: entryKey, value: JSON.stringify(newest) })
  })
  return {
    remembered: () => newest,
    remember({ index, leafHash, timeMs }) {
      if (newest === undefined || index > newest.index) newest = { index, leafHash, timeMs }
    },
    startAnew() {
      newest = undefined
    },
    async save() {
      if (newest !== kept) await store.writeAll(() => [])
    },
    tokensSinceSeconds: () => tokensSince,
    async refuseOlderTokens(clock) {
      tokensSince = nowSeconds(clock)
      const row = upsertRow('meta', 'key', { key: tokensKey, value: String(tokensSince) })
      await store.writeAll(() => [row])
    },
  }
}

/** What the store knows of the attestation log: the newest checkpoint that came with a signature. */
export interface AttestationMemory {
  remembered(): string | undefined
  /** Remembers it with the next commit, whoever writes it. */
  remember(checkpoint: string): void
}

export function createAttestationMemory(store: Store): AttestationMemory {
  let newest = store.find('meta', { key: headKey })?.value
  let kept = newest
  store.alsoKeep(() => {
    if (newest === kept || newest === undefined) return undefined
    kept = newest
    return upsertRow('meta', 'key', { key: headKey, value: newest })
  })
  return {
    remembered: () => newest,
    remember: (checkpoint) => void (newest = checkpoint),
  }
}
