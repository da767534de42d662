import type { Budget } from './automaton.ts'
import { Backtracker } from './backtrack.ts'
import { at } from './bytes.ts'
import { entropyOf } from './entropy.ts'
import { createKeywordSearch } from './keywords.ts'
import { Matcher, type Bounds } from './matcher.ts'
import type { Checks, Engine, Hit, Rule } from './model.ts'
import { defaultReach, readRule, type ReadRule } from './rule.ts'

/** Of all automata together: 32 MB. */
const maxCells = 8_000_000

/** A keyword of a rule. */
interface Use {
  readonly rule: number
  /** Of the rule's own. */
  readonly keyword: number
}

interface Options {
  /** Those that rules name. */
  readonly checks?: Checks
  /**
   * Rules that a test of ours has read: each is read when its first keyword is met, because to read hundreds takes longer than to
   * look through a small commit.
   */
  readonly proven?: ReadonlySet<Rule>
}

/** Throws bad_input for a rule that cannot be used: which one, which part of it, why, and what to do. */
export function compileRules(rules: readonly Rule[], { checks = {}, proven }: Options = {}): Engine {
  const read = rules.map((rule) => (proven?.has(rule) === true ? undefined : readRule(rule, checks)))
  const { keywords, uses } = gather(rules)
  const search = createKeywordSearch(keywords)
  const backtracker = new Backtracker()
  const budget: Budget = { cells: maxCells }
  const matchers: (Matcher | undefined)[] = rules.map(() => undefined)
  const longest = Math.max(0, ...keywords.map(({ length }) => length))
  const reach = Math.max(0, ...rules.map((rule) => rule.reach ?? defaultReach))

  function find(bytes: Uint8Array, hit: (hit: Hit) => void): void {
    // Up to where each rule is done: matches of one rule do not overlap.
    const done = new Int32Array(rules.length)
    search.search(bytes, (keyword, to) => {
      const from = to - (keywords[keyword] as string).length
      for (const use of uses[keyword] ?? []) {
        if (from < at(done, use.rule)) continue
        const one = (read[use.rule] ??= readRule(rules[use.rule] as Rule, checks))
        const matcher = (matchers[use.rule] ??= new Matcher(one, backtracker, budget))
        const bounds = matcher.match(bytes, use.keyword, from, to, at(done, use.rule))
        if (bounds === undefined) continue
        const [start, end] = secretOf(bounds)
        // What follows a secret may be what has to stand before the next one.
        done[use.rule] = Math.max(end, start + 1)
        const checked = judge(one, bytes.subarray(start, end))
        if (checked !== undefined) hit({ rule: one.rule, start, end, checked })
      }
    })
  }

  return {
    rules,
    overlap: reach * 2 + longest + 2,
    find,
    get steps() {
      return matchers.reduce((sum, matcher) => sum + (matcher?.steps ?? 0), backtracker.steps)
    },
  }
}

function gather(rules: readonly Rule[]): { keywords: string[]; uses: Use[][] } {
  const numbers = new Map<string, number>()
  const uses: Use[][] = []
  rules.forEach((rule, number) =>
    rule.keywords.forEach((text, keyword) => {
      const key = text.toLowerCase()
      const known = numbers.get(key) ?? numbers.size
      numbers.set(key, known)
      ;(uses[known] ??= []).push({ rule: number, keyword })
    }),
  )
  return { keywords: [...numbers.keys()], uses }
}

/** The first group that took part, else all of it. */
function secretOf(bounds: Bounds): [start: number, end: number] {
  for (let slot = 2; slot < bounds.length; slot += 2)
    if (at(bounds, slot + 1) > at(bounds, slot)) return [at(bounds, slot), at(bounds, slot + 1)]
  return [at(bounds, 0), at(bounds, 1)]
}

/** Undefined: no secret after all. */
function judge({ rule, allow, check }: ReadRule, secret: Uint8Array): boolean | undefined {
  if (secret.length === 0) return undefined
  if (rule.entropy !== undefined && entropyOf(secret) < rule.entropy) return undefined
  if (allow.some((one) => one.test(secret))) return undefined
  if (check === undefined) return false
  return check(Buffer.from(secret).toString('latin1')) ? true : undefined
}
