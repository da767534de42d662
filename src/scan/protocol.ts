import type { KnownPlace } from './ask-known.ts'
import type { Finding, HandedKey } from './findings/index.ts'
import type { ScanSettings, UnseenPart } from './model.ts'
import type { Batch } from './sources/index.ts'

/** What a thread is started with. */
export interface ThreadData {
  readonly settings: ScanSettings
  readonly nowMs: number
  /** Two numbers: the part that it looks at, and one that grows while the thread is not held up. */
  readonly shared: SharedArrayBuffer
}

export type ToThread =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'known'; readonly id: number; readonly places: readonly KnownPlace[] }
  | { readonly kind: 'failed'; readonly id: number; readonly why: string }

export type FromThread =
  | { readonly kind: 'findings'; readonly findings: readonly Finding[] }
  | { readonly kind: 'more'; readonly name: string; readonly count: number }
  | { readonly kind: 'unseen'; readonly unseen: UnseenPart }
  | { readonly kind: 'key'; readonly key: HandedKey }
  /** What of it the vault knows. */
  | { readonly kind: 'ask'; readonly id: number; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'done'; readonly bytes: number }
