import type { QueryCreator } from 'kysely'
import { MayflyError } from '../lib/index.ts'
import { upsertRow, type Run, type Store, type Tables } from '../store/index.ts'
import { decrypt, encrypt } from './cipher.ts'

/**
 * How the ring stands in the store. Each key is wrapped by the root key, the root key by a key provider. So one call of the
 * provider opens the vault, a server finds a key that another one has made without asking the provider again, and `rekey`
 * changes a handful of rows.
 */
export interface RootRecord {
  readonly id: string
  /** Its name in the configuration. */
  readonly provider: string
  readonly kind: string
  readonly describe: string
  readonly wrapped: string
  readonly createdMs: number
}

/** `sealing`: sessions are being ended, nothing new is issued; then `sealed`: no server may use a key. */
export interface RingState {
  /** The root that wraps the keys. */
  readonly root: string
  /** The key that seals. */
  readonly newest: number
  readonly state: 'open' | 'sealing' | 'sealed'
}

const [rootKey, stateKey] = ['vault_root', 'vault_ring']

export function readRoot(store: Store): RootRecord | undefined {
  const row = store.find('meta', { key: rootKey })
  return row === undefined ? undefined : (JSON.parse(row.value) as RootRecord)
}

export function writeRoot(run: Run, root: RootRecord): void {
  run(upsertRow('meta', 'key', { key: rootKey, value: JSON.stringify(root) }))
}

export function writeState(run: Run, state: RingState): void {
  run(upsertRow('meta', 'key', { key: stateKey, value: JSON.stringify(state) }))
}

/** Reads the state each time, since another server may have sealed the vault a moment ago. */
export function createStateReader(store: Store): () => RingState | undefined {
  let last: { text: string; state: RingState } | undefined
  return () => {
    const text = store.find('meta', { key: stateKey })?.value
    if (text === undefined) return undefined
    if (last?.text !== text) last = { text, state: JSON.parse(text) as RingState }
    return last.state
  }
}

/** Within a transaction: the reader's connection may be a moment behind. */
export async function stateIn(tx: QueryCreator<Tables>): Promise<RingState | undefined> {
  const row = await tx.selectFrom('meta').select('value').where('key', '=', stateKey).executeTakeFirst()
  return row === undefined ? undefined : (JSON.parse(row.value) as RingState)
}

/** As what the provider wraps a root. */
export function rootContext(id: string): string {
  return `mayfly vault root ${id}`
}

export function wrapRingKey(root: Buffer, id: number, key: Buffer): Buffer {
  return encrypt(root, ringContext(id), key)
}

export function unwrapRingKey(root: Buffer, id: number, wrapped: Uint8Array): Buffer {
  try {
    return decrypt(root, ringContext(id), Buffer.from(wrapped))
  } catch (cause) {
    throw new MayflyError(
      'vault_key',
      `key ${id} of the vault does not open with its root: restore the store from a backup`,
      {
        cause,
      },
    )
  }
}

function ringContext(id: number): string {
  return `mayfly vault key ${id}`
}
