import { sep } from 'node:path'

/** What found something, and what it knows: a rule of SARIF. */
export interface SarifRule {
  readonly id: string
  readonly title: string
  readonly why?: string
  readonly fix?: string
  readonly level: SarifLevel
  readonly helpUri?: string
}

export type SarifLevel = 'error' | 'warning' | 'note'

export interface SarifResult {
  readonly ruleId: string
  readonly level: SarifLevel
  readonly message: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine?: number
  readonly endColumn?: number
  /** The same elsewhere in the file. */
  readonly others?: readonly { readonly line: number; readonly column: number }[]
  /** What SARIF has no form for here: `partialFingerprints`, `suppressions`. */
  readonly more?: object
}

/**
 * One run as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), as code scanning reads it. Columns count UTF-16 code
 * units. `run` is added to the run.
 */
export function sarifLog(
  tool: string,
  rules: readonly SarifRule[],
  results: readonly SarifResult[],
  run: object = {},
): object {
  return sarifRuns([{ ...sarifRun(tool, rules, results), ...run }])
}

/** Several runs, each of another tool, as one log. */
export function sarifRuns(runs: readonly object[]): object {
  return { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs }
}

export function sarifRun(tool: string, rules: readonly SarifRule[], results: readonly SarifResult[]): object {
  const indexes = new Map(rules.map(({ id }, index) => [id, index]))
  return {
    tool: { driver: { name: tool, rules: rules.map(describeRule) } },
    columnKind: 'utf16CodeUnits',
    results: results.map((result) => describeResult(result, indexes.get(result.ruleId) ?? -1)),
  }
}

function describeRule({ id, title, why, fix, level, helpUri }: SarifRule): object {
  return {
    id,
    shortDescription: { text: title },
    ...(why === undefined ? {} : { fullDescription: { text: why } }),
    ...(fix === undefined ? {} : { help: { text: fix } }),
    ...(helpUri === undefined ? {} : { helpUri }),
    defaultConfiguration: { level },
  }
}

function describeResult(result: SarifResult, ruleIndex: number): object {
  const { ruleId, level, message, file, line, column, endLine, endColumn, others = [], more } = result
  const end = endLine === undefined || endColumn === undefined ? {} : { endLine, endColumn }
  const locationOf = (region: object) => ({
    physicalLocation: { artifactLocation: { uri: uriOf(file) }, region },
  })
  const related = others.map((at) => locationOf({ startLine: at.line, startColumn: at.column }))
  return {
    ...{ ruleId, ruleIndex, level, message: { text: message } },
    locations: [locationOf({ startLine: line, startColumn: column, ...end })],
    ...(related.length === 0 ? {} : { relatedLocations: related }),
    ...more,
  }
}

/** A path as a relative URI reference, segment by segment (RFC 3986, section 4.2). */
function uriOf(file: string): string {
  const text = file.toWellFormed()
  // Elsewhere it is a letter of a name.
  const path = (sep === '\\' ? text.replaceAll('\\', '/') : text).split('/').map(encodeURIComponent).join('/')
  return path.startsWith('/') ? `file://${path}` : path
}
