import type { StepId } from '../lib/index.ts'
import type { FilePaths } from './look.ts'

/**
 * Looks at what a push brings, before its Git server has the last bytes of it and could accept it. There is none unless one
 * is configured. What it throws refuses the push.
 */
export interface PushScanner {
  /** Larger blobs are handed over piece by piece. */
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
  /** One that is larger than `maxBlobBytes`. */
  large(): LargeBlob
  /** What a push says beside its blobs: a commit, a tag, the names in a tree; and what of it this is, for people. */
  text(name: string, bytes: Buffer): Promise<void> | void
  /** All was handed over that could be. */
  finish(brought: Brought): Promise<ScanVerdict>
}

export interface ScannedBlob {
  /** Its name in Git: the digest of its content. */
  readonly id: string
  readonly bytes: Buffer
}

export interface LargeBlob {
  /** Resolves when there is room for more. */
  write(piece: Buffer): Promise<void>
  /** Its name is known by its last byte. */
  end(id: string): void
  /** It did not come to its end. */
  leave(): void
}

export interface Brought {
  /** Blobs, or what may be blobs, that were not handed over, and why. */
  readonly unseen: UnseenBlobs
  /** Where a blob stands, as the trees of the pack say it. */
  readonly pathsOf: (id: string) => FilePaths
  /** A digest of all objects of the pack, in whatever order and form it has them; undefined where that is not known. */
  readonly digest: () => string | undefined
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
