import { allIncluded } from '../../lib/index.ts'
import { isWrite } from '../../kinds/index.ts'
import { isCovered } from '../grant.ts'
import { branches, type CompiledTrust, type Condition } from '../trust.ts'
import type { Found, LintRule, RoleDraft } from './rule.ts'

export const escalation: LintRule = {
  id: 'escalation',
  severity: 'error',
  title: 'Whoever may assume a stricter role may also assume one that writes more',
  why: 'The stricter role suggests a boundary that is not there: its jobs ask for the other role and have its grants.',
  fix: 'Give the role that writes more the stricter trust, or approval.',
  check({ roles }) {
    const index = createIndex(roles)
    const found = roles.flatMap((low) =>
      index.candidates(low.trust).flatMap((high) => (high === low ? [] : escalates(low, high))),
    )
    return [...new Set(found.map(({ high }) => high))].flatMap((high) =>
      tellOf(
        high,
        found.filter((one) => one.high === high),
      ),
    )
  },
}

interface Escalation {
  readonly low: string
  readonly high: string
  /** What the one may write and the other may not. */
  readonly write: string
  /** The same trust may be on purpose: steps of one job that are given one role each. */
  readonly same: boolean
}

/** Once for a role, whoever else may assume it. */
function tellOf(high: string, found: readonly Escalation[]): Found[] {
  return [false, true].flatMap((same) => {
    const [first, ...more] = found.filter((one) => one.same === same)
    if (first === undefined) return []
    const others = more.length === 0 ? '' : ` (and ${more.map(({ low }) => `"${low}"`).join(', ')})`
    return [
      {
        path: ['roles', high, 'trust'],
        message: `${same ? 'exactly those who' : 'everybody who'} may assume role "${first.low}"${others} may also assume "${high}", which writes more: "${first.write}"`,
        others: [first, ...more].map(({ low }) => low),
        ...(same ? { severity: 'warning' as const } : {}),
      },
    ]
  })
}

// Only what writes counts: the role for everyday jobs is wider than the one that releases, and may read what that
// one does not. Approval is a boundary of its own.
function escalates(low: RoleDraft, high: RoleDraft): Escalation[] {
  if (high.approval || !implies(low.trust, high.trust)) return []
  const write = high.grants.find((grant) => isWrite(grant.action) && !isCovered(grant, low.grants))
  if (write === undefined) return []
  const same = implies(high.trust, low.trust)
  return [{ low: low.name, high: high.name, write: write.source, same }]
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
