import type { IssuerFacts } from '../issuer-facts.ts'
import { pins, type Condition } from '../trust.ts'
import { conditionPath, placedConditions, type Found, type LintRule, type RoleDraft } from './rule.ts'

export const renamedRepository: LintRule = {
  id: 'renamed-repository',
  severity: 'error',
  title: 'A name is trusted without the id that stands for it',
  why: 'A repository, an owner or a user can be renamed or deleted, and the name taken by somebody else, who then satisfies the rule. Ids never change hands.',
  fix: 'Write the id beside the name, fixed to a literal value. by_name: true accepts the name as it is; it is reported then.',
  refused: 'refused without by_name',
  check({ roles, issuers }) {
    return roles.flatMap((role) => {
      const facts = issuers.get(role.trust.issuer)
      return facts === undefined ? [] : namesWithoutIds(role, facts)
    })
  },
}

function namesWithoutIds(role: RoleDraft, facts: IssuerFacts): Found[] {
  return placedConditions(role).flatMap(({ conditions, branches, path }) =>
    conditions.flatMap((condition): Found[] => {
      const name = nameOf(condition, facts)
      if (name === undefined) return []
      const ids = idsFor(name, facts)
      if (branches.every((branch) => ids.some((id) => pins(branch, id)))) return []
      const message = `role "${role.name}": ${condition.claim} may change hands: name ${ids.join(' or ')} beside it`
      const place = { path: conditionPath(path, condition), message }
      return role.trust.byName
        ? [{ ...place, message: `${message} (accepted by by_name)`, severity: 'warning' }]
        : [{ ...place, refused: true }]
    }),
  )
}

/** The attribute that the condition names by a name, if the issuer has an id for it. */
function nameOf({ claim, raw }: Condition, facts: IssuerFacts): string | undefined {
  return Object.keys(facts.ids).find((name) => (raw ? facts.claims[name] : name) === claim)
}

/** The ids that make the name safe: its own; for an owner also a repository's, which has one owner at a time. */
function idsFor(name: string, { ids }: IssuerFacts): string[] {
  const stronger = name === 'owner' ? ids['repository'] : undefined
  return [ids[name], stronger].filter((id) => id !== undefined)
}
