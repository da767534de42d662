import { allIncluded } from '../../lib/index.ts'
import { isWrite } from '../../kinds/index.ts'
import { says, type IssuerFacts } from '../issuer-facts.ts'
import { branches, conditionsOn, type Condition } from '../trust.ts'
import type { LintRule } from './rule.ts'

export const unprotectedRef: LintRule = {
  id: 'unprotected-ref',
  severity: 'error',
  title: 'Whoever may push any branch may assume a role that writes',
  why: 'The pipeline that runs is the one on the branch. Who can push an unprotected branch, or steal a developer’s token that can, writes it as he likes (GhostAction, PHP’s git server).',
  fix: 'Add ref_protected: true, or limit it to tags (ref: refs/tags/v*) or to an environment that has reviewers.',
  check({ roles, issuers }) {
    return roles.flatMap(({ name, trust, grants }) => {
      const facts = issuers.get(trust.issuer)
      const writes = grants.filter(({ action }) => isWrite(action))
      if (facts === undefined || writes.length === 0 || !says(facts, 'ref')) return []
      if (branches(trust).every((conditions) => isGuarded(conditions, facts))) return []
      const message = `role "${name}" writes (${writes[0]?.source}), and a job on an unprotected ref could assume it`
      return [{ path: ['roles', name, 'trust'], message }]
    })
  },
}

function isGuarded(conditions: readonly Condition[], facts: IssuerFacts): boolean {
  const only = (claim: string, allowed: readonly string[]) =>
    conditionsOn(conditions, claim).some(({ patterns }) =>
      allIncluded(
        allowed,
        patterns.map(({ source }) => source),
      ),
    )
  if (only('ref_protected', ['true']) || only('ref', ['refs/tags/*'])) return true
  if (
    conditionsOn(conditions, 'environment').some(({ patterns }) => patterns.every(({ literal }) => literal))
  )
    return true
  // An issuer that cannot say what is protected: one branch by its name is all that a rule can ask for.
  return (
    !says(facts, 'ref_protected') &&
    conditionsOn(conditions, 'ref').some(({ patterns }) => patterns.every(({ literal }) => literal))
  )
}
