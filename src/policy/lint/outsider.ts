import { anyIntersect } from '../../lib/index.ts'
import { isWrite } from '../../kinds/index.ts'
import { outsiderJobs, type IssuerFacts, type OutsiderJob } from '../issuer-facts.ts'
import { branches, type Condition } from '../trust.ts'
import type { LintRule, RoleDraft } from './rule.ts'

export const outsider: LintRule = {
  id: 'outsider',
  severity: 'error',
  title: 'A fork, or anybody who may open an issue, could assume the role',
  why: 'Some jobs carry your repository’s own ids although a stranger started them or wrote the code that they run (pull_request_target, a fork’s merge request). This is how spotbugs, Ultralytics, Nx and TanStack lost their tokens.',
  fix: 'Say which events may: event: [push]; or fork: false where the issuer says so.',
  refused: 'refused if the role writes',
  check({ roles, issuers }) {
    return roles.flatMap((role) => {
      const facts = issuers.get(role.trust.issuer)
      if (facts === undefined) return []
      const jobs = outsidersOf(role, facts)
      if (jobs.length === 0) return []
      const named = jobs.slice(0, 3).map(({ what }) => what)
      const more = jobs.length > 3 ? ` and ${jobs.length - 3} more kinds` : ''
      const message = `role "${role.name}": a stranger could assume it, by ${named.join(', ')}${more}`
      const writes = role.grants.some(({ action }) => isWrite(action))
      return [{ path: ['roles', role.name, 'trust'], message, ...(writes ? { refused: true as const } : {}) }]
    })
  },
}

function outsidersOf({ trust }: RoleDraft, facts: IssuerFacts): OutsiderJob[] {
  const invited: OutsiderJob = { what: 'a build of a fork (fork: true)', attributes: { fork: ['true'] } }
  return [...outsiderJobs(facts), invited].filter((job) =>
    branches(trust).some((conditions) => {
      // A rule that does not look at `fork` invites nobody by it: the kinds of jobs above say what it lets in.
      if (job === invited && !conditions.some(({ claim, raw }) => claim === 'fork' && !raw)) return false
      return Object.entries(job.attributes).every(([attribute, patterns]) =>
        conditionsNaming(conditions, attribute, facts).every((condition) =>
          anyIntersect(
            condition.patterns.map(({ source }) => source),
            patterns,
          ),
        ),
      )
    }),
  )
}

/** Conditions on the attribute, by our name or by the issuer's own. A ref has another form in some issuers' claims. */
function conditionsNaming(
  conditions: readonly Condition[],
  attribute: string,
  facts: IssuerFacts,
): Condition[] {
  return conditions.filter(({ claim, raw }) =>
    raw ? attribute !== 'ref' && claim === facts.claims[attribute] : claim === attribute,
  )
}
