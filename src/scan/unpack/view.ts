import type { Position } from './model.ts'

/** How bytes of a text stand for others; a number: so many for each, about. */
export type Encoding = 'base64' | 'hex' | 'utf-16' | 'as is' | number

/** Where a stretch of a view stands in the text. */
interface Stretch {
  readonly at: number
  readonly from: number
  readonly encoding: Encoding
  /** Of encoded text in several lines: how long each is, and what stands between two. */
  readonly line: number
  readonly gap: number
}

/** A text that was put together from what is decoded in another one. */
export interface View {
  add(
    bytes: Buffer,
    from: number,
    encoding: Encoding,
    lines?: { readonly line: number; readonly gap: number },
  ): void
  readonly isEmpty: () => boolean
  readonly bytes: () => Buffer
  /** Where a byte of it stands, if `outer` tells it of the text. */
  readonly position: (outer: (offset: number) => Position) => (offset: number) => Position
}

const nothing = Buffer.alloc(0)

export function createView(): View {
  let memory: Buffer = nothing
  let filled = 0
  const stretches: Stretch[] = []

  return {
    add(bytes, from, encoding, { line, gap } = { line: Number.POSITIVE_INFINITY, gap: 0 }) {
      if (filled + bytes.length > memory.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(4_096, 2 * (filled + bytes.length)))
        memory.copy(larger, 0, 0, filled)
        memory = larger
      }
      bytes.copy(memory, filled)
      stretches.push({ at: filled, from, encoding, line, gap })
      filled += bytes.length
    },
    isEmpty: () => filled === 0,
    bytes: () => memory.subarray(0, filled),
    position: (outer) => (offset) => outer(placeOf(lastBefore(stretches, offset), offset)),
  }
}

function placeOf(stretch: Stretch | undefined, offset: number): number {
  if (stretch === undefined) return 0
  const { at, from, encoding, line, gap } = stretch
  const index = offset - at
  if (encoding === 'as is') return from + index
  if (typeof encoding === 'number') return from + Math.round(index * encoding)
  const characters = encoding === 'base64' ? Math.floor((index * 4) / 3) : 2 * index
  return from + characters + (gap === 0 ? 0 : Math.floor(characters / line) * gap)
}

function lastBefore(stretches: readonly Stretch[], offset: number): Stretch | undefined {
  let [low, high] = [0, stretches.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((stretches[middle]?.at ?? 0) <= offset) low = middle
    else high = middle
  }
  return stretches[low]
}
