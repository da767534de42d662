import type { IssuerConfig } from '../config/index.ts'

/** What the policy must know of an issuer: how far its word goes, and who else it speaks for. */
export interface IssuerFacts {
  readonly kind: IssuerConfig['kind']
  /** Immutable ids of which a rule must fix one; none if the issuer as configured lets nobody else in. */
  readonly pins: readonly string[]
  /** A name that may change hands -> the immutable id that stands for it. */
  readonly ids: Readonly<Record<string, string>>
  /** Our attribute -> the issuer's own claim. */
  readonly claims: Readonly<Record<string, string>>
  /** Attributes that have one value only, because the issuer is limited to it. */
  readonly fixed: Readonly<Record<string, string>>
}

/** A kind of job that carries our own ids although a stranger started it or wrote its code: attribute -> patterns. */
export interface OutsiderJob {
  readonly what: string
  readonly attributes: Readonly<Record<string, readonly string[]>>
}

/**
 * Events that run the base repository's workflow, with its ids and its identity token, at the wish of anybody who
 * can open an issue, comment, star or fork; their ref is a branch of the base repository.
 * Source: GitHub documentation, "Events that trigger workflows" and "Secure use reference".
 */
const githubOutsiderEvents = [
  'pull_request_target',
  'issue_comment',
  'issues',
  'discussion',
  'discussion_comment',
  'workflow_run',
  'fork',
  'watch',
  'gollum',
]

/** What some issuers say in another form than ours, so that it is not among their claims by name. */
const derived: Readonly<Record<string, readonly string[]>> = {
  gitlab: ['ref', 'fork'],
  bitbucket: ['ref'],
  buildkite: ['ref'],
}

/** Can the issuer say this of a job at all? */
export function says(facts: IssuerFacts, attribute: string): boolean {
  return facts.claims[attribute] !== undefined || derived[facts.kind]?.includes(attribute) === true
}

/** The jobs that a fork or a stranger can cause on this issuer with our own ids in their tokens, as far as its claims tell. */
export function outsiderJobs(facts: IssuerFacts): readonly OutsiderJob[] {
  if (facts.kind === 'github-actions')
    return githubOutsiderEvents.map((event) => ({
      what: `a job that anybody can start (event ${event})`,
      attributes: { event: [event], ref: ['refs/heads/*'] },
    }))
  // A fork's merge request may run in the parent project; its branch there is called as the fork likes.
  // Source: GitLab documentation, "Merge request pipelines", "Use with forked projects".
  if (facts.kind === 'gitlab')
    return [
      {
        what: 'the merge request of a fork (event merge_request_event)',
        attributes: {
          event: ['merge_request_event'],
          ref: ['refs/heads/*'],
          ref_protected: ['false'],
          fork: ['true'],
        },
      },
    ]
  return []
}
