import { leafHash } from '../../verify/index.ts'
import type { KeyWindow } from '../key-window.ts'

/** An entry on its way; `key` is its leaf hash in base64, so the same entry again is known by its content. */
export interface Leaf {
  readonly key: string
  readonly entry: Buffer
  readonly leafHash: Uint8Array
}

export function leafOf(entry: Buffer): Leaf {
  const hash = leafHash(entry)
  return { key: hash.toBase64(), entry, leafHash: hash }
}

export type IncludeOutcome =
  | {
      readonly ok: true
      readonly treeSize: number
      readonly rootHash: Uint8Array
      /** A note with the log's own signature and no other. */
      readonly checkpoint: string
      readonly entries: readonly { readonly index: number; readonly hashes: readonly Uint8Array[] }[]
    }
  | { readonly ok: false; readonly reason: 'busy' }
  | { readonly ok: false; readonly reason: 'failed'; readonly status: 503 | 507; readonly message: string }

/** A request that waits for its commit. */
export interface IncludeJob {
  readonly leaves: readonly Leaf[]
  readonly resolve: (outcome: IncludeOutcome) => void
}

const groupEntries = 1_024

/** Takes from the queue what the next commit will hold. */
export function takeIncludes(queue: IncludeJob[]): IncludeJob[] {
  let entries = 0
  let count = 0
  for (const { leaves } of queue) {
    entries += leaves.length
    if (count > 0 && entries > groupEntries) break
    count++
  }
  return queue.splice(0, count)
}

/** Gives new entries their numbers, and repeated ones what they have. */
export function planIncludes(jobs: readonly IncludeJob[], window: KeyWindow, firstIndex: number) {
  const fresh: Leaf[] = []
  const inGroup = new Map<string, number>()
  const answers = jobs.map((job) => {
    const indexes = job.leaves.map((leaf) => {
      const known = window.get(leaf.key)?.index ?? inGroup.get(leaf.key)
      if (known !== undefined) return known
      const index = firstIndex + fresh.length
      inGroup.set(leaf.key, index)
      fresh.push(leaf)
      return index
    })
    return { job, indexes }
  })
  return { fresh, answers }
}

/** As a bundle holds it: behind its length in two bytes. */
export function prefixedOf(entry: Buffer): Buffer {
  const prefixed = Buffer.allocUnsafe(2 + entry.length)
  prefixed.writeUInt16BE(entry.length, 0)
  prefixed.set(entry, 2)
  return prefixed
}
