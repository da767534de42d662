import type { ConfigProblem, Locate, PolicyDocument } from '../config/index.ts'
import { compilePattern, systemClock, type Clock } from '../lib/index.ts'
import { compileSlice, evaluate, validateGrants, type CedarRequest } from './cedar.ts'
import { connectionKinds, draftPolicy } from './draft.ts'
import { compileForbids, type Forbids } from './forbids.ts'
import { actionsOf, decidedByRef, namesRef } from '../kinds/index.ts'
import { demandOf, grantFor, writtenGrant, type Conditions, type Grant, type Operation } from './grant.ts'
import type { IssuerFacts } from './issuer-facts.ts'
import type { Limits } from './limits.ts'
import { lint } from './lint/index.ts'
import type { Role } from './role.ts'
import { isLearning, waivable } from './shadow.ts'
import { mismatches, pickClaims, rawClaimsOf, type Mismatch, type TrustSubject } from './trust.ts'

export type Assumption =
  | { readonly allow: true; readonly role: Role }
  | {
      readonly allow: false
      readonly role: string
      readonly reason: 'role_unknown'
      readonly known: readonly string[]
    }
  | {
      readonly allow: false
      readonly role: string
      readonly reason: 'trust_mismatch'
      readonly mismatches: readonly Mismatch[]
    }

export interface Allowed {
  readonly allow: true
  readonly grant: string
  /** No grant allows it: a role in shadow mode lets it pass. This grant would. */
  readonly shadow?: string
  /** What the grant asks for besides: whoever lets the operation pass sees to it. */
  readonly conditions?: Conditions
  /** Further grants that allow it, if what this one asks for is not so: they ask for more, or for something else. */
  readonly others?: readonly Pick<Grant, 'source' | 'conditions'>[]
}

export interface Denied {
  readonly allow: false
  readonly role: string
  readonly missing: string
  readonly held: readonly string[]
  /** A grant may allow it, but this forbids it: where in `policies/`, or which limit. */
  readonly forbiddenBy?: string
}

export type Decision = Allowed | Denied

/** Who asked, as the session that was opened for it remembers. */
export type DecisionSubject = CedarRequest['subject']

export interface Policy {
  readonly roles: ReadonlyMap<string, Role>
  /** May this identity assume the role? If not: which claims, expected against got. */
  assume(role: string, subject: TrustSubject): Assumption
  /** May a session of this job in this role do this? By which grant; if not, which grant would allow it. */
  decide(role: string, operation: Operation, subject: DecisionSubject): Decision
  /**
   * The same before the protocol has named a ref: is there any ref of this resource that the role may touch? Without a path it has
   * named no resource either.
   */
  decideAnyRef(role: string, operation: Operation, subject: DecisionSubject): Decision
  /** The raw claims of this subject that some rule of its issuer looks at: what a record must keep to be judged again. */
  namedClaims(subject: TrustSubject): Readonly<Record<string, string>>
}

export type Compiled = { ok: true; policy: Policy } | { ok: false; problems: ConfigProblem[] }

/**
 * Compiles the roles of mayfly.yaml and the Cedar files beside it (by name). `issuers` says of each issuer how far
 * its word goes. What lint knows to be too dangerous to be in force is refused here.
 */
export function compilePolicy(
  document: PolicyDocument,
  locate: Locate,
  issuers: ReadonlyMap<string, IssuerFacts>,
  cedarFiles: Readonly<Record<string, string>> = {},
  clock: Clock = systemClock,
): Compiled {
  const draft = draftPolicy(document, locate, issuers)
  const refused = lint(draft, { refusingOnly: true }).map(({ path, message }) => ({
    ...locate(path),
    message,
  }))
  const forbids = compileForbids(cedarFiles, {
    roles: new Set(draft.roles.map(({ name }) => name)),
    connections: connectionKinds(document),
    issuers,
  })
  const problems = [...refused, ...draft.problems, ...(forbids.ok ? [] : forbids.problems)]
  if (problems.length > 0 || !forbids.ok) return { ok: false, problems }
  validateGrants(draft.roles.flatMap(({ grants }) => grants))
  const roles = draft.roles.map((role) => ({ ...role, slice: compileSlice(role.grants) }))
  return {
    ok: true,
    policy: createPolicy(
      new Map(roles.map((role) => [role.name, role])),
      draft.limits,
      forbids.forbids,
      clock,
    ),
  }
}

function createPolicy(
  roles: ReadonlyMap<string, Role>,
  limits: Limits,
  forbids: Forbids | undefined,
  clock: Clock,
): Policy {
  /** A forbid takes from grants and from shadow mode alike; limits are held against roles, so only shadow mode meets them here. */
  function conclude(
    request: CedarRequest,
    [grant, ...others]: readonly Grant[],
    refNamed: boolean,
  ): Decision {
    const role = roles.get(request.role)
    const waived =
      grant === undefined && role !== undefined && isLearning(role, request.subject, clock.nowMs())
        ? waivable(role, request.operation, limits)
        : undefined
    const by = grant?.source ?? waived
    if (role === undefined || by === undefined) return deny(role, request)
    // Who may not push to a ref may not rewrite it either: what an action includes is asked with it.
    const forbiddenBy = actionsOf(request.operation.action)
      .map((action) =>
        forbids?.forbidding({ ...request, operation: { ...request.operation, action } }, refNamed),
      )
      .find((one) => one !== undefined)
    if (forbiddenBy !== undefined) return { ...deny(role, request), forbiddenBy }
    return grant === undefined
      ? { allow: true, grant: by, shadow: grantFor(request.operation) }
      : {
          allow: true,
          grant: grant.source,
          ...(grant.conditions === undefined ? {} : { conditions: grant.conditions }),
          ...(grant.conditions === undefined || others.length === 0 ? {} : { others }),
        }
  }

  const rawClaims = rawClaimsOf([...roles.values()].map(({ trust }) => trust))
  return {
    roles,
    namedClaims: (subject) => pickClaims(rawClaims.get(subject.issuer) ?? [], subject),
    assume(name, subject) {
      const role = roles.get(name)
      if (role === undefined)
        return { allow: false, role: name, reason: 'role_unknown', known: [...roles.keys()] }
      const failed = mismatches(role.trust, subject)
      if (failed.length > 0) return { allow: false, role: name, reason: 'trust_mismatch', mismatches: failed }
      return { allow: true, role }
    },
    decide(name, operation, subject) {
      const request = { role: name, operation, subject }
      const role = roles.get(name)
      return conclude(request, role === undefined ? [] : evaluate(role.slice, request), true)
    },
    decideAnyRef(name, operation, subject) {
      // What is named has nothing more to say later: all forbids have their say now.
      const refNamed = operation.ref !== undefined || !namesRef(operation.action)
      const decisions = (roles.get(name)?.grants ?? [])
        .filter((one) => touches(one, operation))
        .toSorted((a, b) => demandOf(a) - demandOf(b))
        .map((one) =>
          conclude({ role: name, operation: { ...operation, action: one.action }, subject }, [one], refNamed),
        )
      return (
        decisions.find(({ allow }) => allow) ??
        decisions[0] ??
        conclude({ role: name, operation, subject }, [], refNamed)
      )
    },
  }
}

function deny(role: Role | undefined, { role: name, operation }: CedarRequest): Denied {
  const held = role?.grants.map(writtenGrant) ?? []
  return { allow: false, role: name, missing: grantFor(operation), held }
}

/** Before a ref is named it is not known either whether it will be created, rewritten or deleted. */
function touches(grant: Grant, { action, connection, path }: Operation): boolean {
  const sameAction = actionsOf(grant.action).includes(action) || decidedByRef(grant.action, action)
  const samePath = path === '' || compilePattern(grant.path).matches(path)
  return sameAction && grant.connection === connection && samePath
}
