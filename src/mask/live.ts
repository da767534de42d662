import type { PatternSet } from './pattern-set.ts'
import type { PrefixIndex } from './prefix-index.ts'
import { isBlank, maxGapBytes } from './scan.ts'

// So few characters of a wrapped form before a line end are no reason to keep a finished line from the
// reader of a quiet step.
const weakCharacters = 4
// `45%`, `NAME=`: escapes begin with these signs, but the signs alone say nothing of a secret.
const escapeSigns: ReadonlySet<number> = new Set(Buffer.from('%=&\\'))

/** Memory of one stream for the view without white space: to make it anew for every write would cost more than the rest. */
export class SpacedView {
  bytes: Uint8Array = new Uint8Array(0)
  offsets: Int32Array = new Int32Array(0)

  reserve(capacity: number): void {
    if (this.bytes.length >= capacity) return
    this.bytes = new Uint8Array(2 * capacity)
    this.offsets = new Int32Array(2 * capacity)
  }
}

/**
 * The first offset from which `bytes[offset, end)` is the beginning of a form, or `end`.
 * All such beginnings are considered, not the longest alone: of `aab`, `ab` may be the one that goes on.
 * `ignoreWeak` leaves out wrapped forms of which fewer than 4 characters and then white space have come, and escapes of which
 * only the sign has.
 */
export function liveStart(
  set: PatternSet,
  bytes: Uint8Array,
  from: number,
  end: number,
  ignoreWeak: boolean,
  spaced: SpacedView,
): number {
  const isSign = ignoreWeak && end > from && escapeSigns.has(bytes[end - 1] as number)
  const exact = exactStart(set.exact, bytes, from, end, isSign ? end - 1 : end)
  return spacedStart(set.spaced, bytes, from, end, exact, ignoreWeak, spaced)
}

function exactStart(
  index: PrefixIndex,
  bytes: Uint8Array,
  from: number,
  end: number,
  before: number,
): number {
  for (let at = Math.max(from, end - index.maxBytes + 1); at < before; at++) {
    if (index.begins(bytes, at, end)) return at
  }
  return end
}

/** As `exactStart` in the view without white space; `limit` is returned when nothing before it is live. */
function spacedStart(
  index: PrefixIndex,
  bytes: Uint8Array,
  from: number,
  end: number,
  limit: number,
  ignoreWeak: boolean,
  spaced: SpacedView,
): number {
  const capacity = Math.min(index.maxBytes - 1, end - from)
  if (capacity <= 0) return limit
  spaced.reserve(capacity)
  const { bytes: view, offsets } = spaced
  let first = capacity
  let gap = 0
  for (let at = end - 1; at >= from && first > 0; at--) {
    const byte = bytes[at] as number
    if (isBlank(byte)) {
      if (++gap > maxGapBytes) break
      continue
    }
    if (index.occurs[byte] === 0) break
    gap = 0
    view[--first] = byte
    offsets[first] = at
  }
  const endsBlank = end > from && isBlank(bytes[end - 1] as number)
  for (let k = first; k < capacity; k++) {
    if ((offsets[k] as number) >= limit) return limit
    if (ignoreWeak && endsBlank && capacity - k < weakCharacters) return limit
    if (index.begins(view, k, capacity)) return offsets[k] as number
  }
  return limit
}

/** The characters of base64 and base64url: of a run of them a hit masks all. */
export function isFormByte(byte: number): boolean {
  if (byte >= 0x61) return byte <= 0x7a
  if (byte >= 0x41) return byte <= 0x5a || byte === 0x5f
  return (byte >= 0x2f && byte <= 0x39) || byte === 0x2b || byte === 0x2d
}
