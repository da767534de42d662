import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { isVisible } from '../../lib/index.ts'
import { leftOutOf, reportFormats, writeReport } from './index.ts'
import { emptyReport, finding, fullReport, hostileReport } from './report.fixture.ts'

test('no format lets through what moves a terminal, or what a CI would obey', () => {
  for (const format of reportFormats) {
    const text = writeReport(hostileReport, format)
    assert.ok(text.endsWith('\n'))
    for (const line of text.split('\n')) assert.ok(isVisible(line), `${format}: ${JSON.stringify(line)}`)
  }
  for (const format of ['text', 'github'] as const)
    for (const line of writeReport(hostileReport, format).split('\n')) {
      assert.ok(!/##\w*\[/.test(line), line)
      if (format === 'text') assert.ok(!/^\s*::/.test(line), line)
      // Of our own only: one command, at the beginning of its line.
      else assert.match(line, /^(?:|mayfly scan: .*|::(?:error|warning|notice) [^:]*::.*)$/)
    }
})

test('annotations: one command a line, which says file, place and rule', () => {
  const lines = writeReport(fullReport, 'github').trimEnd().split('\n')
  assert.equal(lines.length, 5 + 1 + 1 + 1)
  assert.equal(
    lines[0],
    '::error file=src/app.env,line=3,col=5,endColumn=40,title=Acme token [acme-token]::certain: KEY=acme****; revoke it: https://acme.example/tokens; in pipelines, in its place: a connection of kind npm: the gateway adds the credential, and the step has none (docs/configuration.md)',
  )
  assert.match(
    lines[1] ?? '',
    /^::error file=src\/%3A%3Aset-env name=A%3A%3Ab%2Cx%3Ay%250A\\u001b\[2J.*%0A\\u003a%3Aerror.*%0D.*,line=3,endLine=5,title=/,
  )
  // What fails nothing is a notice, and a warning where somebody asks that it fails.
  assert.match(lines[2] ?? '', /^::notice /)
  assert.match(
    writeReport({ ...fullReport, failOn: 'possible' }, 'github').split('\n')[2] ?? '',
    /^::warning /,
  )
  assert.match(lines[3] ?? '', /\(the ignore comment ended on 2026-01-01\); revoke it: /)
})

test('the text has each secret once, all its places, what to do, and what was not looked at', () => {
  const text = writeReport(fullReport, 'text')
  for (const part of [
    'src/app.env\n  3:5  Acme token (certain, its checksum or form holds) [acme-token]\n      KEY=acme****\n      fingerprint aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n',
    '      the same secret as in src/app.env:3\n',
    '      commit c0ffeec0ffee by Eve ',
    ' in base64)',
    'has it:\n  Acme token [acme-token]\n    - revoke it: https://acme.example/tokens\n',
    'a connection of kind npm',
    'it needs a password',
    'warning: rule x of gitleaks.toml was left out',
    'the folder .: 3 secrets in 4 places, 4 of them certain; 1 place less sure than likely, told and failing nothing; 2 places accepted by comments, allow lists or the baseline; 1 thing could not be looked at (12 files, 3.4 MB, 1.5 s)\n',
  ])
    assert.ok(text.includes(part), `${part}\n---\n${text}`)
  assert.equal(writeReport(emptyReport, 'text'), 'the folder .: no secret found (12 files, 3.4 MB, 1.5 s)\n')
})

interface PlainReport {
  readonly version: number
  readonly complete: boolean
  readonly summary: object
  readonly findings: readonly {
    readonly file: string
    readonly accepted?: object
    readonly fails: boolean
    readonly fix: { connection?: string }
  }[]
}

test('JSON has every finding, also those that are accepted, and says whether all was looked at', () => {
  const report = JSON.parse(writeReport(fullReport, 'json')) as PlainReport
  assert.deepEqual([report.version, report.complete], [1, false])
  assert.deepEqual(report.summary, { secrets: 3, places: 4, unsure: 1, accepted: 2 })
  assert.equal(report.findings.length, 7)
  assert.deepEqual(
    report.findings.map(({ fails }) => fails),
    [true, true, false, true, true, false, false],
  )
  assert.equal(report.findings[0]?.fix.connection, 'npm')
  // Escaped for people, the same for programs.
  assert.equal(report.findings[1]?.file, fullReport.findings[1]?.file)
  assert.deepEqual(report.findings[5]?.accepted, { by: 'comment', reason: 'dead', until: '2027-01-01' })
  assert.equal((JSON.parse(writeReport(emptyReport, 'json')) as PlainReport).complete, true)
})

// The schema is OASIS's, as SchemaStore publishes it (sarif-2.1.0-rtm.5). zod takes a URI reference for a URL.
const sarifSchema = z.fromJSONSchema(
  JSON.parse(
    readFileSync(new URL('../../../test/fixtures/sarif-2.1.0-rtm.5.json', import.meta.url), 'utf8'),
    (key, value: unknown) => (key === 'format' && value === 'uri-reference' ? undefined : value),
  ) as Parameters<typeof z.fromJSONSchema>[0],
  { defaultTarget: 'draft-4' },
)

interface Sarif {
  readonly runs: readonly [
    {
      readonly results: readonly {
        readonly level: string
        readonly ruleId: string
        readonly ruleIndex: number
        readonly suppressions?: readonly { readonly kind: string; readonly justification?: string }[]
        readonly partialFingerprints: Readonly<Record<string, string>>
      }[]
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
      readonly invocations: readonly [{ readonly executionSuccessful: boolean }]
    },
  ]
}

test('a backslash in a name is a letter of it in SARIF, where it parts no folders', (t) => {
  if (sep === '\\') return t.skip('here it parts folders')
  const report = { ...fullReport, findings: [finding({ file: 'back\\slash' })] }
  assert.match(writeReport(report, 'sarif'), /"uri": ?"back%5Cslash"/)
})

test('SARIF is what the schema of SARIF 2.1.0 says; what is accepted is suppressed', () => {
  for (const report of [fullReport, emptyReport])
    assert.deepEqual(sarifSchema.safeParse(JSON.parse(writeReport(report, 'sarif'))).error, undefined)
  const [run] = (JSON.parse(writeReport(fullReport, 'sarif')) as Sarif).runs
  assert.equal(run.invocations[0].executionSuccessful, false)
  assert.equal(run.tool.driver.rules[run.results[0]?.ruleIndex ?? -1]?.id, 'acme-token')
  assert.deepEqual(
    run.results.map(({ suppressions }) => suppressions?.[0]),
    [
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      { kind: 'inSource', justification: 'dead' },
      { kind: 'external' },
    ],
  )
  assert.equal(run.results[0]?.partialFingerprints['mayflyScan/v1'], 'a'.repeat(32))
})

const text = z.string().min(1)
const tool = z.object({
  ...{ id: text, name: z.string().min(1).max(255), version: text, vendor: z.object({ name: text }) },
})
const time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/)
/**
 * What GitLab's schema of reports of secret detection asks for of what we write: all that it requires, each type, pattern, enumeration and length
 * (15.0.4; gitlabhq/gitlabhq has it at lib/gitlab/ci/parsers/security/validators/schemas). We ask for more: a file, lines.
 */
const gitlabSchema = z.object({
  version: z.string().regex(/^15\.\d+\.\d+$/),
  scan: z.object({
    ...{ analyzer: tool, scanner: tool, type: z.literal('secret_detection') },
    ...{ status: z.enum(['success', 'failure']), start_time: time, end_time: time },
    messages: z.array(z.object({ level: z.enum(['info', 'warn', 'fatal']), value: text })),
  }),
  vulnerabilities: z.array(
    z.object({
      ...{ id: text, name: text.max(255), description: z.string().max(1_048_576) },
      severity: z.enum(['Info', 'Unknown', 'Low', 'Medium', 'High', 'Critical']),
      solution: z.string().max(7_000),
      identifiers: z.array(z.object({ type: text, name: text, value: text })).min(1),
      raw_source_code_extract: z.string(),
      location: z.object({
        ...{ file: text, start_line: z.int().min(1), end_line: z.int().min(1) },
        commit: z.object({ sha: text, author: text.optional(), date: text.optional() }),
      }),
    }),
  ),
})

test('GitLab’s report has what its schema asks for, without what is accepted, each with an id of its own', () => {
  const report = gitlabSchema.parse(JSON.parse(writeReport(fullReport, 'gitlab')))
  assert.equal(report.vulnerabilities.length, 5)
  assert.equal(new Set(report.vulnerabilities.map(({ id }) => id)).size, 5)
  assert.deepEqual(
    report.vulnerabilities.map(({ severity, location }) => [severity, location.commit.sha.slice(0, 6)]),
    [
      ['Critical', '000000'],
      ['Critical', '000000'],
      ['Medium', '000000'],
      ['Critical', '000000'],
      ['Critical', 'c0ffee'],
    ],
  )
  assert.equal(report.scan.messages.length, 2)
  gitlabSchema.parse(JSON.parse(writeReport(emptyReport, 'gitlab')))
})

test('SARIF has no more results than GitHub takes, the surest that fail, and says what it is without', () => {
  const made = (count: number, more: Parameters<typeof finding>[0]) =>
    Array.from({ length: count }, (_, i) => finding({ file: `a/${i}.env`, ...more }))
  const findings = [
    ...made(12_000, { accepted: { by: 'baseline' } }),
    ...made(12_000, { confidence: 'possible' }),
    ...made(1, { confidence: 'likely', file: 'y.env' }),
    ...made(12_000, { confidence: 'certain' }),
    ...made(1, { confidence: 'known', file: 'z.env' }),
  ]
  const report = { ...emptyReport, findings }
  const [run] = (JSON.parse(writeReport(report, 'sarif')) as Sarif).runs
  const results = run?.results ?? []
  assert.equal(results.length, 25_000)
  const levels = results.map(({ level }) => level)
  assert.deepEqual(levels.slice(0, 12_002), Array(12_002).fill('error'))
  assert.match(JSON.stringify(results[0]), /z\.env/)
  assert.match(JSON.stringify(results[12_001]), /y\.env/)
  assert.equal(results.filter((one) => JSON.stringify(one).includes('suppressions')).length, 998)
  const said = leftOutOf(report, 'sarif') ?? ''
  assert.match(said, /^the SARIF is without 11002 of 36002 results/)
  assert.ok(JSON.stringify(run).includes(said))
  assert.equal(leftOutOf(report, 'json'), undefined)
  assert.equal(leftOutOf(emptyReport, 'sarif'), undefined)
})
