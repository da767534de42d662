import { readEnvironment } from '../config/environment.ts'
import { escapeUnseen, sarifRun, sarifRuns } from '../lib/index.ts'
import {
  findMistakes,
  pipelineRules,
  readCheckout,
  readOne,
  reportOf,
  runTools,
  type Checkout,
  type LintReport,
  type PipelineFinding,
  type RuleAbout,
  type ToolName,
  type ToolRun,
} from '../pipelines/index.ts'
import { endWithReader, exitCodes, toJson } from './output.ts'
import { createLiteralFinder } from './pipeline-literals.ts'

interface LintOptions {
  readonly format: 'text' | 'json' | 'sarif'
  readonly tools: boolean
}

export async function lintPipelineFiles(path: string, { format, tools }: LintOptions): Promise<number> {
  const one = readOne(path)
  const checkout = one ?? readCheckout(path)
  // Tools look at a checkout; of one file they would know too little.
  const runs = tools && one === undefined ? await toolRuns(path, checkout) : []
  const others = runs.flatMap((run) => (run.state === 'ran' ? run.findings : []))
  const nowMs = Date.now()
  const own = findMistakes(checkout, createLiteralFinder(nowMs))
  const report = reportOf(checkout, own, others, nowMs)
  endWithReader()
  process.stdout.write(rendered(format, checkout, report, runs))
  return report.findings.some(({ severity }) => severity === 'error') ? exitCodes.refused : exitCodes.ok
}

function toolRuns(path: string, { files }: Checkout): Promise<ToolRun[]> {
  return runTools(path, files, readEnvironment().variables['PATH'] ?? '')
}

function rendered(
  format: LintOptions['format'],
  checkout: Checkout,
  report: LintReport,
  runs: readonly ToolRun[],
): string {
  if (format === 'sarif') return `${JSON.stringify(sarifOf(report, runs), null, 2)}\n`
  if (format === 'json') return `${toJson(jsonOf(checkout, report, runs))}\n`
  const { findings, ignored } = report
  const lines = [
    ...textOf(findings),
    ...ignored.map(
      ({ finding: { file, line, rule }, reason, until }) =>
        `${file}:${line}: ignored until ${until}: ${reason} [${rule.id}]`,
    ),
    ...runs.flatMap(toolLines),
    summaryOf(checkout, findings),
  ]
  return lines.map((line) => `${escapeUnseen(line)}\n`).join('')
}

/** What to do is told where it is first needed: ten unpinned actions need no more words than one. */
function textOf(findings: readonly PipelineFinding[]): string[] {
  const told = new Set<string>()
  return findings.flatMap((finding) => {
    const isNew = !told.has(finding.fix)
    told.add(finding.fix)
    return findingLines(finding, isNew)
  })
}

function findingLines(finding: PipelineFinding, isNew: boolean): string[] {
  const { file, line, column, severity, message, rule, fix, others, also, note } = finding
  const more = others.length === 0 ? '' : `; also at ${placesOf(others.map((at) => at.line))}`
  return [
    `${file}:${line}:${column}: ${severity}: ${message}${more} [${[rule.id, ...also].join(', ')}]`,
    ...(isNew ? [`  fix: ${fix}`] : []),
    ...(note === undefined ? [] : [`  note: ${note}`]),
  ]
}

const maxPlaces = 5

function placesOf(lines: readonly number[]): string {
  const shown = lines.slice(0, maxPlaces).join(', ')
  const rest = lines.length - maxPlaces
  return `line${lines.length > 1 ? 's' : ''} ${shown}${rest > 0 ? ` and ${rest} more` : ''}`
}

function toolLines(run: ToolRun): string[] {
  if (run.state === 'missing') return [`${run.tool}: not installed, so what it knows is not looked for`]
  return run.state === 'failed' ? [`${run.tool}: did not work: ${run.why}`] : []
}

function summaryOf({ files }: Checkout, findings: readonly PipelineFinding[]): string {
  const count = (severity: string) => findings.filter((one) => one.severity === severity).length
  const read = `${files.length} pipeline file${files.length === 1 ? '' : 's'}`
  return findings.length === 0
    ? `${read}: nothing to complain about`
    : `${read}: ${count('error')} errors, ${count('warning')} warnings, ${count('note')} notes`
}

function jsonOf({ files }: Checkout, { findings, ignored }: LintReport, runs: readonly ToolRun[]): object {
  return {
    files: files.map(({ path, ci, role }) => ({ path, ci, role })),
    findings: findings.map(plainFinding),
    ignored: ignored.map(({ finding, reason, until }) => ({ ...plainFinding(finding), reason, until })),
    tools: runs.map((run) => ({
      tool: run.tool,
      state: run.state,
      ...(run.state === 'failed' ? { why: run.why } : {}),
    })),
  }
}

function plainFinding({ rule, replacement, ...finding }: PipelineFinding): object {
  const instead = replacement?.connection
  return {
    rule: rule.id,
    ...finding,
    why: rule.why,
    ...(instead === undefined ? {} : { connection: instead }),
  }
}

function sarifOf({ findings }: LintReport, runs: readonly ToolRun[]): object {
  const names: readonly ToolName[] = [
    'mayfly',
    ...runs.flatMap((run) => (run.state === 'ran' ? [run.tool] : [])),
  ]
  return sarifRuns(
    names.map((name) => {
      const own = findings.filter(({ tool }) => tool === name)
      const rules = name === 'mayfly' ? pipelineRules : rulesOf(own)
      return sarifRun(
        name === 'mayfly' ? 'mayfly pipeline lint' : name,
        rules.map(({ severity, ...rule }) => ({ ...rule, level: severity })),
        own.map(({ rule, severity, message, fix, ...one }) => ({
          ...one,
          ruleId: rule.id,
          level: severity,
          message: `${message}. ${fix}`,
        })),
      )
    }),
  )
}

function rulesOf(findings: readonly PipelineFinding[]): RuleAbout[] {
  return [...new Map(findings.map(({ rule }) => [rule.id, rule])).values()]
}
