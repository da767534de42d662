import type { NotRun } from './job-step.ts'
import type { AttemptResult, JobResult } from './results.ts'

/**
 * The results of a job in the form that CIs read as JUnit's (the schema of the Jenkins xUnit plugin): one suite, one case for
 * each step. A step that was tried again is what its last attempt was; the others are in Surefire's elements for reruns, which
 * readers show or pass over, and never count as failures. Text is to be masked by the caller before.
 */
export function junitXml(result: JobResult): string {
  const ran = [...Map.groupBy(result.steps, ({ name }) => name).values()].map(caseOfStep)
  const all = [...ran, ...restOf(result).map(caseOfRest)]
  const count = (kind: string) => all.filter((one) => one.kind === kind).length
  const counts = {
    tests: all.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: secondsOf(result.steps),
  }
  const [first] = result.steps.flatMap(({ startedAt }) => startedAt ?? []).toSorted(byText)
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

/** An element below a case. */
interface Said {
  readonly tag: string
  readonly message: string
  readonly type?: string
}

/** One thing that was checked, in the same form. */
export interface JunitCase {
  readonly name: string
  readonly classname: string
  readonly seconds: number
  /** Why it is not good. */
  readonly said?: { readonly tag: 'failure' | 'error'; readonly message: string; readonly type: string }
}

/** The same form for another command's results. */
export function junitOf(command: string, cases: readonly JunitCase[]): string {
  const count = (tag: string) => cases.filter(({ said }) => said?.tag === tag).length
  const time = cases.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3)
  const counts = {
    name: command,
    tests: cases.length,
    failures: count('failure'),
    errors: count('error'),
    time,
  }
  const lines = cases.map(({ name, classname, seconds, said }) => {
    const shown = { name, classname, time: seconds.toFixed(3) }
    return `    ${testcase(shown, said === undefined ? [] : [said])}\n`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes(counts)}>\n  <testsuite${attributes(counts)}>\n${lines.join('')}  </testsuite>\n</testsuites>\n`
}

function caseOfStep(attempts: readonly AttemptResult[]): Case {
  const last = attempts.at(-1)
  if (last === undefined) throw new Error('a step without an attempt')
  const shown = { name: last.name, classname: `mayfly.${last.role}`, time: secondsOf(attempts) }
  const reruns = (prefix: 'flaky' | 'rerun') => attempts.slice(0, -1).map((one) => rerun(prefix, one))
  if (last.outcome === 'succeeded') return { kind: 'good', xml: testcase(shown, reruns('flaky')) }
  // As pytest writes a failure that is expected: neither passed nor failed.
  if (last.tolerated === true) {
    const message = `${messageOf(last)}; the job went on: continue_on_error`
    return { kind: 'skipped', xml: testcase(shown, [{ tag: 'skipped', message, type: last.outcome }]) }
  }
  const kind = kindOf(last)
  const own = { tag: kind, message: messageOf(last), type: last.outcome }
  return { kind, xml: testcase(shown, [own, ...reruns('rerun')]) }
}

/** What is no fault of the step's command is an error. */
function kindOf({ outcome }: AttemptResult): 'failure' | 'error' {
  return outcome === 'ended' || outcome === 'not_started' ? 'error' : 'failure'
}

function rerun(prefix: 'flaky' | 'rerun', attempt: AttemptResult): Said {
  const tag = `${prefix}${kindOf(attempt) === 'error' ? 'Error' : 'Failure'}`
  return { tag, message: `attempt ${attempt.attempt}: ${messageOf(attempt)}`, type: attempt.outcome }
}

function messageOf({ detail = '', ended, limit, outcome, exitCode }: AttemptResult): string {
  if (outcome === 'not_started') return `could not be started: ${detail}`
  if (ended !== undefined) return ended
  const why = [limit === undefined ? '' : `, over its limit of ${limit}`, detail && `: ${detail}`].join('')
  return `${outcome.replace('_', ' ')}, exit code ${exitCode}${why}`
}

const reasons = {
  condition: 'its `if` said no',
  failure: 'a step before it failed',
  cancelled: 'the job was cancelled',
}

/** Of a job without any step, since its file could not be read, one case says why. */
function restOf({ steps, notRun, refused }: JobResult): readonly NotRun[] {
  if (refused === undefined || steps.length + notRun.length > 0) return notRun
  return [{ name: 'mayfly run', role: '', why: 'refused', detail: refused }]
}

function caseOfRest({ name, role, why, detail = '' }: NotRun): Case {
  const shown = { name, classname: role === '' ? 'mayfly' : `mayfly.${role}`, time: '0.000' }
  if (why !== 'refused')
    return { kind: 'skipped', xml: testcase(shown, [{ tag: 'skipped', message: reasons[why] }]) }
  const message = `the job was refused before its first step: ${detail}`
  return { kind: 'error', xml: testcase(shown, [{ tag: 'error', message, type: 'refused' }]) }
}

function testcase(shown: Record<string, string>, children: readonly Said[]): string {
  if (children.length === 0) return `<testcase${attributes(shown)}/>`
  const inner = children.map(({ tag, ...said }) => `<${tag}${attributes(said)}/>`).join('')
  return `<testcase${attributes(shown)}>${inner}</testcase>`
}

function secondsOf(attempts: readonly AttemptResult[]): string {
  return (attempts.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000).toFixed(3)
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
