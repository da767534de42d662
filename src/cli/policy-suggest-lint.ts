import { parse, stringify } from 'yaml'
import { parseConfig, policySchema, type ConfigProblem } from '../config/index.ts'
import { draftPolicy, lint, type Severity } from '../policy/index.ts'
import type { CompiledDocument } from '../rules/index.ts'

interface SuggestionFinding {
  readonly severity: Severity
  readonly message: string
  readonly fix: string
}

/** What lint, and the limits, say of suggested roles in the place of the policy's own. */
export function lintSuggestion({ bundle, issuers }: CompiledDocument, yaml: string): SuggestionFinding[] {
  const document = { ...(parse(bundle.policy) as object), ...(parse(yaml) as object), tests: [] }
  const parsed = parseConfig(stringify(document), 'suggestion', policySchema)
  if (!parsed.ok) return parsed.problems.map(asFinding)
  const draft = draftPolicy(parsed.value, parsed.locate, issuers)
  // A run uses some connections, not all.
  const findings = lint(draft).filter(({ rule }) => rule.id !== 'unused-connection')
  return [
    ...draft.problems.map(asFinding),
    ...findings.map(({ message, severity, rule }) => ({ severity, message, fix: rule.fix })),
  ]
}

function asFinding({ message }: ConfigProblem): SuggestionFinding {
  return { severity: 'error', message, fix: 'It cannot be applied as it is.' }
}
