import { version } from '../../lib/index.ts'
import type { Finding, KnownSecret } from '../findings/index.ts'
import { fixOf } from './fix.ts'
import { isFailing, openFindings, type Report, type RuleFacts } from './model.ts'

/** Documented in docs/scan.md; keys are only added, or `version` grows. */
export function jsonReport(report: Report): object {
  const rules = new Map(report.rules.map((rule) => [rule.id, rule]))
  const all = openFindings(report)
  const open = all.filter((one) => isFailing(one, report))
  return {
    version: 1,
    tool: { name: 'mayfly scan', version },
    scanned: report.scanned,
    started: new Date(report.startMs).toISOString(),
    seconds: (report.endMs - report.startMs) / 1_000,
    files: report.files,
    bytes: report.bytes,
    complete: report.unseen.length === 0,
    summary: {
      secrets: new Set(open.map(({ fingerprint }) => fingerprint)).size,
      places: open.length,
      unsure: all.length - open.length,
      accepted: report.findings.length - all.length,
    },
    findings: report.findings.map((finding) => plainFinding(finding, rules.get(finding.rule), report)),
    not_looked_at: report.unseen.map(({ name, code, why }) => ({ file: name, code, why })),
    warnings: report.warnings,
  }
}

function plainFinding(finding: Finding, rule: RuleFacts | undefined, report: Report): object {
  const { start, end, alsoFoundBy, decoded, commit, accepted, note, known, liveness } = finding
  return {
    ...{ rule: finding.rule, title: rule?.title ?? finding.rule },
    ...{ confidence: finding.confidence, checked: finding.checked, also_found_by: alsoFoundBy },
    ...{ file: finding.file, line: start.line, column: start.column },
    ...{ end_line: end.line, end_column: end.column, decoded },
    fails: finding.accepted === undefined && isFailing(finding, report),
    ...{ excerpt: finding.excerpt, fingerprint: finding.fingerprint },
    ...(liveness === undefined ? {} : { liveness }),
    ...(known === undefined ? {} : { known: ownerOf(known) }),
    ...(commit === undefined ? {} : { commit }),
    ...(accepted === undefined ? {} : { accepted }),
    ...(note === undefined ? {} : { note }),
    fix: {
      ...(rule?.connection === undefined ? {} : { connection: rule.connection }),
      steps: rule === undefined ? [] : fixOf(rule),
    },
  }
}

function ownerOf({ fingerprint: _, ...owner }: KnownSecret): object {
  return owner
}
