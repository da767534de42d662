import { says, type IssuerFacts } from '../issuer-facts.ts'
import { anyIntersect } from '../pattern-algebra.ts'
import { branches, type Condition } from '../trust.ts'
import type { Found, LintRule, RoleDraft } from './rule.ts'

export const nobody: LintRule = {
  id: 'nobody',
  severity: 'error',
  title: 'Nobody can assume the role',
  why: 'Its author believes that it works: the job that needs it fails, or somebody makes it work in a hurry by widening it.',
  fix: 'Correct the conditions that exclude each other, or remove the role.',
  refused: 'refused if there is no such issuer',
  check({ roles, issuers }) {
    return roles.flatMap((role) => {
      const facts = issuers.get(role.trust.issuer)
      if (facts !== undefined) return contradictions(role, facts)
      const message = `role "${role.name}": there is no issuer "${role.trust.issuer}"`
      return [{ path: ['roles', role.name, 'trust'], message, refused: true as const }]
    })
  },
}

function contradictions({ name, trust }: RoleDraft, facts: IssuerFacts): Found[] {
  const path = ['roles', name, 'trust']
  const wrong = branches(trust).map((conditions) => contradiction(conditions, facts))
  // An alternative that can never hold is dead text in a role that others may still assume.
  return wrong.every((one) => one !== undefined)
    ? [{ path, message: `role "${name}": nobody can assume it: ${wrong[0]}` }]
    : wrong.flatMap((one, i) =>
        one === undefined
          ? []
          : [{ path: [...path, 'any', i], message: `role "${name}": this alternative never holds: ${one}` }],
      )
}

function contradiction(conditions: readonly Condition[], facts: IssuerFacts): string | undefined {
  for (const [i, { claim, raw, patterns }] of conditions.entries()) {
    const sources = patterns.map(({ source }) => source)
    const fixed = raw ? undefined : facts.fixed[claim]
    if (fixed !== undefined && !patterns.some((pattern) => pattern.matches(fixed)))
      return `the issuer only lets ${claim} ${fixed} in, not ${sources.join(' or ')}`
    if (!raw && facts.kind === 'github-actions' && !says(facts, claim))
      return `GitHub says nothing of ${claim}`
    const other = conditions
      .slice(i + 1)
      .find((one) => one.claim === claim && one.raw === raw && !anyIntersect(sources, sourcesOf(one)))
    if (other !== undefined)
      return `${claim} cannot be ${sources.join(' or ')} and ${sourcesOf(other).join(' or ')}`
  }
  return undefined
}

function sourcesOf({ patterns }: Condition): string[] {
  return patterns.map(({ source }) => source)
}
