import type { Budget } from './automaton.ts'
import { Backtracker } from './backtrack.ts'
import { entropyOf } from './entropy.ts'
import { createKeywordSearch } from './keywords.ts'
import { Matcher, type Bounds } from './matcher.ts'
import type { Engine, Hit, Rule } from './model.ts'
import { createReadRules } from './read-rules.ts'
import { defaultReach, maxReach, type Helpers, type ReadRule } from './rule.ts'

/** Of all automata together: 32 MB. */
const maxCells = 8_000_000

/** A keyword of a rule. */
interface Use {
  readonly rule: number
  /** Of the rule's own. */
  readonly keyword: number
}

/** Finds the secret of a keyword from `from` to `to` that starts at `floor` or later: where it starts, and ends. */
type Find = (
  bytes: Buffer,
  use: Use,
  place: { from: number; to: number; floor: number },
) => readonly [start: number, end: number] | undefined

export interface EngineOptions extends Partial<Helpers> {
  /**
   * Rules that a test of ours has read: each is read when its first keyword is met, because to read hundreds takes longer than to
   * look through a small commit.
   */
  readonly proven?: ReadonlySet<Rule>
}

/** Throws bad_input for a rule that cannot be used: which one, which part of it, why, and what to do. */
export function compileRules(rules: readonly Rule[], options: EngineOptions = {}): Engine {
  const helpers: Helpers = { checks: options.checks ?? {}, finders: options.finders ?? {} }
  const read = createReadRules(rules, helpers, createMatchers)
  rules.forEach((rule, number) => {
    if (options.proven?.has(rule) !== true) read.of(number)
  })
  const { keywords, uses } = gather(rules)
  const search = createKeywordSearch(keywords)

  // Up to where each rule is done: matches of one rule do not overlap. Kept for the next search, unless it begins within this one.
  let spare: Int32Array | undefined

  function find(bytes: Uint8Array, hit: (hit: Hit) => void, isAsked?: (rule: number) => boolean): void {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const done = spare?.fill(0) ?? new Int32Array(rules.length)
    spare = undefined
    search.search(bytes, (keyword, to) => {
      const from = to - (keywords[keyword] as string).length
      for (const use of uses[keyword] ?? []) {
        const floor = done[use.rule] as number
        if (from < floor || isAsked?.(use.rule) === false) continue
        const one = read.of(use.rule)
        const found = read.finderOf(use.rule)(buffer, use, { from, to, floor })
        if (found === undefined) continue
        const [start, end] = found
        // What follows a secret may be what has to stand before the next one.
        done[use.rule] = Math.max(end, start + 1)
        const secret = judge(one, bytes.subarray(start, end))
        if (secret !== undefined) hit({ rule: one.rule, start, end, ...secret })
      }
    })
    spare = done
  }

  const longest = Math.max(0, ...keywords.map(({ length }) => length))
  const reach = Math.max(0, ...rules.map((rule) => rule.reach ?? defaultReach))
  return {
    rules,
    overlap: reach * 2 + longest + 2,
    find,
    get steps() {
      return read.steps()
    },
  }
}

function createMatchers() {
  const backtracker = new Backtracker()
  const budget: Budget = { cells: maxCells }
  const shared = { backtracker, budget, starts: new Int32Array(maxReach + 1) }
  const matchers: Matcher[] = []
  return {
    finderOf({ by, reach }: ReadRule): Find {
      if (typeof by === 'function')
        return (bytes, _, { from, to, floor }) => {
          const found = by(bytes, from, to)
          return found === undefined || found.start < floor ? undefined : [found.start, found.end]
        }
      const matcher = new Matcher(by, reach, shared)
      matchers.push(matcher)
      return (bytes, { keyword }, { from, to, floor }) => {
        const bounds = matcher.match(bytes, keyword, from, to, floor)
        return bounds === undefined ? undefined : secretOf(bounds)
      }
    },
    steps: () => matchers.reduce((sum, matcher) => sum + matcher.steps, backtracker.steps),
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
    if ((bounds[slot + 1] as number) > (bounds[slot] as number))
      return [bounds[slot] as number, bounds[slot + 1] as number]
  return [bounds[0] as number, bounds[1] as number]
}

/** Undefined: no secret after all. */
function judge(
  { rule, allow, check }: ReadRule,
  secret: Uint8Array,
): Pick<Hit, 'confidence' | 'checked' | 'note'> | undefined {
  const { confidence } = rule
  if (secret.length === 0) return undefined
  if (rule.entropy !== undefined && entropyOf(secret) < rule.entropy) return undefined
  if (allow.some((one) => one.test(secret))) return undefined
  if (check === undefined) return { confidence, checked: false }
  const { verdict, note } = check(Buffer.from(secret).toString('latin1'))
  if (verdict === 'failed') return undefined
  const isDoubted = verdict === 'doubtful' && confidence === 'certain'
  return {
    ...{ confidence: isDoubted ? 'likely' : confidence, checked: verdict === 'held' },
    ...(note === undefined ? {} : { note }),
  }
}
