import { sarifLog, type SarifLevel, type SarifResult, type SarifRule } from '../../lib/index.ts'
import { rankOf, type Confidence, type Finding } from '../findings/index.ts'
import { fixOf } from './fix.ts'
import { livenessLine } from './liveness.ts'
import { isFailing, type Report, type RuleFacts } from './model.ts'

/** GitHub refuses a file of more results as a whole, and shows fewer ("SARIF results exceed one or more limits"). */
const mostResults = 25_000
const mostShown = 5_000

/** What fails and is surest stays where there are too many for all to be taken, or shown; else they are by file. */
function resultsOf(report: Report): readonly Finding[] {
  if (report.findings.length <= mostShown) return report.findings
  const weight = (one: Finding) =>
    one.accepted === undefined ? (isFailing(one, report) ? 10 : 5) + rankOf(one.confidence) : 0
  return report.findings.toSorted((a, b) => weight(b) - weight(a)).slice(0, mostResults)
}

/** What of a report SARIF is without; undefined if it has all. */
export function leftOutOfSarif({ findings }: Report): string | undefined {
  const left = findings.length - mostResults
  return left <= 0
    ? undefined
    : `the SARIF is without ${left} of ${findings.length} results, the least sure ones and what is accepted first: GitHub refuses a file with more than ${mostResults}; --report json has all`
}

/** What is accepted is there, suppressed; what was not looked at is a notification, and the run no success. */
export function sarifReport(report: Report): object {
  const leftOut = leftOutOfSarif(report)
  const found = new Set(report.findings.map(({ rule }) => rule))
  const rules = report.rules.filter(({ id }) => found.has(id))
  const titles = new Map(rules.map(({ id, title }) => [id, title]))
  return sarifLog(
    'mayfly scan',
    rules.map(describeRule),
    resultsOf(report).map((finding) =>
      describeFinding(finding, titles.get(finding.rule) ?? finding.rule, report),
    ),
    {
      invocations: [
        {
          executionSuccessful: report.unseen.length === 0,
          startTimeUtc: new Date(report.startMs).toISOString(),
          endTimeUtc: new Date(report.endMs).toISOString(),
          toolExecutionNotifications: [
            ...report.unseen.map(({ name, code, why }) => notification(`${name}: ${why} (${code})`)),
            ...[...report.warnings, ...(leftOut === undefined ? [] : [leftOut])].map(notification),
          ],
        },
      ],
    },
  )
}

const levels: Readonly<Record<Confidence, SarifLevel>> = {
  known: 'error',
  certain: 'error',
  likely: 'error',
  possible: 'warning',
}

function describeRule(rule: RuleFacts): SarifRule {
  const { id, title, confidence, source } = rule
  const isAddress = /^https:\/\/[\x21-\x7e]+$/.test(source)
  return {
    ...{ id, title, why: `A secret that stands in a file is known to all who can read it: ${title}.` },
    ...{ fix: fixOf(rule).join('\n'), level: levels[confidence] },
    ...(isAddress ? { helpUri: source } : {}),
  }
}

function describeFinding(finding: Finding, title: string, report: Report): SarifResult {
  const { rule, confidence, file, start, end, excerpt, fingerprint, accepted, commit, note, liveness } =
    finding
  const isForward = end.line > start.line || end.column > start.column
  const parts = [
    `${title}: ${excerpt}`,
    ...(note === undefined ? [] : [note]),
    ...(liveness === undefined ? [] : [livenessLine(liveness, fingerprint)]),
  ]
  const properties = {
    ...(commit === undefined ? {} : { commit }),
    ...(liveness === undefined ? {} : { liveness }),
  }
  return {
    ...{
      ruleId: rule,
      level: isFailing(finding, report) ? levels[confidence] : 'note',
      message: parts.join('\n'),
    },
    ...{ file, line: start.line, column: start.column },
    ...(isForward ? { endLine: end.line, endColumn: end.column } : {}),
    more: {
      partialFingerprints: { 'mayflyScan/v1': fingerprint },
      ...(accepted === undefined
        ? {}
        : {
            suppressions: [
              {
                kind: accepted.by === 'comment' ? 'inSource' : 'external',
                ...(accepted.reason === undefined ? {} : { justification: accepted.reason }),
              },
            ],
          }),
      ...(Object.keys(properties).length === 0 ? {} : { properties }),
    },
  }
}

function notification(text: string): object {
  return { level: 'warning', message: { text } }
}
