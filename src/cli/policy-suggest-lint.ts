import { parseConfig, policySchema } from '../config/index.ts'
import { parse, stringify } from 'yaml'
import { draftPolicy, lint } from '../policy/index.ts'
import type { CompiledDocument } from '../server/index.ts'

/** What lint, and the limits, say of suggested roles in the place of the policy's own. */
export function lintSuggestion(
  { bundle, issuers }: CompiledDocument,
  yaml: string,
): { message: string; fix: string }[] {
  const document = { ...(parse(bundle.policy) as object), ...(parse(yaml) as object), tests: [] }
  const parsed = parseConfig(stringify(document), 'suggestion', policySchema)
  if (!parsed.ok) return parsed.problems.map(({ message }) => ({ message, fix: '' }))
  const draft = draftPolicy(parsed.value, parsed.locate, issuers)
  // A run uses some connections, not all.
  const findings = lint(draft).filter(({ rule }) => rule.id !== 'unused-connection')
  return [
    ...draft.problems.map(({ message }) => ({ message, fix: '' })),
    ...findings.map(({ message, rule }) => ({ message, fix: rule.fix })),
  ]
}
