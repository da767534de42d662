import { plainLine } from '../../lib/index.ts'
import type { Finding } from '../findings/index.ts'
import { fixOf } from './fix.ts'
import { livenessLine } from './liveness.ts'
import { isFailing, openFindings, type Report, type RuleFacts } from './model.ts'
import { summaryLine } from './text.ts'

/**
 * Annotations, as commands of GitHub's workflows. What a scanned file says is in none of the places where it could end a command, or
 * begin one of its own (`::set-env`, `::add-mask`): a line's end, `::`, and what separates properties are written as what they are.
 */
export function githubReport(report: Report): string {
  const rules = new Map(report.rules.map((rule) => [rule.id, rule]))
  const lines = [
    ...openFindings(report).map((finding) => annotation(finding, rules.get(finding.rule), report)),
    ...report.unseen.map(({ name, why }) => command('warning', { file: name }, `not looked at: ${why}`)),
    ...report.warnings.map((warning) => command('warning', {}, warning)),
    // No command; it says what was scanned, and begins with a word of ours.
    `mayfly scan: ${summaryLine(report)}`,
  ]
  return `${lines.join('\n')}\n`
}

function annotation(finding: Finding, known: RuleFacts | undefined, report: Report): string {
  const { file, start, end, confidence, rule, excerpt, note, liveness, fingerprint } = finding
  const properties = {
    ...{ file, line: String(start.line) },
    // Columns count on GitHub only where the end is on the same line.
    ...(end.line === start.line
      ? { col: String(start.column), endColumn: String(end.column) }
      : { endLine: String(end.line) }),
    title: `${known?.title ?? rule} [${rule}]`,
  }
  const lives = liveness === undefined ? '' : `; ${livenessLine(liveness, fingerprint)}`
  const fix = known === undefined ? '' : `; ${fixOf(known).join('; ')}`
  const message = `${confidence}: ${excerpt}${note === undefined ? '' : ` (${note})`}${lives}${fix}`
  const level = !isFailing(finding, report) ? 'notice' : confidence === 'possible' ? 'warning' : 'error'
  return command(level, properties, message)
}

function command(
  name: 'error' | 'warning' | 'notice',
  properties: Readonly<Record<string, string>>,
  message: string,
): string {
  const said = Object.entries(properties).map(([key, value]) => `${key}=${propertyText(value)}`)
  return `::${name} ${said.join(',')}::${dataText(message)}`
}

/** As GitHub's toolkit writes them; what cannot be seen is spelt out before, so no line ends within. */
function dataText(text: string): string {
  return plainLine(text).replaceAll('%', '%25')
}

/** A line's end in the name of a file is written so that GitHub finds the file. */
function propertyText(text: string): string {
  const parts = text.split(/([\r\n])/).map((part) => lineEnds[part] ?? dataText(part))
  return parts.join('').replaceAll(':', '%3A').replaceAll(',', '%2C')
}

const lineEnds: Readonly<Record<string, string>> = { '\r': '%0D', '\n': '%0A' }
