import type { LintRule } from '../policy/index.ts'
import type { PlacedFinding } from './placed-finding.ts'

/**
 * Findings as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), as code scanning reads it.
 * Columns count UTF-16 code units, as ours do.
 */
export function sarifLog(findings: readonly PlacedFinding[], rules: readonly LintRule[]): object {
  const ids = ['invalid', ...rules.map(({ id }) => id)]
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'mayfly policy lint', rules: [invalid, ...rules.map(describeRule)] } },
        columnKind: 'utf16CodeUnits',
        results: findings.map(({ rule, severity, message, file, line, column }) => {
          const ruleId = rule?.id ?? 'invalid'
          return {
            ruleId,
            ruleIndex: ids.indexOf(ruleId),
            level: severity,
            message: { text: message },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: uriOf(file) },
                  region: { startLine: line, startColumn: column },
                },
              },
            ],
          }
        }),
      },
    ],
  }
}

const invalid = {
  id: 'invalid',
  shortDescription: { text: 'The policy cannot be loaded' },
  defaultConfiguration: { level: 'error' },
}

function describeRule({ id, title, why, fix, severity }: LintRule): object {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: fix },
    defaultConfiguration: { level: severity },
  }
}

/** A path as a relative URI reference, segment by segment (RFC 3986, section 4.2). */
function uriOf(file: string): string {
  const path = file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
  return path.startsWith('/') ? `file://${path}` : path
}
