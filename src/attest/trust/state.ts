import type { Selectable } from 'kysely'
import type { TrustPayload } from '../sign/index.ts'
import type { Store, Tables } from '../../store/index.ts'

export type KeyRow = Selectable<Tables['attest_keys']>
export type RevokedRow = Selectable<Tables['attest_revocations']>

/** A signed document as it is stored. */
export interface StoredDocument {
  readonly version: number
  /** The envelope, JSON. */
  readonly envelope: string
  readonly payload: TrustPayload
}

/** What the store says, at one moment. */
export interface TrustState {
  readonly keys: readonly KeyRow[]
  readonly revoked: readonly RevokedRow[]
  readonly document: StoredDocument | undefined
}

export async function readState(store: Store): Promise<TrustState> {
  const [keys, revoked, document] = await Promise.all([
    store.read.selectFrom('attest_keys').selectAll().orderBy('number').execute(),
    store.read.selectFrom('attest_revocations').selectAll().orderBy('created_ms').execute(),
    store.read
      .selectFrom('trust_documents')
      .selectAll()
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst(),
  ])
  return { keys, revoked, document: document === undefined ? undefined : storedDocument(document) }
}

export function storedDocument(row: { version: number; envelope: string }): StoredDocument {
  return { version: row.version, envelope: row.envelope, payload: payloadIn(row.envelope) }
}

/** Of an envelope that was verified, or made here. */
export function payloadIn(envelope: string): TrustPayload {
  const { payload } = JSON.parse(envelope) as { payload: string }
  return JSON.parse(Buffer.from(payload, 'base64').toString()) as TrustPayload
}
