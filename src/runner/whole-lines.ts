/** Cuts what comes in at the ends of lines, so that what two streams write to one place is not torn within them. */
export interface WholeLines {
  /** The lines that are complete with this chunk, as one piece; what follows them is kept. */
  add(chunk: Buffer): Buffer
  /** What is kept: the beginning of a line that did not end, or a line that is longer than is waited for. */
  rest(): Buffer
}

/** A longer line is passed on in parts. */
const maxKeptBytes = 65_536

export function createWholeLines(): WholeLines {
  let kept: Buffer[] = []
  let keptBytes = 0

  function take(): Buffer {
    const all = kept.length === 1 ? (kept[0] ?? Buffer.alloc(0)) : Buffer.concat(kept)
    kept = []
    keptBytes = 0
    return all
  }

  return {
    add(chunk) {
      // A progress bar ends its lines with a carriage return.
      const end = 1 + Math.max(chunk.lastIndexOf(0x0a), chunk.lastIndexOf(0x0d))
      const isLong = keptBytes + chunk.length - end > maxKeptBytes
      const upTo = isLong ? chunk.length : end
      if (upTo > 0) kept.push(chunk.subarray(0, upTo))
      const whole = upTo > 0 ? take() : Buffer.alloc(0)
      if (upTo < chunk.length) {
        // The masker may use its memory again.
        kept.push(Buffer.from(chunk.subarray(upTo)))
        keptBytes += chunk.length - upTo
      }
      return whole
    },
    rest: take,
  }
}
