import { splitPoint, type TileHashes } from './tile-hashes.ts'

/** The inclusion proof of entry `index` in the tree of `size` entries (RFC 6962, section 2.1.1). Throws a RangeError outside. */
export async function proveInclusion(hashes: TileHashes, index: number, size: number): Promise<Uint8Array[]> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new RangeError(`there is no entry ${index} in a log of ${size}`)
  const path: Uint8Array[] = []
  for (let low = 0, high = size; high - low > 1;) {
    const middle = low + splitPoint(high - low)
    // From the root down, so that the sibling of the leaf comes to stand first.
    if (index < middle) path.unshift(await hashes.range(middle, high))
    else path.unshift(await hashes.range(low, middle))
    ;[low, high] = index < middle ? [low, middle] : [middle, high]
  }
  return path
}

/**
 * The proof that the tree of `oldSize` entries is a prefix of that of `newSize` (RFC 6962, section 2.1.2); empty when
 * the old one is empty or they are the same size. Throws a RangeError when the old one is larger.
 */
export async function proveConsistency(
  hashes: TileHashes,
  oldSize: number,
  newSize: number,
): Promise<Uint8Array[]> {
  if (!Number.isSafeInteger(oldSize) || oldSize < 0 || oldSize > newSize)
    throw new RangeError(`a log of ${newSize} entries has no state of ${oldSize}`)
  if (oldSize === 0 || oldSize === newSize) return []
  const path: Uint8Array[] = []
  let [low, high] = [0, newSize]
  while (oldSize !== high) {
    const middle = low + splitPoint(high - low)
    if (oldSize <= middle) {
      path.unshift(await hashes.range(middle, high))
      high = middle
    } else {
      path.unshift(await hashes.range(low, middle))
      low = middle
    }
  }
  // A whole power of two is its own first hash, which the proof leaves out.
  return low === 0 ? path : [await hashes.range(low, high), ...path]
}
