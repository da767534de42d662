import { didYouMean, shown } from '../lib/index.ts'
import { namesRef } from '../kinds/index.ts'
import {
  describeConditions,
  describeOperation,
  isGrantText,
  refHint,
  writtenGrant,
  type Operation,
} from './grant.ts'
import type { Decision, DecisionSubject, Denied, Policy } from './policy.ts'
import type { Role } from './role.ts'
import { compare, type Comparison, type Mismatch, type TrustSubject } from './trust.ts'

/** Whether a job may assume a role, claim by claim. */
export interface RoleExplanation {
  readonly role: string
  readonly allow: boolean
  readonly conditions: readonly Comparison[]
}

/** Whether a session may do something, by which grant, or what to add. */
export interface OperationExplanation {
  readonly operation: string
  readonly role: string
  readonly allow: boolean
  readonly grant?: string
  /** What the grant asks for besides, in words. */
  readonly asks?: string
  /** It passes because the role is in shadow mode. */
  readonly shadow?: boolean
  readonly forbiddenBy?: string
  readonly missing?: string
  /** YAML with the role's grants and the missing one. */
  readonly patch?: string
}

export interface Explanation {
  readonly role?: RoleExplanation
  readonly unknownRole?: { readonly role: string; readonly known: readonly string[]; readonly meant?: string }
  /** The other role that came nearest to trusting this job. */
  readonly nearest?: RoleExplanation
  readonly operation?: OperationExplanation
}

/**
 * Why this job may or may not assume a role, and do an operation in it. Without a role it is the one that may do the
 * operation, else the nearest. Pure: the token endpoint, the gateway and `mayfly explain` say the same.
 */
export function explain(
  policy: Policy,
  subject: TrustSubject,
  asked: { readonly role?: string; readonly operation?: Operation },
): Explanation {
  const name = asked.role ?? bestRole(policy, subject, asked.operation)
  const role = name === undefined ? undefined : policy.roles.get(name)
  if (name === undefined || role === undefined) {
    const known = [...policy.roles.keys()]
    const meant = name === undefined ? undefined : didYouMean(name, known)
    return { unknownRole: { role: name ?? '', known, ...(meant === undefined ? {} : { meant }) } }
  }
  const explained = explainRole(role, subject)
  const nearest = explained.allow ? undefined : nearestRole(policy, subject, name)
  return {
    role: explained,
    ...(nearest === undefined ? {} : { nearest }),
    ...(asked.operation === undefined
      ? {}
      : { operation: explainOperation(policy, role, asked.operation, subject) }),
  }
}

export function explainRole(role: Role, subject: TrustSubject): RoleExplanation {
  const conditions = compare(role.trust, subject)
  return { role: role.name, allow: conditions.every(({ holds }) => holds), conditions }
}

/** The role with the fewest conditions that do not hold; one of another issuer only if there is no other. */
export function nearestRole(
  policy: Policy,
  subject: TrustSubject,
  except?: string,
): RoleExplanation | undefined {
  const distance = ({ conditions }: RoleExplanation) =>
    conditions.filter(({ holds }) => !holds).length + (conditions[0]?.holds === true ? 0 : 1_000)
  let nearest: RoleExplanation | undefined
  for (const role of policy.roles.values()) {
    if (role.name === except) continue
    const explained = explainRole(role, subject)
    if (nearest === undefined || distance(explained) < distance(nearest)) nearest = explained
  }
  return nearest
}

export function explainOperation(
  policy: Policy,
  role: Role,
  operation: Operation,
  subject: DecisionSubject,
): OperationExplanation {
  const decision = decideAsAsked(policy, role.name, operation, subject)
  const asked = { operation: describeOperation(operation), role: role.name, allow: decision.allow }
  if (decision.allow) {
    const { grant, shadow: missing, conditions } = decision
    const asks = conditions === undefined ? undefined : describeConditions(conditions)
    if (missing === undefined) return { ...asked, grant, ...(asks === undefined ? {} : { asks }) }
    return { ...asked, shadow: true, missing, ...patchFor(role, missing) }
  }
  const { missing, forbiddenBy } = decision
  if (forbiddenBy !== undefined) return { ...asked, forbiddenBy }
  return { ...asked, missing, ...patchFor(role, missing) }
}

/** Decides as the gateway did: git asks whether it may push before it names a ref, and a lockfile as a whole names no package. */
export function decideAsAsked(
  policy: Policy,
  role: string,
  operation: Operation,
  subject: DecisionSubject,
): Decision {
  return operation.path === '' || (namesRef(operation.action) && operation.ref === undefined)
    ? policy.decideAnyRef(role, operation, subject)
    : policy.decide(role, operation, subject)
}

function patchFor({ name, grants }: Role, missing: string): { patch?: string } {
  const held = grants.map(writtenGrant)
  return isGrantText(missing) ? { patch: grantPatch(name, held, missing) } : {}
}

/** Valid YAML: the role with the grants that it holds, and the one to add. Grants are plain scalars by their grammar, or as they were written. */
export function grantPatch(role: string, held: readonly string[], missing: string): string {
  return [
    `# mayfly.yaml: roles.${role}.grants`,
    'roles:',
    `  ${role}:`,
    '    grants:',
    ...held.map((grant) => `      - ${grant}`),
    `      - ${missing} # add`,
    '',
  ].join('\n')
}

/** Valid YAML: the host to add to what the role may reach. */
export function egressPatch(role: string, missing: string): string {
  return [
    `# mayfly.yaml: roles.${role}.egress`,
    'roles:',
    `  ${role}:`,
    '    egress:',
    `      - ${missing} # add`,
    '',
  ].join('\n')
}

const maxListed = 20

/** One line of what a trust rule expected and what the job has: for a denial. */
export function describeMismatches(mismatches: readonly Mismatch[]): string {
  return mismatches
    .map(
      ({ claim, expected, got }) =>
        `${claim}: expected ${listed(expected)}, got ${got === null ? 'nothing' : shown(got)}`,
    )
    .join('; ')
}

/** A rule may list thousands of values; nobody reads them. */
function listed(values: readonly string[]): string {
  const more = values.length - maxListed
  return `${values.slice(0, maxListed).map(shown).join(' or ')}${more > 0 ? ` or ${more} more` : ''}`
}

/** As many of the expected values as an entry, or an answer, has room for. */
export function shortenMismatches(mismatches: readonly Mismatch[]): Mismatch[] {
  return mismatches.map((one) => ({ ...one, expected: one.expected.slice(0, maxListed) }))
}

/** A denial has room for 2,000 characters, an operation for 1,000 of its ref. */
const maxGrantChars = 1_500

/** Why a session in this role may not do what it asked for, and what would let it: for a denial. */
export function describeDenials(role: string, denials: readonly Denied[]): string {
  const forbidden = new Set(denials.flatMap(({ forbiddenBy }) => forbiddenBy ?? []))
  if (forbidden.size > 0) return `forbidden by ${[...forbidden].join(', ')}: no grant allows it`
  // Read as YAML, it is the grant. One that was cut would not be.
  const missing = [...new Set(denials.map((one) => JSON.stringify(one.missing)))]
  let chars = 0
  const fitting = missing.filter((one) => (chars += one.length) <= maxGrantChars)
  const more = missing.length - fitting.length
  const list = [...fitting, ...(more > 0 ? [`${more} more, which the audit log names`] : [])].join(', ')
  // Asked before the protocol has named a ref: whoever reads it knows what they push.
  const hints = new Set(denials.map((one) => refHint(one.missing)))
  return `role "${role}" does not grant it; to allow it, add to its grants in mayfly.yaml: ${list}${[...hints].join('')}`
}

function bestRole(
  policy: Policy,
  subject: TrustSubject,
  operation: Operation | undefined,
): string | undefined {
  const trusted = [...policy.roles.values()].filter((role) => explainRole(role, subject).allow)
  const able = trusted.find(
    (role) => operation !== undefined && decideAsAsked(policy, role.name, operation, subject).allow,
  )
  return (able ?? trusted[0])?.name ?? nearestRole(policy, subject)?.role
}
