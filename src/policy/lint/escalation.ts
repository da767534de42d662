import { isCovered, isWrite, type Grant } from '../grant.ts'
import { allIncluded } from '../pattern-algebra.ts'
import { branches, type CompiledTrust, type Condition } from '../trust.ts'
import type { Found, LintRule, RoleDraft } from './rule.ts'

export const escalation: LintRule = {
  id: 'escalation',
  severity: 'error',
  title: 'Whoever may assume one role may also assume one that grants more',
  why: 'The stricter role suggests a boundary that is not there: its jobs ask for the other role and have its grants.',
  fix: 'Give the role that grants more the stricter trust, or approval.',
  check({ roles }) {
    const index = createIndex(roles)
    return roles.flatMap((low) =>
      index.candidates(low.trust).flatMap((high) => (high === low ? [] : escalates(low, high))),
    )
  },
}

function escalates(low: RoleDraft, high: RoleDraft): Found[] {
  // Approval is a boundary of its own.
  if (high.approval || !implies(low.trust, high.trust)) return []
  const more = high.grants.filter((grant) => !isCovered(grant, low.grants))
  const found = (grant: Grant, severity: 'error' | 'warning', how: string) => [
    {
      path: ['roles', high.name, 'trust'],
      severity,
      message: `${how} role "${low.name}" may also assume "${high.name}", which grants more: "${grant.source}"`,
    },
  ]
  // The same trust on purpose: steps of one job that are given one role each. What writes is worth a look.
  if (implies(high.trust, low.trust)) {
    const write = more.find(({ action }) => isWrite(action))
    return write === undefined ? [] : found(write, 'warning', 'exactly those who may assume')
  }
  return more[0] === undefined ? [] : found(more[0], 'error', 'everybody who may assume')
}

/** Does every subject that `narrow` trusts satisfy `wide` too? */
export function implies(narrow: CompiledTrust, wide: CompiledTrust): boolean {
  if (narrow.issuer !== wide.issuer) return false
  return branches(narrow).every((held) =>
    branches(wide).some((asked) => asked.every((condition) => isImplied(condition, held))),
  )
}

function isImplied(asked: Condition, held: readonly Condition[]): boolean {
  return held.some(
    ({ claim, raw, patterns }) =>
      claim === asked.claim && raw === asked.raw && allIncluded(sources(asked), patterns.map(sourceOf)),
  )
}

/**
 * Among thousands of roles, the few that a role could imply: those that ask for no literal value, and those that ask
 * for one that it names itself.
 */
function createIndex(roles: readonly RoleDraft[]): { candidates(trust: CompiledTrust): RoleDraft[] } {
  const loose: RoleDraft[] = []
  const byValue = new Map<string, RoleDraft[]>()
  for (const role of roles) {
    const literal = role.trust.must.find(({ patterns }) => patterns.every((one) => one.literal))
    if (literal === undefined) loose.push(role)
    for (const value of new Set(literal === undefined ? [] : sources(literal))) {
      const key = keyOf(role.trust.issuer, literal?.claim ?? '', value)
      byValue.set(key, [...(byValue.get(key) ?? []), role])
    }
  }
  return {
    candidates(trust) {
      const named = branches(trust)
        .flat()
        .flatMap((condition) =>
          sources(condition).map((value) => keyOf(trust.issuer, condition.claim, value)),
        )
      return [...new Set([...loose, ...named.flatMap((key) => byValue.get(key) ?? [])])]
    },
  }
}

function keyOf(issuer: string, claim: string, value: string): string {
  return JSON.stringify([issuer, claim, value])
}

function sources({ patterns }: Condition): string[] {
  return patterns.map(sourceOf)
}

function sourceOf({ source }: { source: string }): string {
  return source
}
