import { sarifLog, type SarifLevel, type SarifResult, type SarifRule } from '../../lib/index.ts'
import type { Confidence, Finding } from '../findings/index.ts'
import { fixOf } from './fix.ts'
import { livenessLine } from './liveness.ts'
import { isFailing, type Report, type RuleFacts } from './model.ts'

/** What is accepted is there, suppressed; what was not looked at is a notification, and the run no success. */
export function sarifReport(report: Report): object {
  const found = new Set(report.findings.map(({ rule }) => rule))
  const rules = report.rules.filter(({ id }) => found.has(id))
  const titles = new Map(rules.map(({ id, title }) => [id, title]))
  return sarifLog(
    'mayfly scan',
    rules.map(describeRule),
    report.findings.map((finding) =>
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
            ...report.warnings.map(notification),
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
