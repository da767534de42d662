import { anyIntersect, didYouMean } from '../../lib/index.ts'
import { impossible, type IssuerFacts } from '../issuer-facts.ts'
import { branches, type Condition } from '../trust.ts'
import { conditionPath, placedConditions, type Found, type LintRule, type RoleDraft } from './rule.ts'

export const nobody: LintRule = {
  id: 'nobody',
  severity: 'error',
  title: 'Nobody can assume the role',
  why: 'Its author believes that it works: the job that needs it fails, or somebody makes it work in a hurry by widening it.',
  fix: 'Correct the conditions that exclude each other, or remove the role.',
  refused: 'always refused',
  check({ roles, issuers }) {
    return roles.flatMap((role) => {
      const facts = issuers.get(role.trust.issuer)
      if (facts === undefined) return [noIssuer(role, [...issuers.keys()])]
      const values = impossibleValues(role, facts)
      return values.length > 0 ? values : contradictions(role, facts)
    })
  },
}

function noIssuer({ name, trust }: RoleDraft, known: readonly string[]): Found {
  const meant = didYouMean(trust.issuer, known)
  const hint = meant === undefined ? '' : `: did you mean "${meant}"?`
  const message = `role "${name}": there is no issuer "${trust.issuer}"${hint}`
  return { path: ['roles', name, 'trust'], message, refused: true }
}

/** Values that no token of the issuer can have: each is dead, also where others stand beside it. */
function impossibleValues(role: RoleDraft, facts: IssuerFacts): Found[] {
  return placedConditions(role).flatMap(({ conditions, path }) =>
    conditions.flatMap((condition) =>
      condition.patterns.flatMap(({ source }, i): Found[] => {
        const why = impossible(facts, condition, source)
        if (why === undefined) return []
        const at = condition.patterns.length > 1 ? [i] : []
        return [
          {
            path: [...conditionPath(path, condition), ...at],
            message: `role "${role.name}": ${why}`,
            refused: true,
          },
        ]
      }),
    ),
  )
}

function contradictions({ name, trust }: RoleDraft, facts: IssuerFacts): Found[] {
  const path = ['roles', name, 'trust']
  const wrong = branches(trust).map((conditions) => contradiction(conditions, facts))
  // An alternative that can never hold is dead text in a role that others may still assume.
  return wrong.every((one) => one !== undefined)
    ? [{ path, message: `role "${name}": nobody can assume it: ${wrong[0]}`, refused: true }]
    : wrong.flatMap((one, i): Found[] =>
        one === undefined
          ? []
          : [
              {
                path: [...path, 'any', i],
                message: `role "${name}": this alternative never holds: ${one}`,
                refused: true,
              },
            ],
      )
}

function contradiction(conditions: readonly Condition[], facts: IssuerFacts): string | undefined {
  for (const [i, { claim, raw, patterns }] of conditions.entries()) {
    const sources = patterns.map(({ source }) => source)
    const fixed = raw ? undefined : facts.fixed[claim]
    if (fixed !== undefined && !patterns.some((pattern) => pattern.matches(fixed)))
      return `the issuer only lets ${claim} ${fixed} in, not ${sources.join(' or ')}`
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
