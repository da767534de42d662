import { makeKeywordTable } from './keyword-table.ts'

/** Bytes that are looked at in one go; of each eighth of them at once. */
const blockBytes = 131_072
const stripes = 8
/** Of fewer it takes longer to begin in the middle than to go through them. */
const fewBytes = 768

/**
 * Finds all keywords in one pass, whatever their case (Aho and Corasick). One look at a table a byte, and no byte twice; eight stretches of
 * the bytes are followed at once, so that the processor does not wait for one look-up after the other.
 */
export interface KeywordSearch {
  /** Calls `found` with each keyword's number and where it ends, by where it ends. */
  search(bytes: Uint8Array, found: (keyword: number, end: number) => void): void
}

/** Of each stretch pairs: where, and in which final state. */
interface Memory {
  /** For a block of so many bytes. */
  readonly bytes: number
  readonly hits: Int32Array
  /** Where the pairs of each stretch end. */
  readonly ends: Int32Array
  /** Of a stretch. */
  readonly room: number
}

/** Should each of its bytes be a hit. A text of a few bytes, as a rule's example, has not the memory of a whole block. */
function memoryFor(block: number): Memory {
  const bytes = block < fewBytes ? fewBytes : blockBytes
  // Few are gone through as one stretch; what eight do not divide is in the last one.
  const room = (bytes < blockBytes ? bytes : bytes / stripes) * 2 + 2 * stripes
  return {
    ...{ bytes, room, ends: new Int32Array(stripes) },
    hits: new Int32Array(bytes < blockBytes ? room : room * stripes),
  }
}

/** Throws bad_input if there are too many. */
export function createKeywordSearch(keywords: readonly string[]): KeywordSearch {
  const { next, firstFinal, ended } = makeKeywordTable(keywords)
  const longest = keywords.reduce((most, { length }) => Math.max(most, length), 1)
  // Kept for the next search, unless it begins within this one.
  let spare: Memory | undefined

  /** The state at a place, by as many bytes before it as can matter. */
  function stateAt(bytes: Uint8Array, place: number): number {
    let state = 0
    for (let i = Math.max(0, place - longest + 1); i < place; i++)
      state = next[(state << 8) | (bytes[i] as number)] as number
    return state
  }

  /** One stretch; answers where its pairs end. */
  function searchOne(
    bytes: Uint8Array,
    range: { from: number; to: number; state: number },
    hits: Int32Array,
    end: number,
  ): number {
    let { state } = range
    for (let i = range.from; i < range.to; i++) {
      state = next[(state << 8) | (bytes[i] as number)] as number
      if (state < firstFinal) continue
      hits[end++] = i
      hits[end++] = state
    }
    return end
  }

  /** Eight stretches of a length, and what is behind them; puts where the pairs of each end into `ends`. */
  function searchEight(
    bytes: Uint8Array,
    from: number,
    to: number,
    hits: Int32Array,
    ends: Int32Array,
  ): void {
    const long = Math.floor((to - from) / stripes)
    const enter = (stripe: number) => stateAt(bytes, from + stripe * long)
    let [a, b, c, d] = [enter(0), enter(1), enter(2), enter(3)]
    let [e, f, g, h] = [enter(4), enter(5), enter(6), enter(7)]
    const final = firstFinal
    const put = (stripe: number, place: number, state: number) => {
      if (state < final) return
      const end = ends[stripe] as number
      hits[end] = place
      hits[end + 1] = state
      ends[stripe] = end + 2
    }
    for (let i = from, end = from + long; i < end; i++) {
      a = next[(a << 8) | (bytes[i] as number)] as number
      b = next[(b << 8) | (bytes[i + long] as number)] as number
      c = next[(c << 8) | (bytes[i + long * 2] as number)] as number
      d = next[(d << 8) | (bytes[i + long * 3] as number)] as number
      e = next[(e << 8) | (bytes[i + long * 4] as number)] as number
      f = next[(f << 8) | (bytes[i + long * 5] as number)] as number
      g = next[(g << 8) | (bytes[i + long * 6] as number)] as number
      h = next[(h << 8) | (bytes[i + long * 7] as number)] as number
      if ((a | b | c | d | e | f | g | h) < final) continue
      put(0, i, a)
      put(1, i + long, b)
      put(2, i + long * 2, c)
      put(3, i + long * 3, d)
      put(4, i + long * 4, e)
      put(5, i + long * 5, f)
      put(6, i + long * 6, g)
      put(7, i + long * 7, h)
    }
    const rest = { from: from + long * stripes, to, state: h }
    ends[stripes - 1] = searchOne(bytes, rest, hits, ends[stripes - 1] as number)
  }

  function searchBlock(bytes: Uint8Array, from: number, to: number, { hits, ends, room }: Memory): void {
    for (let stripe = 0; stripe < stripes; stripe++) ends[stripe] = stripe * room
    if (to - from >= fewBytes) searchEight(bytes, from, to, hits, ends)
    else ends[0] = searchOne(bytes, { from, to, state: stateAt(bytes, from) }, hits, 0)
  }

  return {
    search(bytes, found) {
      const block = Math.min(bytes.length, blockBytes)
      const memory = spare === undefined || spare.bytes < block ? memoryFor(block) : spare
      const { hits, ends, room } = memory
      spare = undefined
      for (let from = 0; from < bytes.length; from += blockBytes) {
        searchBlock(bytes, from, Math.min(bytes.length, from + blockBytes), memory)
        for (let stripe = 0; stripe < stripes; stripe++)
          for (let i = stripe * room; i < (ends[stripe] as number); i += 2)
            for (const keyword of ended[(hits[i + 1] as number) - firstFinal] ?? [])
              found(keyword, (hits[i] as number) + 1)
      }
      spare = memory
    },
  }
}
