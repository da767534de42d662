import { holds, Kind, kindOf } from './around.ts'
import type { Graph } from './graph.ts'

/** How much the automata of an engine may hold, all together. What is full forgets, and goes on. */
export interface Budget {
  cells: number
}

const maxStates = 4096

interface State {
  /** Nodes, ascending. */
  readonly nodes: Int32Array
  /** Of the byte that was read last. */
  readonly last: Kind
}

/**
 * The deterministic automaton of a graph, made as far as input leads into it. One look at a table a byte, whatever the pattern: that
 * is why no pattern can be slow, and none has to be refused for being ambiguous.
 */
export class Automaton {
  readonly #graph: Graph
  readonly #budget: Budget
  readonly #width: number
  readonly #mark: Uint8Array
  readonly #starts: readonly (readonly number[])[]
  /** States to begin with, four of each set of nodes: one for each kind of byte behind it. */
  #begun: Int32Array
  #states: State[] = []
  #byKey = new Map<string, number>()
  /** Next state, times two, plus one if the goal was reached before the byte; -1: not known yet. */
  table: Int32Array = new Int32Array(0)

  /** `starts`: sets of nodes where it may begin. */
  constructor(graph: Graph, starts: readonly (readonly number[])[], budget: Budget) {
    this.#graph = graph
    this.#starts = starts
    this.#begun = new Int32Array(starts.length * 4)
    this.#budget = budget
    this.#width = graph.classes + 1
    this.#mark = new Uint8Array(graph.nodes)
    this.#forget()
  }

  /** The dead state is 0. A state's row of the table begins at it times the width. */
  get width(): number {
    return this.#width
  }

  get classOf(): Uint8Array {
    return this.#graph.classOf
  }

  /** At the nodes of the numbered start; `last` is the byte that stands behind it. */
  begin(start: number, last: Kind): number {
    const known = this.#begun[start * 4 + last] as number
    if (known !== -1) return known
    const nodes = Int32Array.from(this.#starts[start] ?? []).sort()
    return (this.#begun[start * 4 + last] = this.#intern(nodes, this.#graph.asserts ? last : Kind.other))
  }

  /** How many nodes of the graph a state is at. */
  placesOf(state: number): number {
    return this.#states[state]?.nodes.length ?? 0
  }

  /** As the table has it; a byte of -1 is where there is none. States that were handed out before may have been forgotten: only the answer's holds. */
  step(state: number, byte: number): number {
    const column = byte === -1 ? this.#graph.classes : (this.classOf[byte] as number)
    const known = this.table[state * this.#width + column] as number
    if (known !== -1) return known
    const from = this.#states[state] as State
    const kind = byte === -1 ? Kind.none : kindOf(byte)
    const { rests, reached } = this.#rest(from, kind)
    const nodes = byte === -1 ? new Int32Array(0) : this.#read(rests, byte)
    if (this.#isFull()) {
      this.#forget()
      return this.#intern(nodes, this.#graph.asserts ? kind : Kind.other) * 2 + reached
    }
    const next = this.#intern(nodes, this.#graph.asserts ? kind : Kind.other) * 2 + reached
    this.table[state * this.#width + column] = next
    return next
  }

  /** Where it may be before the byte is read, and whether that is at the goal. */
  #rest(from: State, ahead: Kind): { rests: number[]; reached: 0 | 1 } {
    const { direction, free, goal } = this.#graph
    const left = direction === 1 ? from.last : ahead
    const right = direction === 1 ? ahead : from.last
    const rests = Array.from(from.nodes)
    for (const node of rests) this.#mark[node] = 1
    for (const node of rests) {
      for (let edge = free.first[node] as number, end = free.first[node + 1] as number; edge < end; edge++) {
        const to = free.to[edge] as number
        const condition = free.of[edge]
        if (this.#mark[to] === 1 || (condition !== undefined && !holds(condition, left, right))) continue
        this.#mark[to] = 1
        rests.push(to)
      }
    }
    const reached = this.#mark[goal] === 1 ? 1 : 0
    for (const node of rests) this.#mark[node] = 0
    return { rests, reached }
  }

  #read(rests: readonly number[], byte: number): Int32Array {
    const { first, to, of } = this.#graph.reading
    const nodes: number[] = []
    for (const node of rests) {
      for (let edge = first[node] as number, end = first[node + 1] as number; edge < end; edge++) {
        const next = to[edge] as number
        if (of[edge]?.[byte] === 0 || this.#mark[next] === 1) continue
        this.#mark[next] = 1
        nodes.push(next)
      }
    }
    for (const node of nodes) this.#mark[node] = 0
    return Int32Array.from(nodes).sort()
  }

  #intern(nodes: Int32Array, last: Kind): number {
    if (nodes.length === 0) return 0
    const key = String.fromCharCode(last, ...nodes)
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const state = this.#states.push({ nodes, last }) - 1
    this.#byKey.set(key, state)
    if (this.#states.length * this.#width > this.table.length) this.#grow()
    return state
  }

  #grow(): void {
    const grown = new Int32Array(Math.max(16 * this.#width, this.table.length * 2)).fill(-1)
    grown.set(this.table)
    this.#budget.cells -= grown.length - this.table.length
    this.table = grown
  }

  #isFull(): boolean {
    return this.#states.length >= maxStates || this.#budget.cells < 0
  }

  #forget(): void {
    this.#budget.cells += this.table.length
    this.table = new Int32Array(0)
    this.#grow()
    this.#states = [{ nodes: new Int32Array(0), last: Kind.other }]
    this.#byKey = new Map()
    this.#begun.fill(-1)
    // Nothing leads out of the dead state.
    this.table.fill(0, 0, this.#width)
  }
}
