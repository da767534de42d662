import { rankOf, type Confidence, type Finding } from '../findings/index.ts'

/** What a report says of a rule. */
export interface RuleFacts {
  readonly id: string
  readonly title: string
  readonly vendor: string
  readonly source: string
  readonly confidence: Confidence
  readonly connection?: string
  readonly revoke?: string
}

/** What was not looked at, and why. */
export interface Unlooked {
  readonly name: string
  readonly code: string
  readonly why: string
}

export interface Report {
  /** For people: `the folder src`. */
  readonly scanned: string
  /** What is less sure is told, and fails nothing. */
  readonly failOn: Confidence
  /** Sorted by file and place. */
  readonly findings: readonly Finding[]
  /** All rules that were asked, or at least those of the findings. */
  readonly rules: readonly RuleFacts[]
  readonly unseen: readonly Unlooked[]
  /** What else was not as somebody may think: warnings of rule files. */
  readonly warnings: readonly string[]
  readonly files: number
  readonly bytes: number
  readonly startMs: number
  readonly endMs: number
}

/** Those that nobody accepted. */
export function openFindings(report: Report): Finding[] {
  return report.findings.filter(({ accepted }) => accepted === undefined)
}

/** Of an open one: whether it is as sure as what fails the scan. */
export function isFailing({ confidence }: Finding, { failOn }: Pick<Report, 'failOn'>): boolean {
  return rankOf(confidence) >= rankOf(failOn)
}

export function compareFindings(a: Finding, b: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.start.line - b.start.line || a.start.column - b.start.column || (a.rule < b.rule ? -1 : 1)
}
