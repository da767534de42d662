import type { Identity } from '../identity/index.ts'
import type { Login } from '../operators/index.ts'
import type { Rules } from '../rules/index.ts'
import { grantsOf, type ApprovalRequest } from './request.ts'
import { eligibility, isSatisfied, requirementsFor, requirementsOf, type Requirement } from './requirement.ts'

/** Why what people were asked is not what would be given now; undefined if it is. */
export function whatChanged(rules: Rules, request: ApprovalRequest): string | undefined {
  if (rules.version !== request.policyVersion)
    return `the policy has changed since this was asked for (version ${request.policyVersion}, now ${rules.version}): start the step again`
  // What an operation needs beside the yes its gateway decides once more.
  if (request.operation !== undefined) return undefined
  if (grantsOf(rules, request.roles).digest !== request.grantsDigest)
    return 'what the roles grant has changed since this was asked for: start the step again'
  const untrusted = request.roles.find((role) => !rules.policy.assume(role, request.identity).allow)
  return untrusted === undefined ? undefined : `role "${untrusted}" no longer trusts this job`
}

export function votersOf(
  rules: Rules,
  requirements: readonly Requirement[],
  identity: Identity,
  votes: readonly { login: Login }[],
): ReadonlySet<string>[] {
  return votes.flatMap(({ login }) => {
    const able = eligibility(rules.document, requirements, identity, login)
    return able.ok ? [able.groups] : []
  })
}

/** Would those who approved still be enough, as things are now? */
export function stillApproved(
  rules: Rules,
  request: ApprovalRequest,
  votes: readonly { login: Login }[],
): boolean {
  const requirements = requirementsFor(rules.document, request)
  return isSatisfied(requirements, votersOf(rules, requirements, request.identity, votes))
}

/**
 * The roles whose sessions nobody has said yes to as the policy now is: they need people, and before they needed none, or
 * others, or gave something else. What was approved must not grow while it is used.
 */
export function rolesToAskAgain(before: Rules | undefined, after: Rules): string[] {
  const asWritten = (rules: Rules | undefined, role: string) =>
    rules && JSON.stringify([requirementsOf(rules.document, [role]), grantsOf(rules, [role]).digest])
  return Object.keys(after.document.roles).filter(
    (role) =>
      requirementsOf(after.document, [role]).length > 0 && asWritten(before, role) !== asWritten(after, role),
  )
}
