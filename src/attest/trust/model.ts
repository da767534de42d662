import type { QueryCreator } from 'kysely'
import type { Clock } from '../../lib/index.ts'
import type { Store, Tables } from '../../store/index.ts'
import type { VaultKey } from '../../vault/index.ts'
import type { Authority, CheckBundle, LogKeys, Signer, TrustPayload } from '../sign/index.ts'
import type { StoredDocument } from './state.ts'

export interface TrustDeps {
  store: Store
  /** Entries of the audit log, written with what they tell of (`Outbox` of the broker). */
  records: Records
  vaultKey: VaultKey
  clock: Clock
  /** Of this server, as others reach it. */
  url: () => string
  log: {
    keys(): Promise<LogKeys>
    /** How many entries it has now. */
    size(): Promise<number>
  }
  /** Keys that are elsewhere. */
  outer?: {
    readonly ca?: Signer
    readonly signer?: Signer
    /** Published before it signs; `keyless`: a CA that is kept here. */
    readonly next?: { readonly ca: Signer } | { readonly signer: Signer } | 'keyless'
  }
}

export interface Records {
  write<T>(
    work: (
      tx: QueryCreator<Tables>,
      add: (events: readonly { type: string; data: Record<string, unknown> }[]) => void,
    ) => Promise<T>,
  ): Promise<T>
}

/** Who asked, for the audit log. */
export type By = Readonly<Record<string, unknown>>

export interface TrustKeeper {
  /** The CA that signs now. Throws with what to do where none may. */
  authority(): Promise<Authority>
  /** Reads a finished bundle as its users will, by the document in force. */
  readonly check: CheckBundle
  inForce(): StoredDocument | undefined
  /** The envelope of an earlier version: clients follow the root key from one to the next. */
  version(version: number): Promise<string | undefined>
  /** The next document, signed by those root keys that are here. */
  draft(asked: DraftAsked): Promise<Draft>
  /** Throws `denied` for one that is not signed by the root in force, and `conflict` for a version that is not newer. */
  publish(envelope: unknown, by: By): Promise<Published>
  rotateAuthority(asked: { now: boolean; by: By }): Promise<RotatedAuthority>
  rotateRoot(by: By): Promise<Published>
  revoke(asked: RevokeAsked): Promise<Revoked>
  /** How the keys of the document in force stand, and of those that wait. */
  standing(): Promise<TrustStanding>
  /** Every key that signs attestations, is to sign, or has signed. */
  keys(): Promise<readonly ListedKey[]>
  /** Reads the store, makes keys that are due, and signs the next document if that can be done here. Called by every server. */
  sweep(): Promise<void>
  warnings(): readonly string[]
}

/** Whether one may sign, or why not. */
export type Standing = 'signs' | 'next' | 'unpublished' | 'revoked' | 'retired' | 'ended' | 'elsewhere'

export interface ListedKey {
  /** SHA-256 of its SPKI, hex. */
  readonly key: string
  /** Of a CA, or without a certificate. */
  readonly use: 'ca' | 'signing'
  readonly state: Standing
  /** Where its private part is: its place in the configuration, or the vault. */
  readonly at: string
  readonly publishedMs: number
  readonly signsFromMs: number
  /** Of a CA: its certificate's end. */
  readonly endsMs?: number
}

export interface TrustStanding {
  readonly root: readonly { readonly key: string; readonly here: boolean }[]
  readonly authorities: readonly {
    readonly key: string
    readonly state: Standing
    readonly signsFromMs: number
    readonly endsMs: number
  }[]
  /** All keys of the document in force, for people. */
  readonly lines: readonly string[]
}

export interface DraftAsked {
  /** PEM; those of the document in force if left out. */
  readonly root?: readonly string[] | undefined
  readonly expiresMs?: number | undefined
}

export interface Draft {
  readonly envelope: string
  readonly payload: TrustPayload
  /** The one in force: what it changes is seen against it. */
  readonly previous: string | undefined
  readonly changes: readonly string[]
  /** Root keys (SHA-256, hex) of which a signature is still missing. */
  readonly missing: readonly string[]
}

export interface Published {
  readonly version: number
  readonly changes: readonly string[]
  /** What the next document has to say already. */
  readonly open: readonly string[]
}

export interface RotatedAuthority {
  readonly key: string
  readonly signsFromMs: number
  /** It was there already. */
  readonly pending: boolean
  /** It is in the document in force. */
  readonly published: boolean
}

export interface RevokeAsked {
  /** SHA-256 of its SPKI in hex, or how that begins. */
  readonly key: string
  readonly fromMs?: number | undefined
  readonly reason: string
  readonly by: By
}

export interface Revoked {
  readonly key: string
  readonly fromMs: number
  readonly treeSize: number
  /** Clients know of it: the document in force says so. */
  readonly published: boolean
}
