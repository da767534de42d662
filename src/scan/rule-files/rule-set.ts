import type { Rule } from '../engine/index.ts'
import type { AllowEntry } from '../findings/index.ts'

/** What a rule file says. */
export interface RuleSet {
  readonly rules: readonly Rule[]
  /** The file is all that counts: built-in rules are not asked. */
  readonly isAlone: boolean
  /** Ids of built-in rules that are not asked; `warnings` have the reasons. */
  readonly disabled: readonly string[]
  readonly allow: readonly AllowEntry[]
  /** What may be left unseen, each with its reason. */
  readonly unseen: readonly UnseenEntry[]
  /** `gitleaks:allow` in a line counts. */
  readonly gitleaksAllow: boolean
  /** What people have to know of the file: what it takes away, what of it is not used. */
  readonly warnings: readonly string[]
}

export interface UnseenEntry {
  readonly reason: string
  readonly paths: readonly string[]
}

/** Of several files, as a scan takes them. */
export interface MergedRules {
  readonly rules: readonly Rule[]
  readonly without: readonly string[] | 'all'
  readonly allow: readonly AllowEntry[]
  readonly gitleaksAllow: boolean
  readonly warnings: readonly string[]
}

export function mergeRules(sets: readonly RuleSet[]): MergedRules {
  const isAlone = sets.some((set) => set.isAlone)
  return {
    ...mergedById(sets.flatMap(({ rules }) => rules)),
    without: isAlone ? 'all' : sets.flatMap(({ disabled }) => disabled),
    allow: sets.flatMap(({ allow }) => allow),
    gitleaksAllow: sets.some((set) => set.gitleaksAllow),
  }
}

/** The same file may be named twice, and one may change a rule of another: then that is said. */
function mergedById(all: readonly Rule[]): {
  readonly rules: readonly Rule[]
  readonly warnings: readonly string[]
} {
  const rules = new Map<string, Rule>()
  const changed = new Set<string>()
  for (const rule of all) {
    const before = rules.get(rule.id)
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(rule)) changed.add(rule.id)
    rules.set(rule.id, rule)
  }
  const warnings = Array.from(
    changed,
    (id) => `the rule ${id} is in several files: that of the last one counts`,
  )
  return { rules: [...rules.values()], warnings }
}
