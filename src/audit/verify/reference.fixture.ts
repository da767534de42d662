import { hash } from 'node:crypto'

/** RFC 6962, section 2.1, word for word, and slow: what the rest is compared with. */
export function referenceRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return hash('sha256', '', 'buffer')
  if (leaves.length === 1) return leaves[0]!
  const k = split(leaves.length)
  return node(referenceRoot(leaves.slice(0, k)), referenceRoot(leaves.slice(k)))
}

/** RFC 6962, section 2.1.1. */
export function referencePath(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return index < k
    ? [...referencePath(index, leaves.slice(0, k)), referenceRoot(leaves.slice(k))]
    : [...referencePath(index - k, leaves.slice(k)), referenceRoot(leaves.slice(0, k))]
}

/** RFC 6962, section 2.1.2. */
export function referenceProof(oldSize: number, leaves: readonly Uint8Array[], whole = true): Uint8Array[] {
  if (oldSize === leaves.length) return whole ? [] : [referenceRoot(leaves)]
  const k = split(leaves.length)
  return oldSize <= k
    ? [...referenceProof(oldSize, leaves.slice(0, k), whole), referenceRoot(leaves.slice(k))]
    : [...referenceProof(oldSize - k, leaves.slice(k), false), referenceRoot(leaves.slice(0, k))]
}

export function leavesOf(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => hash('sha256', Buffer.from(`\0entry ${i}`), 'buffer'))
}

function split(count: number): number {
  let k = 1
  while (k * 2 < count) k *= 2
  return k
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'buffer')
}
