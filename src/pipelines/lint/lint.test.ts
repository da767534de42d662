import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CiName } from '../model.ts'
import { shapeNames, shapes } from '../read/fixtures.fixture.ts'
import { readCheckout } from '../read/read-checkout.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import type { PipelineFinding } from './finding.ts'
import { findMistakes, pipelineRules, type FindLiterals } from './lint.ts'
import { reportOf } from './report.ts'

const nowMs = Date.parse('2026-11-29T12:00:00Z')

const checkoutOf = (text: string, ci: CiName = 'github') => ({
  files: [readPipeline('a.yml', text, ci)],
  unread: [],
})

function linted(text: string, ci: CiName = 'github', others: readonly PipelineFinding[] = []) {
  const checkout = checkoutOf(text, ci)
  return reportOf(checkout, findMistakes(checkout), others, nowMs)
}

/** `LINE:COLUMN SEVERITY RULE` of the rules that begin so. */
const told = (text: string, ci: CiName, rule: string) =>
  linted(text, ci)
    .findings.filter((one) => one.rule.id.startsWith(rule))
    .map(({ line, column, severity }) => `${line}:${column} ${severity}`)

const shapeFindings = (name: string) => {
  const checkout = readCheckout(join(shapes, name))
  return reportOf(checkout, findMistakes(checkout), [], nowMs).findings.map(
    ({ file, line, rule, severity, replacement }) =>
      [
        `${file.split('/').at(-1)}:${line} ${severity} ${rule.id}`,
        ...(replacement === undefined ? [] : [replacement.id]),
      ].join(' > '),
  )
}

const expected: Readonly<Record<string, readonly string[]>> = {
  'npm-monorepo': [
    'release.yml:26 warning unpinned',
    'release.yml:29 note unpinned',
    'release.yml:40 warning unpinned',
    'release.yml:46 warning long-lived-secret > github',
    'release.yml:47 warning long-lived-secret > npm',
    'release.yml:54 warning long-lived-secret > vscode',
    'release.yml:54 warning secret-in-command',
    'release.yml:59 warning long-lived-secret > webhook',
  ],
  'multi-cloud': [
    'cloud.yaml:11 note unpinned',
    'cloud.yaml:12 warning unpinned',
    'cloud.yaml:14 error static-cloud-key > gcp',
    'cloud.yaml:15 warning unpinned',
    'cloud.yaml:20 warning unpinned',
    'cloud.yaml:22 error static-cloud-key > azure',
    'cloud.yaml:28 warning unpinned',
    'cloud.yaml:30 warning long-lived-secret > kubernetes',
    'cloud.yaml:35 warning long-lived-secret > postgres',
    'cloud.yaml:39 warning unpinned',
    'cloud.yaml:41 warning long-lived-secret > ssh',
    'cloud.yaml:42 warning unpinned',
    'cloud.yaml:46 warning long-lived-secret > ssh',
  ],
  'maven-library': [
    'maven.yml:10 note unpinned',
    'maven.yml:11 note unpinned',
    'maven.yml:18 note long-lived-secret > signing',
    'maven.yml:23 warning long-lived-secret > maven',
    'maven.yml:24 note long-lived-secret > signing',
    'maven.yml:28 warning unpinned',
    'maven.yml:30 warning long-lived-secret > rubygems',
  ],
  'azure-dotnet': [
    'azure-pipelines.yml:4 note fork-secrets',
    'azure-pipelines.yml:11 warning unpinned',
    'azure-pipelines.yml:19 warning secret-set',
    'azure-pipelines.yml:50 note unpinned',
    'azure-pipelines.yml:57 warning long-lived-secret > nuget',
    'azure-pipelines.yml:59 warning long-lived-secret > npm',
    'azure-pipelines.yml:59 warning secret-in-command',
    'azure-pipelines.yml:62 note long-lived-secret > signing',
    'azure-pipelines.yml:65 note long-lived-secret > azure',
    'azure-pipelines.yml:69 note long-lived-secret > oci',
    'steps.yml:7 note secret-in-command',
  ],
  'terraform-provider': [
    'release.yml:8 error broad-permissions',
    'release.yml:20 warning unpinned',
    'release.yml:22 warning long-lived-secret > http',
    'release.yml:23 warning long-lived-secret > github',
    'release.yml:25 note long-lived-secret > signing',
    'release.yml:30 warning unpinned',
    'release.yml:31 warning all-secrets',
    'release.yml:40 warning long-lived-secret > github',
  ],
  'bitbucket-java': [
    'bitbucket-pipelines.yml:1 note unpinned',
    'bitbucket-pipelines.yml:10 note unpinned',
    'bitbucket-pipelines.yml:17 warning self-hosted-fork',
    'bitbucket-pipelines.yml:27 note unpinned',
    'bitbucket-pipelines.yml:32 warning unpinned',
    'bitbucket-pipelines.yml:34 error static-cloud-key > aws',
    'bitbucket-pipelines.yml:35 error static-cloud-key > aws',
    'bitbucket-pipelines.yml:41 warning unpinned',
    'bitbucket-pipelines.yml:43 warning long-lived-secret > git',
    'bitbucket-pipelines.yml:43 warning secret-in-command',
    'bitbucket-pipelines.yml:67 warning unpinned',
    'bitbucket-pipelines.yml:68 note fork-secrets',
  ],
  'jenkins-service': [
    'Jenkinsfile:2 warning unpinned',
    'Jenkinsfile:2 warning unpinned',
    'Jenkinsfile:10 note unpinned',
    'Jenkinsfile:18 warning long-lived-secret > sonar',
    'Jenkinsfile:24 warning secret-in-command',
    'Jenkinsfile:41 warning long-lived-secret > kubernetes',
    'Jenkinsfile:44 warning long-lived-secret > maven',
    'Jenkinsfile:45 warning long-lived-secret > webhook',
    'Jenkinsfile:47 warning secret-in-command',
    'Jenkinsfile:48 warning secret-in-command',
    'Jenkinsfile:50 warning long-lived-secret > ssh',
    'Jenkinsfile:58 note unread',
  ],
}

for (const [name, findings] of Object.entries(expected))
  test(`what is said of ${name}`, () => assert.deepEqual(shapeFindings(name), findings))

test('every rule of ours is found in some shape, each has words, and no shape is too much for them', () => {
  const seen = new Set(shapeNames.flatMap((name) => shapeFindings(name).map((one) => one.split(' ')[2])))
  for (const { id, title, why, fix } of pipelineRules) {
    assert.ok(title.length > 0 && why.length > 0 && fix.length > 0)
    assert.ok(seen.has(id) || id === 'literal-secret', id)
  }
})

const bad: [rule: string, ci: CiName, text: string, at: string[]][] = [
  // The name of GitHub's token of a job: here somebody made it, and keeps it.
  ['long-lived-secret', 'gitlab', 'a:\n  script:\n    - gh-tool "$GITHUB_TOKEN"\n', ['3:16 warning']],
  [
    'idle',
    'github',
    'on: push\njobs:\n  a:\n    permissions: { id-token: write }\n    steps: [{ uses: some/one@v1 }, { run: make }]',
    ['4:20 note'],
  ],
  [
    'fork-secrets',
    'github',
    'on: pull_request_target\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n        with: { ref: "refs/pull/${{ github.event.number }}/merge" }',
    ['5:9 error'],
  ],
  [
    'fork-secrets',
    'github',
    'on: { issue_comment: }\njobs:\n  a:\n    steps:\n      - run: gh pr checkout 1 && make',
    ['5:9 error'],
  ],
  [
    'self-hosted',
    'bitbucket',
    'pipelines:\n  pull-requests:\n    "**":\n      - step:\n          runs-on: self.hosted\n          script: [make]',
    ['5:20 warning'],
  ],
  ['broad', 'github', 'on: push\njobs: { a: { runs-on: x, permissions: write-all } }', ['2:39 error']],
  ['broad', 'github', 'on: push\njobs:\n  a: { steps: [{ run: git push }] }', ['3:3 warning']],
  [
    'idle',
    'github',
    'on: push\njobs:\n  a:\n    permissions: { id-token: write }\n    steps: [{ run: make }]',
    ['4:20 warning'],
  ],
  [
    'all-secrets',
    'github',
    'on: push\njobs: { a: { steps: [{ env: { A: "${{ secrets[inputs.a] }}" }, run: x }] } }',
    ['2:39 error'],
  ],
  ['unpinned', 'gitlab', 'include: { remote: "https://example.com/a.yml" }', ['1:20 error']],
  ['unpinned', 'gitlab', 'include: { project: a/b, file: c.yml }', ['1:21 warning']],
  ['unpinned', 'buildkite', 'steps: [{ command: make, plugins: [docker#v1] }]', ['1:36 warning']],
  [
    'secret-in-command',
    'gitlab',
    'a: { script: ["docker login -u me -p $DOCKER_PASSWORD"] }',
    ['1:38 warning'],
  ],
  ['secret-in-command', 'gitlab', 'a: { script: ["echo $API_TOKEN"] }', ['1:21 warning']],
  [
    'secret-in-command',
    'circleci',
    'jobs:\n  a:\n    steps:\n      - run: |\n          deploy \\\n            --token "$DEPLOY_TOKEN"',
    ['6:22 warning'],
  ],
  ['fetched', 'gitlab', 'a: { secrets: { DB_PASSWORD: { vault: a/b@c } }, script: [x] }', ['1:39 note']],
  ['secret-set', 'circleci', 'workflows: { a: { jobs: [{ b: { context: [org] } }] } }', ['1:43 warning']],
]

for (const [rule, ci, text, at] of bad)
  test(`${rule} on ${ci}: ${text.slice(0, 60).replaceAll('\n', ' ')}`, () =>
    assert.deepEqual(told(text, ci, rule), at))

const good: [rule: string, ci: CiName, text: string][] = [
  ['secret-in-command', 'gitlab', 'a: { script: ["docker run -v $PWD:/a -v $KUBECONFIG:/b x"] }'],
  [
    'fork-secrets',
    'github',
    'on: pull_request_target\njobs: { a: { steps: [{ uses: actions/checkout@v4 }] } }',
  ],
  [
    'fork-secrets',
    'github',
    'on: pull_request\njobs: { a: { steps: [{ uses: actions/checkout@v4, with: { ref: "${{ github.event.pull_request.head.sha }}" } }] } }',
  ],
  ['self-hosted', 'github', 'on: push\njobs: { a: { runs-on: self-hosted } }'],
  ['broad', 'github', 'on: push\npermissions: {}\njobs: { a: { permissions: { contents: write } } }'],
  ['broad', 'github', 'on: push\njobs: { a: { permissions: { contents: read } } }'],
  [
    'idle',
    'github',
    'on: push\njobs: { a: { permissions: { id-token: write }, steps: [{ run: mayfly run -- make }] } }',
  ],
  [
    'idle',
    'github',
    'on: push\njobs: { a: { permissions: { id-token: write }, uses: o/r/.github/workflows/a.yml@v1 } }',
  ],
  [
    'unpinned',
    'github',
    'jobs: { a: { steps: [{ uses: ./local }, { uses: "a/b@0123456789012345678901234567890123456789" }], container: "a@sha256:' +
      '0'.repeat(64) +
      '" } }',
  ],
  ['unpinned', 'circleci', 'orbs: { a: b/c@1.2.3 }'],
  [
    'secret-in-command',
    'gitlab',
    'a: { script: ["echo \\"$DOCKER_PASSWORD\\" | docker login --password-stdin", "export X=$API_TOKEN", "X=$API_TOKEN make", "if [ -n \\"$API_TOKEN\\" ]; then make; fi"] }',
  ],
  [
    'long-lived',
    'github',
    'env: { A: "${{ secrets.GITHUB_TOKEN }}", B: "${{ github.token }}", C: "${{ secrets.DOCKER_USERNAME }}", D: "${{ secrets.HOST }}" }',
  ],
  [
    'long-lived',
    'gitlab',
    'variables: { API_TOKEN: none }\na: { script: ["use $API_TOKEN $CI_JOB_TOKEN $CI_REGISTRY_PASSWORD $TOKENIZER"] }',
  ],
]

for (const [rule, ci, text] of good)
  test(`${rule} has nothing to say on ${ci}: ${text.slice(0, 60).replaceAll('\n', ' ')}`, () =>
    assert.deepEqual(told(text, ci, rule), []))

test('a mistake in several places is told once, with the others', () => {
  const { findings } = linted(
    'env: { A: "${{ secrets.NPM_TOKEN }}" }\njobs: { a: { env: { B: "${{ secrets.NPM_TOKEN }}" } } }',
  )
  const [one, ...more] = findings.filter(({ rule }) => rule.id === 'long-lived-secret')
  assert.deepEqual([one?.line, one?.others, more.length], [1, [{ line: 2, column: 29 }], 0])
  assert.match(
    one?.fix ?? '',
    /connection \{ kind: npm, url: .* grant npm:publish .* Then end the old value \(npmjs\.com/,
  )
})

test('a comment with a reason and a day ignores a rule at its line', () => {
  const line = 'env: { A: "${{ secrets.NPM_TOKEN }}" }'
  const ids = (text: string) => linted(text).findings.map(({ rule }) => rule.id)
  assert.deepEqual(ids(line), ['long-lived-secret'])
  for (const text of [
    `${line} # mayfly: ignore long-lived-secret until 2027-01-31 moved next month`,
    `# mayfly: ignore long-lived-secret until 2027-01-31 moved next month\n${line}`,
  ]) {
    const { findings, ignored } = linted(text)
    assert.deepEqual(findings, [])
    assert.deepEqual(
      ignored.map(({ reason, until }) => [reason, until]),
      [['moved next month', '2027-01-31']],
    )
  }
  for (const [text, note] of [
    [`${line} # mayfly: ignore long-lived-secret`, /not in its form/],
    [`${line} # mayfly: ignore long-lived-secret until 2026-11-01 later`, /ended on 2026-11-01/],
    [`${line} # mayfly: ignore unpinned until 2027-01-31 x`, /for the rule unpinned/],
  ] as const) {
    const [finding] = linted(text).findings
    assert.match(finding?.note ?? '', note)
  }
})

test('what another tool found, too, is told once, by the higher severity', () => {
  const text = 'on: push\npermissions: {}\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n'
  const rule = { id: 'zizmor-unpinned-uses', title: 't', why: 'w', fix: 'f', severity: 'error' as const }
  const theirs: PipelineFinding = {
    ...{
      tool: 'zizmor',
      rule,
      severity: 'error',
      message: 'm',
      fix: 'f',
      file: 'a.yml',
      line: 6,
      column: 15,
    },
    ...{ endLine: 6, endColumn: 30, others: [], also: [] },
  }
  const other = { ...theirs, rule: { ...rule, id: 'zizmor-artipacked' } }
  const { findings } = linted(text, 'github', [theirs, other, { ...theirs, file: 'b.yml' }])
  assert.deepEqual(
    findings.map(({ rule: { id }, severity, also, file }) => [file, id, severity, ...also]),
    [
      ['a.yml', 'unpinned', 'error', 'zizmor-unpinned-uses'],
      ['a.yml', 'zizmor-artipacked', 'error'],
      ['b.yml', 'zizmor-unpinned-uses', 'error'],
    ],
  )
})

test('what a scanner of secrets finds in a file is among the findings', () => {
  const checkout = checkoutOf('env: { A: abcdef }')
  const scanner: FindLiterals = () => [{ span: { start: 10, end: 16 }, message: 'a token of acme' }]
  const [finding] = findMistakes(checkout, scanner)
  assert.deepEqual([finding?.rule.id, finding?.severity, finding?.column], ['literal-secret', 'error', 11])
})

test('a file that was not read is an error, and one that is not there a note', () => {
  const missed = {
    files: [readPipeline('a.yml', 'a: [', 'github')],
    unread: [
      { path: 'b.yml', why: 'it is not UTF-8', isMissing: false },
      { path: 'c.yml', why: 'it is not there', isMissing: true },
    ],
  }
  assert.deepEqual(
    reportOf(missed, findMistakes(missed), [], nowMs).findings.map(
      ({ file, severity }) => `${file} ${severity}`,
    ),
    ['a.yml error', 'b.yml error', 'c.yml note'],
  )
})

test('an image that is a key of the job’s own matrix is each of its values', () => {
  const job = (matrix: string) =>
    `on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    strategy:\n      matrix: ${matrix}\n    container: \${{ matrix.image }}\n`
  assert.deepEqual(
    told(job('{ image: ["node:20", node], include: [{ image: "ruby:latest" }] }'), 'github', 'unpinned'),
    ['6:25 note', '6:36 warning', '6:62 warning'],
  )
  assert.deepEqual(told(job('{ image: "${{ fromJSON(needs.x.outputs.y) }}" }'), 'github', 'unpinned'), [])
})
