import type { StepId } from '../lib/index.ts'

/**
 * Looks at what a push brings, before its Git server has the last bytes of it and could accept it. There is none unless one
 * is configured. What it throws refuses the push.
 */
export interface PushScanner {
  /** Of a larger blob so many bytes are handed over. */
  readonly maxBlobBytes: number
  begin(push: ScannedPush): PushScan
}

export interface ScannedPush {
  readonly step: StepId
  readonly connection: string
  readonly repository: string
  readonly refs: readonly string[]
}

/** One push that is looked at. */
export interface PushScan {
  /** Each blob of the pack, in its order, while the pack passes: the next one waits. */
  blob(blob: ScannedBlob): Promise<void> | void
  /** What a push says beside its blobs: a commit, a tag, the names in a tree; and what of it this is, for people. */
  text(name: string, bytes: Buffer): Promise<void> | void
  /**
   * All was handed over that could be. `unseen`: blobs, or what may be blobs, that were not, and why. `nameOf`: the path of a blob, as
   * the trees of the pack say it, or its id.
   */
  finish(unseen: UnseenBlobs, nameOf: (id: string) => string): Promise<ScanVerdict>
}

export interface ScannedBlob {
  /** Its name in Git: the digest of its content. */
  readonly id: string
  readonly size: number
  /** Its path, if a tree that came before it says one; there may be others. */
  readonly path?: string | undefined
  /** The content, or its first `maxBlobBytes`. */
  readonly bytes: Buffer
}

export interface UnseenBlobs {
  readonly count: number
  /** Of the first ones. */
  readonly why: readonly string[]
}

/** Findings and warnings are shown to the step, one line each: they must not repeat a secret. */
export type ScanVerdict =
  | { readonly ok: true; readonly warnings?: readonly string[] }
  | { readonly ok: false; readonly findings: readonly string[] }
