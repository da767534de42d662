import { equalBytes } from './bytes.ts'
import { emptyRoot, nodeHash } from './hash.ts'

/** A tree has at most 2^53 leaves here, so no honest proof is longer. */
const maxProofHashes = 64

/**
 * True when `proof` shows that the leaf with `leaf` as its hash is number `index` of the tree of `size` leaves
 * and that root (RFC 9162, section 2.1.3.2). Never throws on hostile numbers or hashes.
 */
export function verifyInclusion(
  claim: { index: number; size: number; leaf: Uint8Array; root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  const { index, size } = claim
  if (!isIndex(index) || !isIndex(size) || index >= size || !wellFormed(proof, claim.leaf, claim.root))
    return false
  let node = index
  let last = size - 1
  let root = claim.leaf
  for (const hash of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      root = nodeHash(hash, root)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      root = nodeHash(root, hash)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && equalBytes(root, claim.root)
}

/**
 * True when `proof` shows that the tree of `oldSize` leaves is a prefix of the one of `newSize`
 * (RFC 9162, section 2.1.4.2). An empty old tree, with its one root, is a prefix of any, with an empty proof.
 */
export function verifyConsistency(
  claim: { oldSize: number; newSize: number; oldRoot: Uint8Array; newRoot: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  const { oldSize, newSize, oldRoot, newRoot } = claim
  if (!isIndex(oldSize) || !isIndex(newSize) || oldSize > newSize || !wellFormed(proof, oldRoot, newRoot))
    return false
  if (oldSize === 0 && !equalBytes(oldRoot, emptyRoot())) return false
  if (oldSize === newSize) return proof.length === 0 && equalBytes(oldRoot, newRoot)
  if (oldSize === 0) return proof.length === 0
  let node = oldSize - 1
  let last = newSize - 1
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  // A whole power of two is its own first hash, which the proof leaves out.
  const path = node === 0 ? [oldRoot, ...proof] : proof
  const [first, ...rest] = path
  if (first === undefined) return false
  let [older, newer] = [first, first]
  for (const hash of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      older = nodeHash(hash, older)
      newer = nodeHash(hash, newer)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      newer = nodeHash(newer, hash)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && equalBytes(older, oldRoot) && equalBytes(newer, newRoot)
}

// Sizes pass 2^31, where the bit operators of the language stop.
function half(value: number): number {
  return Math.floor(value / 2)
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function wellFormed(proof: readonly Uint8Array[], ...others: Uint8Array[]): boolean {
  return proof.length <= maxProofHashes && [...proof, ...others].every((hash) => hash.length === 32)
}
