import {
  formatProblem,
  parseConfig,
  policySchema,
  readBundle,
  readPolicyFiles,
  type ConfigProblem,
} from '../config/index.ts'
import { draftPolicy, lint, lintRules } from '../policy/index.ts'
import { compileDocument, issuerFactsOf } from '../rules/index.ts'
import { endWithReader, exitCodes } from './output.ts'
import type { PlacedFinding } from './placed-finding.ts'
import { lintSarif } from './sarif.ts'

export async function lintPolicy(
  path: string,
  options: { format: 'text' | 'json' | 'sarif' },
): Promise<number> {
  const { text, file } = readPolicyFiles(path)
  const findings = lintFindings(text, file)
  endWithReader()
  process.stdout.write(rendered(findings, file, options.format))
  return findings.some(({ severity }) => severity === 'error') ? exitCodes.refused : exitCodes.ok
}

/** Everything that is wrong with a policy: what lint finds, and what keeps it from being loaded at all. */
export function lintFindings(text: string, file: string): PlacedFinding[] {
  const bundle = readBundle(text)
  const parsed = parseConfig(bundle.policy, file, policySchema)
  if (!parsed.ok) return parsed.problems.map(asFinding)
  const draft = draftPolicy(parsed.value, parsed.locate, issuerFactsOf(parsed.value))
  const findings = lint(draft).map(({ rule, severity, message, refused, path, others = [] }) => ({
    ...parsed.locate(path),
    ...(path[0] === 'roles' && typeof path[1] === 'string' ? { role: path[1] } : {}),
    others,
    message,
    rule,
    severity,
    refused: refused === true,
  }))
  const compiled = compileDocument(text, file)
  const known = new Set(findings.map(formatProblem))
  const others = compiled.ok ? [] : compiled.problems.filter((problem) => !known.has(formatProblem(problem)))
  return [...others.map(asFinding), ...findings]
}

function asFinding(problem: ConfigProblem): PlacedFinding {
  return { ...problem, rule: undefined, severity: 'error', refused: true }
}

function rendered(
  findings: readonly PlacedFinding[],
  file: string,
  format: 'text' | 'json' | 'sarif',
): string {
  if (format === 'sarif') return `${JSON.stringify(lintSarif(findings, lintRules), null, 2)}\n`
  if (format === 'json') return `${JSON.stringify({ findings: findings.map(plainFinding) })}\n`
  const count = (severity: string) => findings.filter((one) => one.severity === severity).length
  const summary =
    findings.length === 0
      ? `${file}: nothing to complain about`
      : `${file}: ${count('error')} errors, ${count('warning')} warnings, ${count('note')} notes`
  return `${[...findings.flatMap(findingLines), summary].join('\n')}\n`
}

function plainFinding({ rule, role: _role, others: _others, ...finding }: PlacedFinding) {
  const more = rule === undefined ? {} : { why: rule.why, fix: rule.fix }
  return { rule: rule?.id ?? 'invalid', ...finding, ...more }
}

function findingLines(finding: PlacedFinding): string[] {
  const { file, line, column, severity, message, rule } = finding
  const head = `${file}:${line}:${column}: ${severity}: ${message} [${rule?.id ?? 'invalid'}]`
  return rule === undefined ? [head] : [head, `  why: ${rule.why}`, `  fix: ${rule.fix}`]
}
