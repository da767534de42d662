import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { junitXml } from './junit.ts'
import type { JobResult } from './results.ts'

type Step = JobResult['steps'][number]
type Rest = JobResult['notRun'][number]

const text = fc.string({ unit: anyCharacter, maxLength: 40 })
const step: fc.Arbitrary<Step> = fc.record({
  name: text,
  role: fc.constantFrom('build', 'release'),
  stepId: fc.constant('stp_1'),
  exitCode: fc.integer({ min: 0, max: 255 }),
  outcome: fc.constantFrom('succeeded', 'failed', 'timed_out', 'cancelled', 'ended', 'not_started'),
  attempt: fc.integer({ min: 1, max: 3 }),
  startedAt: fc.constant('2026-11-28T10:00:00.000Z'),
  durationMs: fc.integer({ min: 0, max: 1e8 }),
  activity: fc.constant({ granted: [], denied: [] }),
  outputs: fc.constant({}),
})
const rest: fc.Arbitrary<Rest> = fc.record({
  name: text,
  role: fc.constant('build'),
  why: fc.constantFrom('condition', 'failure', 'cancelled', 'refused'),
  detail: text,
})

interface Element {
  readonly name: string
  readonly attributes: Record<string, string>
  readonly children: Element[]
}

/** A strict reader of the XML that may be there: elements, attributes in double quotes, numeric references, white space. */
function read(xml: string): Element {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray => {
    const sticky = new RegExp(pattern.source, 'y')
    sticky.lastIndex = at
    const found = sticky.exec(xml)
    assert.ok(found, `at ${at}: ${JSON.stringify(xml.slice(at, at + 60))}`)
    at = sticky.lastIndex
    return found
  }
  const next = (start: string) => xml.startsWith(start, at)
  const value = (raw: string) => {
    assert.doesNotMatch(raw, /[\u0000-\u001f<>&\ufffe\uffff]/)
    return raw
  }
  function element(): Element {
    const [, name = ''] = take(/<([a-zA-Z]+)/)
    const attributes: Record<string, string> = {}
    while (next(' ')) {
      const [, key = '', raw = ''] = take(/ ([a-z]+)="((?:[^"&<>]|&#\d+;)*)"/)
      assert.ok(!(key in attributes))
      attributes[key] = value(raw.replaceAll(/&#\d+;/g, ''))
    }
    const children: Element[] = []
    if (next('/>')) return (take(/\/>/), { name, attributes, children })
    take(/>\s*/)
    while (!next('</')) {
      children.push(element())
      take(/\s*/)
    }
    assert.equal(take(/<\/([a-zA-Z]+)>/)[1], name)
    return { name, attributes, children }
  }
  take(/<\?xml version="1\.0" encoding="UTF-8"\?>\s*/)
  const root = element()
  take(/\s*$/)
  return root
}

/** What the schema of the Jenkins xUnit plugin (junit-10.xsd) asks of the elements that we write. */
function check(root: Element, result: JobResult): void {
  const number = /^\d+(?:\.\d+)?$/
  assert.equal(root.name, 'testsuites')
  assert.deepEqual(Object.keys(root.attributes), ['name', 'tests', 'failures', 'errors', 'time'])
  const [suite] = root.children
  assert.ok(suite)
  assert.equal(root.children.length, 1)
  assert.equal(suite.name, 'testsuite')
  for (const name of ['tests', 'failures', 'errors', 'skipped', 'time'])
    assert.match(suite.attributes[name] ?? '', number)
  if (suite.attributes['timestamp'] !== undefined)
    assert.match(suite.attributes['timestamp'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
  const names = new Set(result.steps.map(({ name }) => name))
  assert.equal(suite.children.length, names.size + result.notRun.length)
  const found: Record<string, number> = { failure: 0, error: 0, skipped: 0 }
  for (const one of suite.children) {
    assert.equal(one.name, 'testcase')
    assert.deepEqual(Object.keys(one.attributes), ['name', 'classname', 'time'])
    const [verdict, ...more] = one.children.filter(({ name }) => name in found)
    assert.deepEqual(more, [])
    if (verdict !== undefined) found[verdict.name] = (found[verdict.name] ?? 0) + 1
    for (const child of one.children) {
      assert.match(child.name, /^(?:failure|error|skipped|(?:flaky|rerun)(?:Failure|Error))$/)
      assert.ok('message' in child.attributes)
    }
  }
  assert.deepEqual(
    [
      suite.attributes['tests'],
      suite.attributes['failures'],
      suite.attributes['errors'],
      suite.attributes['skipped'],
    ],
    [suite.children.length, found['failure'], found['error'], found['skipped']].map(String),
  )
}

test('whatever steps say, it is well-formed and of the form that CIs read', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), fc.array(rest, { maxLength: 6 }), (steps, notRun) => {
      const result = { runId: 'run_1', sessionId: 'ses_1', steps, notRun, exitCode: 0 }
      check(read(junitXml(result)), result)
    }),
  )
})

const plain: Step = {
  ...{ name: 'test', role: 'build', stepId: 's', exitCode: 0, outcome: 'succeeded', attempt: 1 },
  ...{ startedAt: '2026-11-28T10:00:00.000Z', durationMs: 1_500 },
  ...{ activity: { granted: [], denied: [] }, outputs: {} },
}

test('a step is what its last attempt was, the others are reruns; what is tolerated is skipped; what did not run says why', () => {
  const xml = junitXml({
    ...{ runId: 'run_1', sessionId: 'ses_1', exitCode: 1 },
    steps: [
      { ...plain, outcome: 'timed_out', exitCode: 124, retried: true },
      { ...plain, attempt: 2 },
      {
        ...{ ...plain, name: 'never', outcome: 'not_started', exitCode: 125, durationMs: 0 },
        ...{ detail: 'no "tool"', retried: true },
      },
      { ...plain, name: 'never', outcome: 'failed', exitCode: 3, attempt: 2 },
      { ...plain, name: 'lint', outcome: 'failed', exitCode: 9, tolerated: true },
      { ...plain, name: 'big', outcome: 'failed', exitCode: 137, limit: 'memory' },
    ],
    notRun: [{ name: 'a < b', role: 'release', why: 'condition' }],
  })
  assert.equal(
    xml,
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="mayfly run" tests="5" failures="2" errors="0" time="7.500">
  <testsuite name="run_1" tests="5" failures="2" errors="0" skipped="2" time="7.500" timestamp="2026-11-28T10:00:00">
    <testcase name="test" classname="mayfly.build" time="3.000"><flakyFailure message="attempt 1: timed out, exit code 124" type="timed_out"/></testcase>
    <testcase name="never" classname="mayfly.build" time="1.500"><failure message="failed, exit code 3" type="failed"/><rerunError message="attempt 1: could not be started: no &#34;tool&#34;" type="not_started"/></testcase>
    <testcase name="lint" classname="mayfly.build" time="1.500"><skipped message="failed, exit code 9; the job went on: continue_on_error" type="failed"/></testcase>
    <testcase name="big" classname="mayfly.build" time="1.500"><failure message="failed, exit code 137, over its limit of memory" type="failed"/></testcase>
    <testcase name="a &#60; b" classname="mayfly.release" time="0.000"><skipped message="its \`if\` said no"/></testcase>
  </testsuite>
</testsuites>
`,
  )
})

test('of a job that was refused every step is an error; of one whose steps are not known the job is', () => {
  const refused = { ...{ runId: '', sessionId: '', steps: [], exitCode: 125 }, refused: 'no role "a"' }
  const error =
    '<error message="the job was refused before its first step: no role &#34;a&#34;" type="refused"/>'
  const named = junitXml({
    ...refused,
    notRun: [{ name: 'one', role: 'a', why: 'refused', detail: 'no role "a"' }],
  })
  assert.ok(
    named.includes(`<testcase name="one" classname="mayfly.a" time="0.000">${error}</testcase>`),
    named,
  )
  const unknown = junitXml({ ...refused, notRun: [] })
  assert.ok(unknown.includes(`<testcase name="mayfly run" classname="mayfly" time="0.000">${error}`), unknown)
  assert.match(unknown, /<testsuite name="mayfly" tests="1" failures="0" errors="1" /)
})
