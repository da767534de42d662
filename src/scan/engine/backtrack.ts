import { holds, kindAt } from './around.ts'
import type { Instruction, Program } from './program.ts'

/** Bits of the largest note of where a matcher has been: 8 MB. */
export const maxPlaces = 2 ** 26

/**
 * Follows a program as a backtracking matcher does, by priority and with its groups, but is at no instruction twice at the same byte:
 * a second visit could only fail as the first did. So its steps are at most instructions x bytes.
 */
export class Backtracker {
  #visited = new Uint32Array(0)
  #stack: number[] = []
  /** Instructions that were carried out, since it was made. */
  steps = 0

  /**
   * The match that begins at the first of `starts` where there is one, and ends by `end`: bounds of the whole and of each group, -1 for
   * a group that took no part. What is around is seen, beyond `end`, too.
   */
  match(program: Program, bytes: Uint8Array, starts: readonly number[], end: number): Int32Array | undefined {
    const low = starts.reduce((least, start) => Math.min(least, start), end)
    const width = end - low + 1
    const words = Math.ceil((program.code.length * width) / 32)
    if (this.#visited.length < words) this.#visited = new Uint32Array(words * 2)
    else this.#visited.fill(0, 0, words)
    const slots = new Int32Array(program.groups * 2 + 2)
    for (const start of starts) {
      slots.fill(-1)
      const stop = this.#run(program, bytes, { start, low, end, width, slots })
      if (stop === -1) continue
      slots[0] = start
      slots[1] = stop
      return slots
    }
    return undefined
  }

  #run(
    program: Program,
    bytes: Uint8Array,
    run: { start: number; low: number; end: number; width: number; slots: Int32Array },
  ): number {
    const { code } = program
    const { low, end, width, slots } = run
    const stack = this.#stack
    stack.length = 0
    // Pairs: an instruction and where; or, below zero, a slot and what it held before.
    stack.push(program.start, run.start)
    while (stack.length > 0) {
      let where = stack.pop() as number
      let index = stack.pop() as number
      if (index < 0) {
        slots[-1 - index] = where
        continue
      }
      while (this.#visit(index * width + where - low)) {
        this.steps += 1
        const one = code[index] as Instruction
        if (one.op === 'match') return where
        if (one.op === 'byte') {
          if (where >= end || one.set[bytes[where] as number] === 0) break
          where += 1
        } else if (one.op === 'split') stack.push(one.or, where)
        else if (one.op === 'save') {
          stack.push(-1 - one.slot, slots[one.slot] as number)
          slots[one.slot] = where
        } else if (!holds(one.what, kindAt(bytes, where - 1), kindAt(bytes, where))) break
        index = one.next
      }
    }
    return -1
  }

  #visit(place: number): boolean {
    const bit = 1 << (place & 31)
    const word = this.#visited[place >>> 5] as number
    if ((word & bit) !== 0) return false
    this.#visited[place >>> 5] = word | bit
    return true
  }
}
