/** The longest entry that a bundle can hold: its length prefix has 16 bits (tlog-tiles, "Log Entries"). */
export const maxEntryBytes = 65_535

/**
 * The first entries of a bundle, at most `count`: each a big-endian uint16 length and that many bytes.
 * Gives back fewer when the bundle ends early, also inside an entry. The entries are views into `bundle`.
 */
export function decodeBundle(bundle: Buffer, count: number): { entries: Buffer[]; bytesRead: number } {
  const entries: Buffer[] = []
  let at = 0
  while (entries.length < count && at + 2 <= bundle.length) {
    const end = at + 2 + bundle.readUInt16BE(at)
    if (end > bundle.length) break
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return { entries, bytesRead: at }
}

/** A bundle of these entries. Throws a RangeError on one longer than `maxEntryBytes`. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    const length = Buffer.allocUnsafe(2)
    length.writeUInt16BE(entry.length)
    parts.push(length, entry)
  }
  return Buffer.concat(parts)
}
