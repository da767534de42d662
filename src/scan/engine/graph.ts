import { kindOf } from './around.ts'
import { type ByteSet } from './bytes.ts'
import type { Program } from './program.ts'
import type { Assertion } from './syntax.ts'

/** Edges of a graph: those of a node are from `first[node]` up to `first[node + 1]`. */
interface Edges<T> {
  readonly first: Int32Array
  readonly to: Int32Array
  readonly of: readonly T[]
}

/** A program to be followed in one direction. Its nodes are the program's instructions: the place before each. */
export interface Graph {
  readonly direction: 1 | -1
  readonly nodes: number
  /** Steps that read no byte, some only where an assertion holds. */
  readonly free: Edges<Assertion | undefined>
  readonly reading: Edges<ByteSet>
  readonly goal: number
  /** Of a byte: those of one class are alike to all sets, and to assertions where there are any. */
  readonly classOf: Uint8Array
  readonly classes: number
  readonly asserts: boolean
}

export function graphOf(program: Program, direction: 1 | -1): Graph {
  const { code, start, asserts } = program
  const free: Edge<Assertion | undefined>[] = []
  const reading: Edge<ByteSet>[] = []
  const put = <T>(edges: Edge<T>[], from: number, to: number, of: T) =>
    edges.push(direction === 1 ? { from, to, of } : { from: to, to: from, of })
  code.forEach((one, index) => {
    if (one.op === 'byte') put(reading, index, one.next, one.set)
    else if (one.op !== 'match') put(free, index, one.next, one.op === 'assert' ? one.what : undefined)
    if (one.op === 'split') put(free, index, one.or, undefined)
  })
  return {
    direction,
    nodes: code.length,
    free: sorted(free, code.length),
    reading: sorted(reading, code.length),
    goal: direction === 1 ? code.findIndex(({ op }) => op === 'match') : start,
    asserts,
    ...classesOf(program),
  }
}

interface Edge<T> {
  readonly from: number
  readonly to: number
  readonly of: T
}

function sorted<T>(edges: readonly Edge<T>[], nodes: number): Edges<T> {
  const first = new Int32Array(nodes + 1)
  for (const { from } of edges) first[from + 1] = (first[from + 1] as number) + 1
  for (let node = 0; node < nodes; node++)
    first[node + 1] = (first[node + 1] as number) + (first[node] as number)
  const next = first.slice()
  const to = new Int32Array(edges.length)
  const of: T[] = edges.map((edge) => edge.of)
  for (const edge of edges) {
    const place = next[edge.from] as number
    next[edge.from] = place + 1
    to[place] = edge.to
    of[place] = edge.of
  }
  return { first, to, of }
}

function classesOf({ code, asserts }: Program): { classOf: Uint8Array; classes: number } {
  const classOf = new Uint8Array(256)
  let classes = 1
  const refine = (tell: (byte: number) => number) => {
    const named = new Int16Array(classes * 4).fill(-1)
    let count = 0
    for (let byte = 0; byte < 256; byte++) {
      const key = (classOf[byte] as number) * 4 + tell(byte)
      if ((named[key] as number) === -1) named[key] = count++
      classOf[byte] = named[key] as number
    }
    classes = count
  }
  const sets = new Set<ByteSet>()
  for (const one of code) if (one.op === 'byte') sets.add(one.set)
  for (const set of sets) refine((byte) => set[byte] as number)
  if (asserts) refine(kindOf)
  return { classOf, classes }
}
