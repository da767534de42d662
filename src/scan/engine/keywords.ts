import { at, lowerCase } from './bytes.ts'

/** Bytes that are looked at in one go; of each quarter of them at once. */
const blockBytes = 131_072
const stripes = 4
const fewBytes = 1024
/** For the hits of a stretch, should each of its bytes be one. */
const room = (blockBytes / stripes) * 2

/**
 * Finds all keywords in one pass, whatever their case (Aho and Corasick). One look at a table a byte, and no byte twice; four stretches of the
 * bytes are followed at once, so that the processor does not wait for one look-up after the other.
 */
export interface KeywordSearch {
  /** Calls `found` with each keyword's number and where it ends, stretch by stretch, within one by where it ends. */
  search(bytes: Uint8Array, found: (keyword: number, end: number) => void): void
}

export function createKeywordSearch(keywords: readonly string[]): KeywordSearch {
  const { classOf, classes } = classesOf(keywords)
  const tree = plant(keywords, classOf, classes)
  const { table, shift, firstFinal, finals } = flatten(tree, classes)
  const warmUp = keywords.reduce((most, { length }) => Math.max(most, length), 1) - 1
  // Of each stretch pairs: where, and in which final state. Kept for the next search, unless it begins within this one.
  let spare: Int32Array | undefined

  function enter(bytes: Uint8Array, from: number): number {
    let state = 0
    for (let i = Math.max(0, from - warmUp); i < from; i++)
      state = table[(state << shift) + (classOf[bytes[i] as number] as number)] as number
    return state
  }

  /** Answers where the pairs of each stretch end. */
  function searchBlock(bytes: Uint8Array, from: number, to: number, hits: Int32Array): number[] {
    // Of a few bytes it takes longer to begin in the middle than to go through them.
    const stretch = to - from < fewBytes ? 0 : Math.floor((to - from) / stripes)
    let a = enter(bytes, from)
    let b = enter(bytes, from + stretch)
    let c = enter(bytes, from + stretch * 2)
    let d = enter(bytes, from + stretch * 3)
    let hitA = 0
    let hitB = room
    let hitC = room * 2
    let hitD = room * 3
    for (let i = from, end = from + stretch; i < end; i++) {
      a = table[(a << shift) + (classOf[bytes[i] as number] as number)] as number
      b = table[(b << shift) + (classOf[bytes[i + stretch] as number] as number)] as number
      c = table[(c << shift) + (classOf[bytes[i + stretch * 2] as number] as number)] as number
      d = table[(d << shift) + (classOf[bytes[i + stretch * 3] as number] as number)] as number
      if (a >= firstFinal) {
        hits[hitA++] = i
        hits[hitA++] = a
      }
      if (b >= firstFinal) {
        hits[hitB++] = i + stretch
        hits[hitB++] = b
      }
      if (c >= firstFinal) {
        hits[hitC++] = i + stretch * 2
        hits[hitC++] = c
      }
      if (d >= firstFinal) {
        hits[hitD++] = i + stretch * 3
        hits[hitD++] = d
      }
    }
    // What four do not divide.
    for (let i = from + stretch * stripes; i < to; i++) {
      d = table[(d << shift) + (classOf[bytes[i] as number] as number)] as number
      if (d < firstFinal) continue
      hits[hitD++] = i
      hits[hitD++] = d
    }
    return [hitA, hitB, hitC, hitD]
  }

  return {
    search(bytes, found) {
      const hits = spare ?? new Int32Array(room * stripes + 2 * stripes)
      spare = undefined
      for (let from = 0; from < bytes.length; from += blockBytes) {
        const ends = searchBlock(bytes, from, Math.min(bytes.length, from + blockBytes), hits)
        for (const [stripe, end] of ends.entries())
          for (let i = stripe * room; i < end; i += 2)
            for (const keyword of finals[at(hits, i + 1) - firstFinal] ?? []) found(keyword, at(hits, i) + 1)
      }
      spare = hits
    },
  }
}

interface Flat {
  readonly table: Uint16Array | Int32Array
  readonly shift: number
  readonly firstFinal: number
  /** Keywords that end in each final state. */
  readonly finals: readonly (readonly number[])[]
}

/** Bytes that no keyword has are of class 0; a letter is of the class of its other case. */
function classesOf(keywords: readonly string[]): { classOf: Uint8Array; classes: number } {
  const classOf = new Uint8Array(256)
  let classes = 1
  for (const keyword of keywords) {
    for (const byte of bytesOfKeyword(keyword)) {
      if (at(classOf, byte) !== 0) continue
      classOf[byte] = classes++
      if (byte >= 0x61 && byte <= 0x7a) classOf[byte - 0x20] = at(classOf, byte)
    }
  }
  return { classOf, classes }
}

function bytesOfKeyword(keyword: string): Buffer {
  return Buffer.from(keyword).map(lowerCase) as Buffer
}

/** Rows of the table, one a state; and the keywords that end in each. */
interface Tree {
  readonly rows: Int32Array
  readonly ends: readonly (readonly number[] | undefined)[]
}

function plant(keywords: readonly string[], classOf: Uint8Array, classes: number): Tree {
  const most = keywords.reduce((sum, { length }) => sum + length, 1)
  const rows = new Int32Array(most * classes)
  const ends: (number[] | undefined)[] = [undefined]
  keywords.forEach((keyword, number) => {
    let state = 0
    for (const byte of bytesOfKeyword(keyword)) {
      const place = state * classes + at(classOf, byte)
      if (at(rows, place) === 0) rows[place] = ends.push(undefined) - 1
      state = at(rows, place)
    }
    ;(ends[state] ??= []).push(number)
  })
  return { rows: rows.subarray(0, ends.length * classes), ends: complete(rows, ends, classes) }
}

/** Breadth first: what a state falls back to is complete before the state is. */
function complete(rows: Int32Array, ends: (number[] | undefined)[], classes: number): Tree['ends'] {
  const fallback = new Int32Array(ends.length)
  const queue = [0]
  for (const state of queue) {
    const behind = at(fallback, state) * classes
    for (let column = 0; column < classes; column++) {
      const place = state * classes + column
      const child = at(rows, place)
      if (child === 0) {
        rows[place] = state === 0 ? 0 : at(rows, behind + column)
        continue
      }
      const falls = state === 0 ? 0 : at(rows, behind + column)
      fallback[child] = falls
      const more = ends[falls]
      if (more !== undefined) (ends[child] ??= []).push(...more)
      queue.push(child)
    }
  }
  return ends
}

/** Final states get the highest numbers: whether a state is one is told by one comparison. */
function flatten({ rows, ends }: Tree, classes: number): Flat {
  const shift = Math.ceil(Math.log2(Math.max(2, classes)))
  const order: number[] = []
  ends.forEach((end, state) => end ?? order.push(state))
  const firstFinal = order.length
  ends.forEach((end, state) => end && order.push(state))
  const nameOf = new Int32Array(ends.length)
  order.forEach((state, name) => (nameOf[state] = name))
  const table = new (ends.length > 65_536 ? Int32Array : Uint16Array)(ends.length << shift)
  order.forEach((state, name) => {
    for (let column = 0; column < classes; column++)
      table[(name << shift) + column] = at(nameOf, at(rows, state * classes + column))
  })
  return { table, shift, firstFinal, finals: order.slice(firstFinal).map((state) => ends[state] ?? []) }
}
