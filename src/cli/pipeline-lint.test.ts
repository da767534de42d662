import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { projectFolder } from '../../demo/stage.ts'
import { pipelineRules } from '../pipelines/index.ts'
import { builtInRules, fillTemplate, seededRandom } from '../scan/rules/index.ts'

const shapes = join(projectFolder, 'test/fixtures/pipelines')

function lint(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(projectFolder, 'dist/mayfly.js'),
      'pipeline',
      'lint',
      ...args,
    ],
    { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } },
  )
  return { status, stdout, stderr }
}

test('exit code 1 with an error, 0 with warnings, 2 for what is no checkout', () => {
  const aws = lint(join(shapes, 'aws-site'))
  assert.equal(aws.status, 1)
  assert.match(
    aws.stdout,
    /^\.github\/workflows\/deploy\.yml:7:26: error: AWS_ACCESS_KEY_ID .*; also at line 19 \[static-cloud-key\]$/m,
  )
  assert.match(aws.stdout, /^zizmor: not installed, so what it knows is not looked for$/m)
  assert.match(aws.stdout, /^1 pipeline file: 2 errors, 6 warnings, 2 notes$/m)
  // What to do is told once.
  assert.equal(aws.stdout.match(/fix: a connection \{ kind: aws \}/g)?.length, 1)
  const npm = lint('--no-tools', join(shapes, 'npm-monorepo'))
  assert.equal(npm.status, 0)
  assert.doesNotMatch(npm.stdout, /not installed/)
  assert.equal(lint(join(projectFolder, 'package.json')).status, 2)
})

test('one file alone is read as its CI would', () => {
  const { status, stdout } = lint(join(shapes, 'multi-cloud/.github/workflows/cloud.yaml'))
  assert.equal(status, 1)
  assert.match(stdout, /^\.github\/workflows\/cloud\.yaml:14:33: error: GCP_SA_KEY/m)
})

const schema = z.fromJSONSchema(
  JSON.parse(
    readFileSync(join(projectFolder, 'test/fixtures/sarif-2.1.0-rtm.5.json'), 'utf8'),
    (key, value: unknown) => (key === 'format' && value === 'uri-reference' ? undefined : value),
  ) as Parameters<typeof z.fromJSONSchema>[0],
  { defaultTarget: 'draft-4' },
)

test('SARIF is what its schema says, and JSON names what replaces a secret', () => {
  const log = JSON.parse(lint('--format', 'sarif', '--no-tools', join(shapes, 'aws-site')).stdout) as {
    runs: {
      results: { ruleId: string; ruleIndex: number; relatedLocations?: object[] }[]
      tool: { driver: { rules: { id: string }[] } }
    }[]
  }
  assert.deepEqual(schema.safeParse(log).error, undefined)
  const [run] = log.runs
  assert.ok((run?.results.length ?? 0) > 5)
  for (const { ruleId, ruleIndex } of run?.results ?? [])
    assert.equal(run?.tool.driver.rules[ruleIndex]?.id, ruleId)
  assert.equal(run?.results[0]?.relatedLocations?.length, 1)
  const told = JSON.parse(lint('--format', 'json', '--no-tools', join(shapes, 'aws-site')).stdout) as {
    findings: { rule: string; connection?: string }[]
  }
  assert.equal(told.findings.find(({ rule }) => rule === 'static-cloud-key')?.connection, 'aws')
})

test('a secret in a file is found, and masked', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-lint-'))
  try {
    mkdirSync(join(folder, '.github/workflows'), { recursive: true })
    const kind = builtInRules.find(({ id, check }) => id.startsWith('github') && check !== undefined)
    const token = fillTemplate(kind?.examples.positive[0] ?? '', seededRandom(7))
    writeFileSync(join(folder, '.github/workflows/a.yml'), `on: push\nenv:\n  É: "${token}"\n`)
    const { status, stdout } = lint('--no-tools', folder)
    assert.equal(status, 1)
    assert.match(
      stdout,
      /^\.github\/workflows\/a\.yml:3:\d+: error: .* stands in the file: .*\[literal-secret\]$/m,
    )
    assert.ok(!stdout.includes(token.slice(0, 24)))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('nothing that a file says reaches a terminal as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-lint-'))
  try {
    mkdirSync(join(folder, '.github/workflows'), { recursive: true })
    const hostile =
      'jobs:\n  "a\\u001b[2J\\u202e":\n    runs-on: self-hosted\n    steps: [{ uses: "o/a\\u001b[31m@v1\\nx" }]\non: pull_request\n'
    writeFileSync(join(folder, '.github/workflows/a\u001b[2J.yml'), hostile)
    const { stdout } = lint('--no-tools', folder)
    assert.match(stdout, /self-hosted-fork/)
    assert.ok(!stdout.includes('\u001b') && !stdout.includes('\u202e'))
    for (const line of stdout.trim().split('\n')) assert.match(line, /^(?:\.github|  fix|1 pipeline)/)
    const json = lint('--no-tools', '--format', 'json', folder).stdout
    assert.ok(!json.includes('\u001b') && !json.includes('\u202e'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('every rule is in the documentation', () => {
  const page = readFileSync(join(projectFolder, 'docs/pipeline-lint.md'), 'utf8')
  for (const { id } of pipelineRules) assert.ok(page.includes(`\`${id}\``), id)
})
