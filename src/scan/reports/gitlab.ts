import { createHash } from 'node:crypto'
import { version } from '../../lib/index.ts'
import type { Confidence, Finding } from '../findings/index.ts'
import { fixOf } from './fix.ts'
import { livenessLine } from './liveness.ts'
import { openFindings, type Report, type RuleFacts } from './model.ts'

const schemaVersion = '15.0.4'
const severities: Readonly<Record<Confidence, string>> = {
  known: 'Critical',
  certain: 'Critical',
  likely: 'High',
  possible: 'Medium',
}
/** What GitLab's own analyzer says where there is no commit. */
const noCommit = '0000000'
const longest = { name: 255, text: 1_000_000, solution: 7_000 }

/** GitLab's report of secret detection (security-report-schemas): what `artifacts:reports:secret_detection` takes. */
export function gitlabReport(report: Report): object {
  const rules = new Map(report.rules.map((rule) => [rule.id, rule]))
  const tool = { id: 'mayfly-scan', name: 'Mayfly scan', version, vendor: { name: 'Mayfly' } }
  const seen = new Map<string, number>()
  return {
    version: schemaVersion,
    scan: {
      ...{ analyzer: tool, scanner: tool, type: 'secret_detection', status: 'success' },
      ...{ start_time: timeOf(report.startMs), end_time: timeOf(report.endMs) },
      messages: [
        ...report.unseen.map(({ name, why }) => `not looked at: ${name}: ${why}`),
        ...report.warnings,
      ].map((value) => ({ level: 'warn', value })),
    },
    vulnerabilities: openFindings(report).map((finding) => {
      const place = `${finding.file}\0${finding.fingerprint}\0${finding.commit?.id ?? ''}`
      const nth = seen.get(place) ?? 0
      seen.set(place, nth + 1)
      return vulnerability(finding, rules.get(finding.rule), idOf(`${place}\0${nth}`))
    }),
  }
}

function vulnerability(finding: Finding, rule: RuleFacts | undefined, id: string): object {
  const { confidence, file, start, end, excerpt, commit, liveness, fingerprint } = finding
  const lives = liveness === undefined ? '' : ` ${livenessLine(liveness, fingerprint)}.`
  const title = rule?.title ?? finding.rule
  return {
    ...{ id, category: 'secret_detection', name: title.slice(0, longest.name) },
    description: `${title}, ${confidence}.${lives} ${finding.note ?? ''}`.trim().slice(0, longest.text),
    severity: severities[confidence],
    solution: (rule === undefined ? [] : fixOf(rule)).join('\n').slice(0, longest.solution),
    raw_source_code_extract: excerpt,
    identifiers: [
      { type: 'mayfly_rule_id', name: `Mayfly rule ${finding.rule}`, value: finding.rule },
      { type: 'mayfly_fingerprint', name: 'Mayfly fingerprint', value: finding.fingerprint },
    ],
    location: {
      ...{ file, start_line: start.line, end_line: end.line },
      commit:
        commit === undefined
          ? { sha: noCommit }
          : { sha: commit.id, author: commit.author, date: commit.date },
    },
  }
}

/** The same for the same finding, so that GitLab knows it again. */
function idOf(text: string): string {
  return createHash('sha256').update(`mayfly scan gitlab v1\0${text}`).digest('hex')
}

/** UTC without its letter, as the schema wants it. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19)
}
