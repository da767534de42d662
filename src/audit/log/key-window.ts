/** What is remembered of an entry by its idempotency key. */
export interface KnownEntry {
  index: number
  /** Base64. */
  leafHash: string
  timeMs: number
}

/** The keys of everything unpublished and of a bounded window of what was published last; see `wal.ts`. */
export interface KeyWindow {
  get(key: string): KnownEntry | undefined
  /** Indexes have to come in order. */
  add(key: string, entry: KnownEntry): void
  forgetBefore(index: number): void
}

export function createKeyWindow(): KeyWindow {
  const known = new Map<string, KnownEntry>()
  return {
    get: (key) => known.get(key),
    add: (key, entry) => void known.set(key, entry),
    forgetBefore(index) {
      // A Map keeps the order of insertion, which is that of the indexes.
      for (const [key, entry] of known) {
        if (entry.index >= index) return
        known.delete(key)
      }
    },
  }
}
