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
  readonly #starts: Int32Array
  /** Bytes that its automata looked at. */
  steps = 0

  /** `starts` has room for one more than the reach; all matchers may have the same one. */
  constructor(
    pattern: Pattern,
    reach: number,
    { backtracker, budget, starts }: { backtracker: Backtracker; budget: Budget; starts: Int32Array },
  ) {
    this.#pattern = pattern
    this.#reach = reach
    this.#backtracker = backtracker
    this.#starts = starts
    this.#back = new Automaton(graphOf(pattern.program, -1), pattern.anchors, budget)
    this.#on = new Automaton(graphOf(pattern.program, 1), pattern.anchors, budget)
  }

  /** The match that starts leftmost, at `floor` or later, of those with this keyword of the rule from `from` to `to`. */
  match(bytes: Uint8Array, keyword: number, from: number, to: number, floor: number): Bounds | undefined {
    const reach = this.#reach
    const count = this.#findStarts(bytes, keyword, from, Math.max(floor, from - reach))
    if (count === 0) return undefined
    const end = Math.min(bytes.length, to + reach)
    if (!this.#canEnd(bytes, keyword, from, end)) return undefined
    // Leftmost first.
    const starts = Array.from(this.#starts.subarray(0, count)).reverse()
    return this.#backtracker.match(this.#pattern.program, bytes, starts, end)
  }

  /** Puts where a match could start into `#starts`, the rightmost first; answers how many those are. */
  #findStarts(bytes: Uint8Array, keyword: number, from: number, low: number): number {
    const automaton = this.#back
    const { classOf, width } = automaton
    let count = 0
    let state = automaton.begin(keyword, kindAt(bytes, from))
    let where = from
    for (; state !== 0; where--) {
      const byte = where > 0 ? (bytes[where - 1] as number) : -1
      let next = byte === -1 ? -1 : (automaton.table[state * width + (classOf[byte] as number)] as number)
      if (next === -1) next = automaton.step(state, byte)
      if ((next & 1) === 1) this.#starts[count++] = where
      if (where <= low) break
      state = next >> 1
    }
    this.steps += from - where
    return count
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
