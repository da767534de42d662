import type { Allowance } from '../../config/index.ts'
import type { Grant } from '../grant.ts'
import type { IssuerFacts } from '../issuer-facts.ts'
import { branches, type CompiledTrust, type Condition } from '../trust.ts'

/** As SARIF names them; a `note` is advice. */
export type Severity = 'error' | 'warning' | 'note'

/** A grant and its place in the role's list. */
export type DraftGrant = Grant & { readonly index: number }

/** A role as lint sees it: before it is known to be sound, so Cedar has not seen it yet. */
export interface RoleDraft {
  readonly name: string
  readonly trust: CompiledTrust
  readonly grants: readonly DraftGrant[]
  readonly shadow: boolean
  readonly shadowUntilMs?: number | undefined
  readonly writes: boolean
  readonly allow: readonly Allowance[]
  readonly approval: boolean
  readonly egress: readonly DraftEgress[]
}

/** A host of a role’s own `egress`, and its place there. */
export interface DraftEgress {
  readonly source: string
  readonly private: boolean
  readonly index: number
}

export interface DraftRegistry {
  readonly name: string
  readonly kind: string
  readonly only: readonly string[] | undefined
}

export interface LintSubject {
  readonly roles: readonly RoleDraft[]
  readonly issuers: ReadonlyMap<string, IssuerFacts>
  readonly connections: readonly string[]
  /** Connections to registries of packages, and the names that they alone serve. */
  readonly registries: readonly DraftRegistry[]
  /** Hosts that every step may reach. */
  readonly egress: readonly string[]
}

/** Every host that steps may reach beside the connections, and where it stands. */
export function placedEgress({ roles, egress }: LintSubject) {
  return [
    ...egress.map((source, i) => ({ source, private: false, who: 'every step', path: ['egress', i] })),
    ...roles.flatMap(({ name, egress: own }) =>
      own.map(({ source, private: named, index }) => ({
        source,
        private: named,
        who: `role "${name}"`,
        path: ['roles', name, 'egress', index],
      })),
    ),
  ]
}

export interface Found {
  readonly path: readonly PropertyKey[]
  readonly message: string
  /** Other than the rule's own. */
  readonly severity?: Severity
  /** Roles that it is about beside the one at its place. */
  readonly others?: readonly string[]
  /** Too dangerous to be in force at all: the policy is refused when it is loaded. */
  readonly refused?: true
}

/** One mistake that lint knows. */
export interface LintRule {
  readonly id: string
  readonly severity: Severity
  readonly title: string
  /** What an attacker, or chance, makes of it. */
  readonly why: string
  readonly fix: string
  /** When what the rule finds is refused at load, in words; undefined if it never is. */
  readonly refused?: string
  check(subject: LintSubject): Found[]
}

/** Conditions that are written in one place, and every list of conditions that they hold together with. */
interface PlacedConditions {
  readonly conditions: readonly Condition[]
  readonly branches: readonly (readonly Condition[])[]
  readonly path: readonly PropertyKey[]
}

export function placedConditions({ name, trust }: RoleDraft): PlacedConditions[] {
  const path = ['roles', name, 'trust']
  const { must, any } = trust
  return [
    { conditions: must, branches: branches(trust), path },
    ...any.map((conditions, i) => ({
      conditions,
      branches: [[...must, ...conditions]],
      path: [...path, 'any', i],
    })),
  ]
}

export function conditionPath(path: readonly PropertyKey[], { claim, raw }: Condition): PropertyKey[] {
  return raw ? [...path, 'claims', claim] : [...path, claim]
}
