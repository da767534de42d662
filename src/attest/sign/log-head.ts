import {
  createTileHashes,
  equalBytes,
  type LogSource,
  proveConsistency,
  type Verifier,
  verifyCheckpoint,
  verifyConsistency,
} from '../../audit/verify/index.ts'
import { connectionProblem } from '../../lib/index.ts'

interface Head {
  readonly treeSize: number
  readonly rootHash: Uint8Array
}

/**
 * Remembers the greatest tree that was seen. A log that was started again, perhaps over a copy of its folder from before,
 * would give numbers a second time that bundles have already: it has to prove first that it goes on with that tree.
 */
export function createLogHead(source: LogSource, verifier: Verifier, remembered: string | undefined) {
  let newest: Head | undefined
  let knownProcess: string | undefined

  async function first(): Promise<void> {
    if (remembered === undefined || newest !== undefined) return
    const verdict = await verifyCheckpoint(remembered, verifier)
    if (verdict.ok) newest = { treeSize: verdict.checkpoint.size, rootHash: verdict.checkpoint.root }
  }

  async function whyNoExtension(old: Head, now: Head): Promise<string | undefined> {
    if (now.treeSize < old.treeSize)
      return `the attestation log has ${now.treeSize} entries, and had ${old.treeSize}: it was rolled back; restore the newest copy of its folder`
    const hashes = createTileHashes(source, now.treeSize)
    const proof = await proveConsistency(hashes, old.treeSize, now.treeSize)
    const claim = {
      oldSize: old.treeSize,
      newSize: now.treeSize,
      oldRoot: old.rootHash,
      newRoot: now.rootHash,
    }
    const extends_ =
      old.treeSize === now.treeSize
        ? equalBytes(old.rootHash, now.rootHash)
        : old.treeSize === 0 || verifyConsistency(claim, proof)
    return extends_
      ? undefined
      : `the attestation log does not go on with the ${old.treeSize} entries that it had: restore the newest copy of its folder`
  }

  return {
    /** Why the head of an answer is not believed. `process` says which life of the log's process gave it. */
    async whyNot(now: Head, process: string): Promise<string | undefined> {
      await first()
      if (newest !== undefined && process !== knownProcess) {
        const why = await whyNoExtension(newest, now).catch(
          (error: unknown) => `the attestation log cannot be looked at: ${connectionProblem(error)}`,
        )
        if (why !== undefined) return why
      }
      knownProcess = process
      if (newest === undefined || now.treeSize > newest.treeSize) newest = now
      return undefined
    },
  }
}
