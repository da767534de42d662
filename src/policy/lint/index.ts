import { anyRepository } from './any-repository.ts'
import { bareStar } from './bare-star.ts'
import { escalation } from './escalation.ts'
import { movedTags } from './moved-tags.ts'
import { nobody } from './nobody.ts'
import { openEgress } from './open-egress.ts'
import { ownCode } from './own-code.ts'
import { outsider } from './outsider.ts'
import { privateEgress } from './private-egress.ts'
import { renamedRepository } from './renamed-repository.ts'
import { registries } from './registries.ts'
import type { Found, LintRule, LintSubject, Severity } from './rule.ts'
import { shadow } from './shadow.ts'
import { sharedWorkspace } from './shared-workspace.ts'
import { unprotectedRef } from './unprotected-ref.ts'
import { unusedConnection } from './unused-connection.ts'

export type { LintRule, LintSubject, RoleDraft, Severity } from './rule.ts'

export const lintRules: readonly LintRule[] = [
  nobody,
  anyRepository,
  renamedRepository,
  outsider,
  unprotectedRef,
  bareStar,
  movedTags,
  ownCode,
  escalation,
  unusedConnection,
  registries,
  openEgress,
  privateEgress,
  shadow,
  sharedWorkspace,
]

/** A mistake and the rule that knows it. */
export interface LintFinding extends Found {
  readonly rule: LintRule
  readonly severity: Severity
}

/** Everything that the rules find, in their order; with `refusingOnly` what keeps a policy from being in force. */
export function lint(subject: LintSubject, { refusingOnly = false } = {}): LintFinding[] {
  const rules = lintRules.filter(({ refused }) => !refusingOnly || refused !== undefined)
  const findings = rules.flatMap((rule) =>
    rule.check(subject).map((found) => ({ rule, ...found, severity: found.severity ?? rule.severity })),
  )
  return refusingOnly ? findings.filter(({ refused }) => refused === true) : findings
}
