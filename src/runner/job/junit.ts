import type { StepResult } from '../step-request.ts'
import type { NotRun } from './job-step.ts'
import type { JobResult } from './progress.ts'

/**
 * The results of a job in the form that CIs read as JUnit's (the schema of the Jenkins xUnit plugin): one suite, one case
 * for each attempt of a step, and for each step that did not run. Text is to be masked by the caller before.
 */
export function junitXml(result: JobResult): string {
  const ran = result.steps.map(caseOfStep)
  const left = result.notRun.map(caseOfRest)
  const all = [...ran, ...left]
  const count = (kind: string) => all.filter((one) => one.kind === kind).length
  const seconds = result.steps.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000
  const counts = {
    tests: all.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: seconds.toFixed(3),
  }
  const [first] = result.steps.map(({ startedAt }) => startedAt).toSorted(byText)
  const suite = { name: result.runId === '' ? 'mayfly' : result.runId, ...counts }
  const timestamp = first === undefined ? {} : { timestamp: first.slice(0, 19) }
  const lines = all.map(({ xml }) => `    ${xml}\n`).join('')
  const { skipped: _, ...total } = counts
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes({ name: 'mayfly run', ...total })}>\n  <testsuite${attributes({ ...suite, ...timestamp })}>\n${lines}  </testsuite>\n</testsuites>\n`
}

interface Case {
  readonly kind: 'good' | 'failure' | 'error' | 'skipped'
  readonly xml: string
}

function caseOfStep(step: StepResult): Case {
  const { name, role, durationMs, outcome, exitCode, attempt } = step
  const shown = {
    name: attempt === 1 ? name : `${name} (attempt ${attempt})`,
    classname: `mayfly.${role}`,
    time: (durationMs / 1000).toFixed(3),
  }
  if (outcome === 'succeeded') return { kind: 'good', xml: `<testcase${attributes(shown)}/>` }
  const kind = outcome === 'ended' ? 'error' : 'failure'
  const message = step.ended ?? `${outcome.replace('_', ' ')}, exit code ${exitCode}`
  return { kind, xml: withChild(shown, kind, { message, type: outcome }) }
}

const reasons = {
  condition: 'its `if` said no',
  failure: 'a step before it failed',
  cancelled: 'the job was cancelled',
}

function caseOfRest({ name, role, why, detail = '' }: NotRun): Case {
  const shown = { name, classname: `mayfly.${role}`, time: '0.000' }
  if (why === 'error')
    return { kind: 'error', xml: withChild(shown, 'error', { message: detail, type: 'not_started' }) }
  return { kind: 'skipped', xml: withChild(shown, 'skipped', { message: reasons[why] }) }
}

function withChild(shown: Record<string, string>, child: string, more: Record<string, string>): string {
  return `<testcase${attributes(shown)}><${child}${attributes(more)}/></testcase>`
}

function attributes(all: Readonly<Record<string, string | number>>): string {
  return Object.entries(all)
    .map(([name, value]) => ` ${name}="${escape(String(value))}"`)
    .join('')
}

/** XML 1.0, section 2.2: most control characters cannot be written at all; section 3.3.3: line ends need a reference. */
function escape(text: string): string {
  const plain = Array.from(text.toWellFormed(), (char) => (isAllowed(char) ? char : '\ufffd')).join('')
  return plain.replaceAll(/[&<>"'\t\n\r]/g, (char) => `&#${char.charCodeAt(0)};`)
}

function isAllowed(char: string): boolean {
  const code = char.codePointAt(0) ?? 0
  return code >= 0x20 ? code !== 0xfffe && code !== 0xffff : ['\t', '\n', '\r'].includes(char)
}

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
