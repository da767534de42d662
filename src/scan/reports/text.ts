import { plainLine } from '../../lib/index.ts'
import { rankOf, type Finding } from '../findings/index.ts'
import { fixHead, fixOf } from './fix.ts'
import { livenessLine } from './liveness.ts'
import { isFailing, openFindings, type Report, type RuleFacts, type Unlooked } from './model.ts'

/** Nobody reads more at a terminal; the other formats have all. */
const mostShown = 500
const mostUnseen = 50

/** For people: by file, each secret once with all its places, then what to do, and what was not looked at. */
export function textReport(report: Report): string {
  const open = openFindings(report)
  const rules = new Map(report.rules.map((rule) => [rule.id, rule]))
  const lines = [
    ...findingLines(open.slice(0, mostShown), rules, report),
    ...(open.length > mostShown
      ? [`${open.length - mostShown} more places are not shown: --report json has them`, '']
      : []),
    ...fixLines(open, rules),
    ...unseenLines(report.unseen),
    ...report.warnings.map((warning) => `warning: ${warning}`),
    summaryLine(report),
  ]
  // Whatever stands in a line, whoever chose it: the line is told by one function.
  return `${lines.map(plainLine).join('\n')}\n`
}

function findingLines(
  findings: readonly Finding[],
  rules: ReadonlyMap<string, RuleFacts>,
  report: Report,
): string[] {
  const first = new Map<string, Finding>()
  const lines: string[] = []
  let file: string | undefined
  for (const finding of findings) {
    if (finding.file !== file) lines.push(...(file === undefined ? [] : ['']), finding.file)
    file = finding.file
    const known = first.get(finding.fingerprint)
    if (known === undefined) first.set(finding.fingerprint, finding)
    lines.push(...placeLines(finding, known, rules.get(finding.rule), isFailing(finding, report)))
  }
  return lines.length === 0 ? [] : [...lines, '']
}

function placeLines(
  finding: Finding,
  same: Finding | undefined,
  rule: RuleFacts | undefined,
  fails: boolean,
): string[] {
  const { start, confidence, checked, decoded, commit, excerpt, note, liveness, fingerprint } = finding
  const how = decoded.length === 0 ? '' : `, in ${decoded.join(' in ')}`
  const sure = `${confidence}${checked ? ', its checksum or form holds' : ''}${fails ? '' : ', fails nothing'}`
  const head = `  ${start.line}:${start.column}  ${rule?.title ?? finding.rule} (${sure}${how}) [${finding.rule}]`
  const by =
    commit === undefined ? [] : [`      commit ${commit.id.slice(0, 12)} by ${commit.author}, ${commit.date}`]
  // What allow lists, baselines and --revoke name it by.
  const again = [
    same === undefined
      ? `      fingerprint ${fingerprint}`
      : `      the same secret as in ${same.file}:${same.start.line}`,
  ]
  const told =
    liveness === undefined || same !== undefined ? [] : [`      ${livenessLine(liveness, fingerprint)}`]
  return [
    head,
    `      ${excerpt}`,
    ...by,
    ...again,
    ...told,
    ...(note === undefined ? [] : [`      ${note}`]),
  ]
}

function fixLines(findings: readonly Finding[], rules: ReadonlyMap<string, RuleFacts>): string[] {
  const ids = new Set(findings.map(({ rule }) => rule))
  const lines = [...ids].flatMap((id) => {
    const rule = rules.get(id)
    if (rule === undefined) return []
    return [`  ${rule.title} [${id}]`, ...fixOf(rule).map((line) => `    - ${line}`)]
  })
  return lines.length === 0 ? [] : [fixHead, ...lines, '']
}

function unseenLines(unseen: readonly Unlooked[]): string[] {
  if (unseen.length === 0) return []
  const shown = unseen
    .slice(0, mostUnseen)
    .map(({ name, why }) => `  ${name === '' ? '(no name)' : name}: ${why}`)
  const more = unseen.length > mostUnseen ? [`  and ${unseen.length - mostUnseen} more`] : []
  return ['Not looked at:', ...shown, ...more, '']
}

/** One line, also for who reads nothing else. */
export function summaryLine(report: Report): string {
  const all = openFindings(report)
  const open = all.filter((one) => isFailing(one, report))
  const accepted = report.findings.length - all.length
  const unsure = all.length - open.length
  const secrets = new Set(open.map(({ fingerprint }) => fingerprint)).size
  const sure = open.filter(({ confidence }) => rankOf(confidence) >= rankOf('certain')).length
  const found =
    open.length === 0
      ? 'no secret found'
      : `${many(secrets, 'secret')} in ${many(open.length, 'place')}, ${sure} of them certain`
  const parts = [
    found,
    ...(unsure === 0
      ? []
      : [`${many(unsure, 'place')} less sure than ${report.failOn}, told and failing nothing`]),
    ...(accepted === 0
      ? []
      : [`${many(accepted, 'place')} accepted by comments, allow lists or the baseline`]),
    ...(report.unseen.length === 0 ? [] : [`${many(report.unseen.length, 'thing')} could not be looked at`]),
  ]
  const seconds = ((report.endMs - report.startMs) / 1_000).toFixed(1)
  const size = (report.bytes / 1_000_000).toFixed(1)
  return plainLine(
    `${report.scanned}: ${parts.join('; ')} (${many(report.files, 'file')}, ${size} MB, ${seconds} s)`,
  )
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
