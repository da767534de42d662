import { durationSeconds, type ConfigProblem, type Locate, type PolicyDocument } from '../config/index.ts'
import { compilePattern } from '../lib/index.ts'
import { compileSlice, evaluate, type CedarSlice } from './cedar.ts'
import { grantFor, parseGrant, type Grant, type Operation } from './grant.ts'
import {
  compileTrust,
  mismatches,
  pinsLiterally,
  type CompiledTrust,
  type Mismatch,
  type TrustSubject,
} from './trust.ts'

export type Isolation = 'namespace' | 'none'

/** A role, compiled: only `compilePolicy` makes one. */
export interface Role {
  readonly name: string
  readonly trust: CompiledTrust
  readonly ttlSeconds: number
  readonly isolation: Isolation
  readonly grants: readonly Grant[]
  readonly slice: CedarSlice
}

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

export type Decision =
  | { readonly allow: true; readonly grant: string }
  | {
      readonly allow: false
      readonly role: string
      readonly missing: string
      readonly held: readonly string[]
    }

export interface Policy {
  readonly roles: ReadonlyMap<string, Role>
  /** May this identity assume the role? If not: which claims, expected against got. */
  assume(role: string, subject: TrustSubject): Assumption
  /** May a session in this role do this? By which grant; if not, which grant would allow it. */
  decide(role: string, operation: Operation): Decision
  /** The same before the protocol has named a ref: is there any ref of this resource that the role may touch? */
  decideAnyRef(role: string, operation: Operation): Decision
}

export type Compiled = { ok: true; policy: Policy } | { ok: false; problems: ConfigProblem[] }

/**
 * Compiles the roles of mayfly.yaml. `pins` tells for each issuer which immutable ids a rule must fix, or `[]`
 * if the issuer as configured lets nobody else in.
 */
export function compilePolicy(
  document: PolicyDocument,
  locate: Locate,
  pins: ReadonlyMap<string, readonly string[]>,
): Compiled {
  const problems: ConfigProblem[] = []
  const complain = (path: PropertyKey[], message: string) => problems.push({ ...locate(path), message })
  const kinds = new Map(
    Object.entries(document.connections).map(([name, connection]) => [name, connection.kind]),
  )
  const roles = new Map<string, Role>()
  for (const [name, config] of Object.entries(document.roles)) {
    const trust = compileTrust(config.trust)
    for (const message of trustProblems(trust, pins))
      complain(['roles', name, 'trust'], `role "${name}": ${message}`)
    const grants = config.grants.flatMap((source, i) => {
      const grant = parseGrant(source, kinds)
      if (typeof grant !== 'string') return [grant]
      complain(['roles', name, 'grants', i], grant)
      return []
    })
    const ttlSeconds = durationSeconds(config.ttl)
    roles.set(name, {
      name,
      trust,
      ttlSeconds,
      isolation: config.isolation,
      grants,
      slice: compileSlice(grants),
    })
  }
  const used = new Set([...roles.values()].flatMap((role) => role.grants.map((grant) => grant.connection)))
  for (const name of kinds.keys()) {
    if (!used.has(name))
      complain(
        ['connections', name],
        `nobody can reach connection "${name}": grant it in a role or remove it`,
      )
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, policy: createPolicy(roles) }
}

function trustProblems(trust: CompiledTrust, pins: ReadonlyMap<string, readonly string[]>): string[] {
  const required = pins.get(trust.issuer)
  if (required === undefined) return [`there is no issuer "${trust.issuer}"`]
  const pinned = required.length === 0 || required.some((claim) => pinsLiterally(trust, claim))
  if (pinned) return []
  return [
    `any repository of issuer "${trust.issuer}" could assume it: pin ${required.join(' or ')} to a literal value`,
  ]
}

function createPolicy(roles: ReadonlyMap<string, Role>): Policy {
  return {
    roles,
    assume(name, subject) {
      const role = roles.get(name)
      if (role === undefined)
        return { allow: false, role: name, reason: 'role_unknown', known: [...roles.keys()] }
      const failed = mismatches(role.trust, subject)
      if (failed.length > 0) return { allow: false, role: name, reason: 'trust_mismatch', mismatches: failed }
      return { allow: true, role }
    },
    decide(name, operation) {
      const role = roles.get(name)
      const grant = role === undefined ? undefined : evaluate(role.slice, name, operation)
      if (grant !== undefined) return { allow: true, grant }
      return deny(role, name, operation)
    },
    decideAnyRef(name, operation) {
      const role = roles.get(name)
      const grant = role?.grants.find((one) => touches(one, operation))
      return grant === undefined ? deny(role, name, operation) : { allow: true, grant: grant.source }
    },
  }
}

function deny(role: Role | undefined, name: string, operation: Operation): Decision {
  const held = role?.grants.map((one) => one.source) ?? []
  return { allow: false, role: name, missing: grantFor(operation), held }
}

function touches(grant: Grant, operation: Operation): boolean {
  const sameTarget = grant.action === operation.action && grant.connection === operation.connection
  return sameTarget && compilePattern(grant.path).matches(operation.path)
}
