import { sarifLog, type SarifRule } from '../lib/index.ts'
import type { LintRule } from '../policy/index.ts'
import type { PlacedFinding } from './placed-finding.ts'

/** What `mayfly policy lint` found, for code scanning. */
export function lintSarif(findings: readonly PlacedFinding[], rules: readonly LintRule[]): object {
  return sarifLog(
    'mayfly policy lint',
    [
      invalid,
      ...rules.map(({ id, title, why, fix, severity }) => ({ id, title, why, fix, level: severity })),
    ],
    findings.map(({ rule, severity, message, file, line, column }) => ({
      ...{ ruleId: rule?.id ?? invalid.id, level: severity, message, file, line, column },
    })),
  )
}

const invalid: SarifRule = { id: 'invalid', title: 'The policy cannot be loaded', level: 'error' }
