import type { Finding } from './findings/index.ts'
import type { ScanSettings } from './model.ts'
import type { Batch } from './sources/index.ts'
import type { Unseen } from './unpack/index.ts'

/** What a thread is started with. */
export interface ThreadData {
  readonly settings: ScanSettings
  readonly nowMs: number
  /** Two numbers: the part that it looks at, and one that grows while the thread is not held up. */
  readonly shared: SharedArrayBuffer
}

export interface ToThread {
  readonly batch: Batch
}

export type FromThread =
  | { readonly kind: 'findings'; readonly findings: readonly Finding[] }
  | { readonly kind: 'more'; readonly name: string; readonly count: number }
  | { readonly kind: 'unseen'; readonly unseen: Unseen }
  | { readonly kind: 'done'; readonly bytes: number }
