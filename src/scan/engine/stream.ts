import type { Engine, Hit } from './model.ts'

const pieceBytes = 1_048_576

/** Searches bytes that come bit by bit, of any number: `start` and `end` of hits are counted from the first of all. */
export interface StreamSearch {
  /** The bytes are copied. */
  write(bytes: Uint8Array): void
  end(): void
}

/**
 * Holds back as much as can decide about a secret, so that one that was cut is found whole, and once; and what looks like the end of the text is no
 * end before there is one.
 */
export function searchStream(engine: Engine, hit: (hit: Hit) => void): StreamSearch {
  const { overlap } = engine
  const held = Buffer.alloc(pieceBytes + overlap * 3)
  let size = 0
  /** Of the first byte that is held, in the stream. */
  let origin = 0
  /** Where hits begin that have not been told, in the stream. */
  let told = 0

  function search(isLast: boolean): void {
    const piece = held.subarray(0, size)
    const decided = isLast ? Infinity : origin + size - overlap
    engine.find(piece, (one) => {
      const start = one.start + origin
      if (start >= told && start < decided) hit({ ...one, start, end: one.end + origin })
    })
    if (isLast) return
    told = decided
    // What stands before the first hit that is still to be told.
    const drop = size - overlap * 2
    held.copyWithin(0, drop, size)
    origin += drop
    size -= drop
  }

  return {
    write(bytes) {
      for (let from = 0; from < bytes.length;) {
        const part = bytes.subarray(from, from + held.length - size)
        held.set(part, size)
        size += part.length
        from += part.length
        if (size === held.length) search(false)
      }
    },
    end() {
      search(true)
    },
  }
}
