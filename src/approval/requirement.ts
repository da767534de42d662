import { partsOf, type ApprovalConfig, type PolicyDocument } from '../config/index.ts'
import type { Identity } from '../identity/index.ts'
import type { ApprovalRequest } from './request.ts'
import { groupsOf, identifyPerson, type Login } from '../operators/index.ts'

/** A role of the request and what it asks for. */
export interface Requirement {
  readonly role: string
  readonly approval: ApprovalConfig
}

/** Of the roles asked for, those that need people. */
export function requirementsOf(document: PolicyDocument, roles: readonly string[]): readonly Requirement[] {
  return roles.flatMap((role) => {
    const approval = Object.hasOwn(document.roles, role) ? document.roles[role]?.approval : undefined
    return approval === undefined ? [] : [{ role, approval }]
  })
}

/** Who is asked: of an operation, by its grant; else by the roles. */
export function requirementsFor(
  document: PolicyDocument,
  { roles, operation }: Pick<ApprovalRequest, 'roles' | 'operation'>,
): readonly Requirement[] {
  const group = operation?.approvers
  if (group === undefined) return requirementsOf(document, roles)
  const approval: ApprovalConfig = { group, expires: '10m', reason: 'optional' }
  return [{ role: roles.join(' '), approval }]
}

export type Eligibility =
  | { readonly ok: true; readonly groups: ReadonlySet<string> }
  | {
      readonly ok: false
      readonly reason: 'ambiguous_person' | 'own_run' | 'not_in_group' | 'unlinked'
      readonly detail: string
    }

/** Whether this person may approve this job at all, and in which of the groups asked for. */
export function eligibility(
  document: PolicyDocument,
  requirements: readonly Requirement[],
  identity: Identity,
  login: Login,
): Eligibility {
  const person = identifyPerson(document, login)
  if (person === undefined)
    return {
      ok: false,
      reason: 'ambiguous_person',
      detail: 'your subject and your address are two people in mayfly.yaml',
    }
  const triggeredBy = triggersOf(identity)
  if (person.ci.some((link) => triggeredBy.has(link)))
    return { ok: false, reason: 'own_run', detail: 'you triggered this run: somebody else has to approve it' }
  const asked = new Set(requirements.flatMap(({ approval }) => partsOf(approval).map(({ group }) => group)))
  const member = [...groupsOf(document, login)].filter((group) => asked.has(group))
  if (member.length === 0)
    return {
      ok: false,
      reason: 'not_in_group',
      detail: `you are in none of the groups asked for: ${[...asked].join(', ')}`,
    }
  // Who could be anybody on the CI could be the one who triggered it.
  const linked = triggeredBy.size > 0 && person.ci.some((link) => link.startsWith(`${identity.issuer}:`))
  const groups = member.filter((group) => linked || document.groups[group]?.allow_unlinked === true)
  if (groups.length > 0) return { ok: true, groups: new Set(groups) }
  const detail =
    triggeredBy.size === 0
      ? `the identity does not say who triggered the run; only a group with allow_unlinked could approve it`
      : `it is not known who you are on "${identity.issuer}": add people.NAME.ci in mayfly.yaml, or allow_unlinked to the group`
  return { ok: false, reason: 'unlinked', detail }
}

/** Who started the job, as a person's `ci` would name them. */
function triggersOf({ issuer, attributes }: Identity): ReadonlySet<string> {
  const names = [attributes.actor_id, attributes.actor].filter((one) => one !== undefined)
  return new Set(names.map((one) => `${issuer}:${one}`))
}

/** Enough for every role? `voters` are different people, each with the groups in which they may count. */
export function isSatisfied(
  requirements: readonly Requirement[],
  voters: readonly ReadonlySet<string>[],
): boolean {
  return requirements.every(({ approval }) => {
    const parts = partsOf(approval)
    if (approval.any !== undefined) return parts.some((part) => canFill([part], voters))
    return canFill(parts, voters)
  })
}

/**
 * Can every place be filled, each person in one place at most? Places and people are matched along augmenting paths
 * (bipartite matching), so it never depends on the order in which people came.
 */
function canFill(
  parts: readonly { group: string; count: number }[],
  voters: readonly ReadonlySet<string>[],
): boolean {
  const places = parts.flatMap(({ group, count }) => Array.from({ length: count }, () => group))
  const placeOf = new Map<number, number>()
  const seat = (place: number, tried: Set<number>): boolean =>
    voters.some((groups, voter) => {
      if (tried.has(voter) || !groups.has(places[place] ?? '')) return false
      tried.add(voter)
      const held = placeOf.get(voter)
      if (held !== undefined && !seat(held, tried)) return false
      placeOf.set(voter, place)
      return true
    })
  return places.every((_, place) => seat(place, new Set()))
}

/** In words: `2 of release-managers and 1 of security (role release)`. */
export function describeRequirements(requirements: readonly Requirement[]): string {
  return requirements
    .map(({ role, approval }) => {
      const parts = partsOf(approval).map(({ group, count }) => `${count} of ${group}`)
      return `${parts.join(approval.any === undefined ? ' and ' : ' or ')} (role ${role})`
    })
    .join('; ')
}
