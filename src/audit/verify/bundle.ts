import { concatBytes } from './bytes.ts'

/** The longest entry that a bundle can hold: its length prefix has 16 bits (tlog-tiles, "Log Entries"). */
export const maxEntryBytes = 65_535

/**
 * The first entries of a bundle, at most `count`: each a big-endian uint16 length and that many bytes.
 * Gives back fewer when the bundle ends early, also inside an entry. The entries are views into `bundle`.
 */
export function decodeBundle(
  bundle: Uint8Array,
  count: number,
): { entries: Uint8Array[]; bytesRead: number } {
  const entries: Uint8Array[] = []
  let at = 0
  while (entries.length < count && at + 2 <= bundle.length) {
    const end = at + 2 + (bundle[at] as number) * 256 + (bundle[at + 1] as number)
    if (end > bundle.length) break
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return { entries, bytesRead: at }
}

/** A bundle of these entries. Throws a RangeError on one longer than `maxEntryBytes`. */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    if (entry.length > maxEntryBytes) throw new RangeError(`an entry has at most ${maxEntryBytes} bytes`)
    parts.push(Uint8Array.of(entry.length >> 8, entry.length & 255), entry)
  }
  return concatBytes(parts)
}
