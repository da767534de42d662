import { kindAt } from './around.ts'
import { Automaton, type Budget } from './automaton.ts'
import type { Backtracker } from './backtrack.ts'
import { graphOf } from './graph.ts'
import type { Pattern } from './rule.ts'

/** Bounds of the whole match, and of each group. */
export type Bounds = Int32Array

/**
 * Matches one rule around its keywords: an automaton goes back from where the keyword begins, to find where a match could start; another goes on
 * from there, to find whether it could end. Only where both do, the match and its groups are taken.
 */
export class Matcher {
  readonly #pattern: Pattern
  readonly #reach: number
  readonly #back: Automaton
  readonly #on: Automaton
  readonly #backtracker: Backtracker
  /** Bytes that its automata looked at. */
  steps = 0

  constructor(pattern: Pattern, reach: number, backtracker: Backtracker, budget: Budget) {
    this.#pattern = pattern
    this.#reach = reach
    this.#backtracker = backtracker
    this.#back = new Automaton(graphOf(pattern.program, -1), pattern.anchors, budget)
    this.#on = new Automaton(graphOf(pattern.program, 1), pattern.anchors, budget)
  }

  /** The match that starts leftmost, at `floor` or later, of those with this keyword of the rule from `from` to `to`. */
  match(bytes: Uint8Array, keyword: number, from: number, to: number, floor: number): Bounds | undefined {
    const reach = this.#reach
    const starts = this.#startsOf(bytes, keyword, from, Math.max(floor, from - reach))
    if (starts === undefined) return undefined
    const end = Math.min(bytes.length, to + reach)
    if (!this.#canEnd(bytes, keyword, from, end)) return undefined
    return this.#backtracker.match(this.#pattern.program, bytes, starts, end)
  }

  /** Leftmost first; undefined if there is none. */
  #startsOf(bytes: Uint8Array, keyword: number, from: number, low: number): number[] | undefined {
    const automaton = this.#back
    const { classOf, width } = automaton
    let starts: number[] | undefined
    let state = automaton.begin(keyword, kindAt(bytes, from))
    let where = from
    for (; state !== 0; where--) {
      const byte = where > 0 ? (bytes[where - 1] as number) : -1
      let next = byte === -1 ? -1 : (automaton.table[state * width + (classOf[byte] as number)] as number)
      if (next === -1) next = automaton.step(state, byte)
      if ((next & 1) === 1) (starts ??= []).push(where)
      if (where <= low) break
      state = next >> 1
    }
    this.steps += from - where
    return starts?.reverse()
  }

  #canEnd(bytes: Uint8Array, keyword: number, from: number, end: number): boolean {
    const automaton = this.#on
    const { classOf, width } = automaton
    let state = automaton.begin(keyword, kindAt(bytes, from - 1))
    let where = from
    let found = false
    for (; state !== 0; where++) {
      const byte = where < bytes.length ? (bytes[where] as number) : -1
      let next = byte === -1 ? -1 : (automaton.table[state * width + (classOf[byte] as number)] as number)
      if (next === -1) next = automaton.step(state, byte)
      found = (next & 1) === 1
      if (found || where >= end) break
      state = next >> 1
    }
    this.steps += where - from
    return found
  }
}
