import type { Rule } from './model.ts'
import { readRule, type Helpers, type ReadRule } from './rule.ts'

/** Of all patterns that are held; with its automata each instruction takes some 200 bytes: 60 MB. The built-in rules have 120,000. */
const maxInstructions = 300_000

/** What makes finders, with the memory that they share. */
interface Matchers<F> {
  finderOf(rule: ReadRule): F
  steps(): number
}

/**
 * Rules, each read when it is asked for, and what finds their secrets. There may be thousands, from anybody: when they take too much memory
 * together they are forgotten, and read again.
 */
export function createReadRules<F>(
  rules: readonly Rule[],
  helpers: Helpers,
  createMatchers: () => Matchers<F>,
) {
  let held = new Map<number, { readonly rule: ReadRule; find?: F }>()
  let [matchers, instructions, stepsBefore] = [createMatchers(), 0, 0]

  function heldOf(number: number) {
    const known = held.get(number)
    if (known !== undefined) return known
    const rule = readRule(rules[number] as Rule, helpers)
    const more = typeof rule.by === 'function' ? 0 : rule.by.program.code.length
    if (instructions + more > maxInstructions) {
      stepsBefore += matchers.steps()
      ;[held, matchers, instructions] = [new Map(), createMatchers(), 0]
    }
    const one: { readonly rule: ReadRule; find?: F } = { rule }
    held.set(number, one)
    instructions += more
    return one
  }

  return {
    /** Throws bad_input for a rule that cannot be used. */
    of: (number: number): ReadRule => heldOf(number).rule,
    finderOf(number: number): F {
      const one = heldOf(number)
      return (one.find ??= matchers.finderOf(one.rule))
    },
    steps: () => stepsBefore + matchers.steps(),
  }
}
