import type { IssuerConfig } from '../config/index.ts'
import type { NameForm } from '../lib/index.ts'

/** What the policy must know of an issuer: how far its word goes, and who else it speaks for. */
export interface IssuerFacts {
  readonly kind: IssuerConfig['kind']
  /** Immutable ids of which a rule must fix one; none if the issuer as configured lets nobody else in. */
  readonly pins: readonly string[]
  /** A name that may change hands -> the immutable id that stands for it. */
  readonly ids: Readonly<Record<string, string>>
  /** Our attribute -> the issuer's own claim. */
  readonly claims: Readonly<Record<string, string>>
  /** Attributes that it says in another form than its claims, or by several of them. */
  readonly derived: readonly string[]
  /** What the values of an attribute look like: others are refused in tokens, and can match nothing in rules. */
  readonly forms: Readonly<Record<string, NameForm>>
  /** The same for rules alone, by the documentation of the CI. */
  readonly documented: Readonly<Record<string, NameForm>>
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

/** Can the issuer say this of a job at all? */
export function says(facts: IssuerFacts, attribute: string): boolean {
  return facts.claims[attribute] !== undefined || facts.derived.includes(attribute)
}

/**
 * Why no token of this issuer can have such a value, and what to write instead; undefined if one can. `claim` is an
 * attribute, or with `raw` a claim of the issuer's own, whose documented values are not asked for: by its own name a
 * rule may go beyond what we know of this CI.
 */
export function impossible(
  facts: IssuerFacts,
  { claim, raw }: { readonly claim: string; readonly raw: boolean },
  pattern: string,
): string | undefined {
  const attribute = raw ? attributeOf(facts, claim) : claim
  if (attribute === undefined) return undefined
  if (!says(facts, attribute)) return silence(facts, attribute)
  const form = facts.forms[attribute] ?? (raw ? undefined : facts.documented[attribute])
  if (form === undefined || form.possible(pattern)) return undefined
  const meant = form.meant(pattern)
  const never = `${claim} "${pattern}" can never hold`
  return meant === undefined
    ? `${never}: ${facts.kind} has ${form.rule}`
    : `${never} on ${facts.kind}: did you mean "${meant}"?`
}

/** The attribute that is this claim as it is. What is made of it in another form is not. */
function attributeOf(facts: IssuerFacts, claim: string): string | undefined {
  return Object.keys(facts.claims).find(
    (name) => facts.claims[name] === claim && !facts.derived.includes(name),
  )
}

function silence(facts: IssuerFacts, attribute: string): string {
  const known = [...Object.keys(facts.claims), ...facts.derived].toSorted()
  const others =
    facts.kind === 'oidc' ? `: write the provider’s own claim under claims` : `, only of ${known.join(', ')}`
  return `tokens of ${facts.kind} say nothing of ${attribute}${others}`
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
