import type { ConfigProblem } from '../config/index.ts'
import type { LintFinding, Severity } from '../policy/index.ts'

/** A mistake of the policy at its place; `rule` is undefined for one that keeps the policy from being read. */
export interface PlacedFinding extends ConfigProblem {
  readonly rule: LintFinding['rule'] | undefined
  readonly severity: Severity
  /** The role in which it is, and others that it is about. */
  readonly role?: string
  readonly others?: readonly string[]
  /** `apply` refuses it. */
  readonly refused: boolean
}
