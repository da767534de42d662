import {
  createTileHashes,
  equalBytes,
  type LogSource,
  proveConsistency,
  textOf,
  type Verifier,
  verifyCheckpoint,
  verifyConsistency,
} from '../../audit/verify/index.ts'
import { connectionProblem } from '../../lib/index.ts'

interface Head {
  readonly treeSize: number
  readonly rootHash: Uint8Array
}

type SignedHead = Head & { readonly checkpoint: string }

/**
 * Remembers the greatest tree that was seen. A log that was started again, perhaps over a copy of its folder from before,
 * would give numbers a second time that bundles have already: it has to prove first that it goes on with that tree.
 */
export function createLogHead(
  source: LogSource,
  verifier: Verifier,
  { remembered, onHead }: { remembered?: string | undefined; onHead?: (checkpoint: string) => void },
) {
  let newest: Head | undefined
  let knownProcess: string | undefined

  async function first(): Promise<void> {
    if (remembered === undefined || newest !== undefined) return
    const verdict = await verifyCheckpoint(remembered, verifier)
    if (verdict.ok) newest = { treeSize: verdict.checkpoint.size, rootHash: verdict.checkpoint.root }
  }

  /** What it has published, which after a start is all that it had: the tree of an answer is published a moment later. */
  async function whyNoExtension(old: Head): Promise<string | undefined> {
    const note = textOf((await source.read('checkpoint')) ?? new Uint8Array(0))
    const verdict = await verifyCheckpoint(note, verifier)
    if (!verdict.ok) return `what the attestation log has published does not hold (${verdict.reason})`
    const { size, root } = verdict.checkpoint
    if (size < old.treeSize)
      return `the attestation log has ${size} entries, and had ${old.treeSize}: it was rolled back; restore the newest copy of its folder, or start with --accept-log-rollback if there is none`
    const proof = await proveConsistency(createTileHashes(source, size), old.treeSize, size)
    const claim = { oldSize: old.treeSize, newSize: size, oldRoot: old.rootHash, newRoot: root }
    const isSame = size === old.treeSize ? equalBytes(root, old.rootHash) : verifyConsistency(claim, proof)
    return isSame || old.treeSize === 0
      ? undefined
      : `the attestation log does not go on with the ${old.treeSize} entries that it had: restore the newest copy of its folder`
  }

  return {
    /** Why the head of an answer is not believed. `process` says which life of the log's process gave it. */
    async whyNot(now: SignedHead, process: string): Promise<string | undefined> {
      await first()
      if (newest !== undefined && process !== knownProcess) {
        const why = await whyNoExtension(newest).catch(
          (error: unknown) => `the attestation log cannot be looked at: ${connectionProblem(error)}`,
        )
        if (why !== undefined) return why
      }
      knownProcess = process
      if (newest !== undefined && now.treeSize <= newest.treeSize) return undefined
      newest = { treeSize: now.treeSize, rootHash: now.rootHash }
      onHead?.(now.checkpoint)
      return undefined
    },
  }
}
