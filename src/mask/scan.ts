import type { Anchor, Pattern, PatternSet } from './pattern-set.ts'

/** White space in one gap of a wrapped form; a longer gap ends it. Bounds what must be held back. */
export const maxGapBytes = 64

/** Called for every occurrence of a form: `bytes[start, end)`. */
export type OnHit = (start: number, end: number, form: Pattern) => void

/** Called where the last byte of an anchor stands; `anchors` are those of all forms that share it. */
export type OnAnchor = (anchors: readonly Anchor[], at: number) => void

/** Finds every anchor in `bytes[from, end)`. */
export function scan(
  set: PatternSet,
  bytes: Uint8Array,
  from: number,
  end: number,
  onAnchor: OnAnchor,
): void {
  const filter = set.filter
  const shift = set.filterShift
  let block = 0
  for (let i = from; i < end; i++) {
    const byte = bytes[i] as number
    if (byte <= 0x20) continue
    block = (block << 8) | byte
    // blockHash, spelt out: this loop is all the time the masker takes.
    const slot = Math.imul(block, 0x9e3779b1) >>> shift
    if ((((filter[slot >>> 5] as number) >>> (slot & 31)) & 1) === 0) continue
    const anchors = set.anchors.get(block)
    if (anchors !== undefined) onAnchor(anchors, i)
  }
}

/** Reports which forms do stand in `bytes[from, end)` around their anchor at `at`. */
export function verify(
  anchors: readonly Anchor[],
  bytes: Uint8Array,
  at: number,
  from: number,
  end: number,
  onHit: OnHit,
): void {
  for (const anchor of anchors) {
    const form = anchor.form
    if (form.kind === 'exact') {
      const start = at - anchor.at
      if (matchesExactly(form.bytes, bytes, start, from, end)) onHit(start, start + form.bytes.length, form)
      continue
    }
    const last = walk(form.bytes, anchor.at, 1, bytes, at, from, end)
    if (last === -1) continue
    const first = walk(form.bytes, anchor.at, -1, bytes, at, from, end)
    if (first !== -1) onHit(first, last + 1, form)
  }
}

function matchesExactly(
  form: Uint8Array,
  bytes: Uint8Array,
  start: number,
  from: number,
  end: number,
): boolean {
  if (start < from || start + form.length > end) return false
  for (let i = 0; i < form.length; i++) if (form[i] !== bytes[start + i]) return false
  return true
}

/** Follows the form from its offset `k` at `at` to its edge, over white space; the edge's offset or -1. */
function walk(
  form: Uint8Array,
  k: number,
  step: 1 | -1,
  bytes: Uint8Array,
  at: number,
  from: number,
  end: number,
): number {
  let place = at
  let next = k
  while (bytes[place] === form[next]) {
    next += step
    if (next < 0 || next === form.length) return place
    place += step
    let gap = 0
    while (place >= from && place < end && isBlank(bytes[place] as number)) {
      if (++gap > maxGapBytes) return -1
      place += step
    }
    if (place < from || place >= end) return -1
  }
  return -1
}

/** White space that encoders wrap with. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
