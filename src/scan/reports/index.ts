/**
 * What a scan found, for those who read it: people, programs (JSON, SARIF 2.1.0), GitLab, GitHub. Each format says what was not looked at,
 * too, and how a finding is mended.
 * Invariant: nothing that a scanned file says reaches a terminal as it is, or becomes a command of a workflow.
 */
import { escapeUnseen } from '../../lib/index.ts'
import { githubReport } from './github.ts'
import { gitlabReport } from './gitlab.ts'
import { jsonReport } from './json.ts'
import type { Report } from './model.ts'
import { leftOutOfSarif, sarifReport } from './sarif.ts'
import { textReport } from './text.ts'

export {
  compareFindings,
  isFailing,
  openFindings,
  type Report,
  type RuleFacts,
  type Unlooked,
} from './model.ts'
export { summaryLine } from './text.ts'

export const reportFormats = ['text', 'json', 'sarif', 'gitlab', 'github'] as const
export type ReportFormat = (typeof reportFormats)[number]

/** What of it a format is without, since who reads the format takes no more; undefined if it has all. */
export function leftOutOf(report: Report, format: ReportFormat): string | undefined {
  return format === 'sarif' ? leftOutOfSarif(report) : undefined
}

/** Ends with a line's end. */
export function writeReport(report: Report, format: ReportFormat): string {
  switch (format) {
    case 'text':
      return textReport(report)
    case 'github':
      return githubReport(report)
    case 'json':
      return jsonText(jsonReport(report))
    case 'sarif':
      return jsonText(sarifReport(report))
    case 'gitlab':
      return jsonText(gitlabReport(report))
  }
}

/** JSON leaves DEL, C1 and what turns a line around as they are. */
function jsonText(value: object): string {
  return `${JSON.stringify(value, null, 2).split('\n').map(escapeUnseen).join('\n')}\n`
}
