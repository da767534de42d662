import type { Readable } from 'node:stream'
import type { StepId } from '../lib/index.ts'

/**
 * Where the bytes of steps' logs are. What is open grows by chunks and is plain; what is sealed is compressed, is named by its
 * digest and never changes. Files do it here; an object store can, with one object a chunk.
 */
export interface LogStorage {
  /** Steps that have an open log. */
  open(): Promise<StepId[]>
  /** Bytes of the open log; 0 if there is none. */
  size(step: StepId): Promise<number>
  /** Adds to its end. Throws `disk_full` or `store_failed`; then a part of it may be there: `size` says. */
  put(step: StepId, bytes: Buffer): Promise<void>
  /**
   * Makes one compressed file of it, on disk when this resolves; the open one stays until `drop`. Killed at any point, it is done
   * again, to the same end. Undefined if there is nothing.
   */
  seal(step: StepId): Promise<SealedLog | undefined>
  /** Removes the open log. */
  drop(step: StepId): Promise<void>
  /** The plain bytes of an open log, `from` some offset on; undefined if there is none. */
  readOpen(step: StepId, from: number): Promise<Readable | undefined>
  /** The same of a sealed one. */
  readSealed(step: StepId, sha256: string, from: number): Promise<Readable | undefined>
  remove(step: StepId, sha256: string): Promise<void>
}

export interface SealedLog {
  /** Plain, and as they are stored. */
  readonly bytes: number
  readonly storedBytes: number
  /** Of the plain bytes, in hex. */
  readonly sha256: string
}
