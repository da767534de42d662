import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePattern } from '../../lib/index.ts'
import type { CiName } from '../model.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { migrateFile } from './migrate.ts'
import type { MovedRole, Project } from './model.ts'

/* As trust.test.ts for the other CIs: which runs a job has is said beside each text once more, as a function. */

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: 'ID' },
  packages: {},
  pins: new Map(),
}

interface Run {
  readonly event: string
  readonly branch?: string
  readonly tag?: string
  /** Of what no token says: both are tried. */
  readonly other?: boolean
}

type Runs = (run: Run) => boolean

const refs: readonly Pick<Run, 'branch' | 'tag'>[] = [
  ...['main', 'develop', 'wip/x', 'release/1'].map((branch) => ({ branch })),
  ...['v1', 'v1-rc1', 'v2', 'x', 'main'].map((tag) => ({ tag })),
]
const everyRun = ['push', 'web', 'schedule', 'trigger'].flatMap((event) =>
  refs.map((ref): Run => ({ event, ...ref })),
)

function trusts({ trust }: MovedRole, { event, branch, tag }: Run): boolean {
  const ref = tag === undefined ? `refs/heads/${branch ?? ''}` : `refs/tags/${tag}`
  const has: Readonly<Record<string, string>> = { event, ref, ref_protected: 'true' }
  return trust.any.some((one) =>
    Object.entries(one).every(([name, pattern]) => compilePattern(pattern).matches(has[name] ?? '')),
  )
}

function rolesOf(ci: CiName, path: string, text: string): readonly MovedRole[] {
  return migrateFile(readPipeline(path, text, ci), project).roles
}

/** How many runs are trusted; each of them has to be one of the job. */
function checked(roles: readonly MovedRole[], isRun: Runs, text: string): number {
  const trusted = roles.flatMap((role) => everyRun.filter((run) => trusts(role, run)))
  for (const run of trusted)
    assert.ok(
      isRun({ ...run, other: true }) || isRun({ ...run, other: false }),
      `${JSON.stringify(run)} of ${text}`,
    )
  return trusted.length
}

const isTag: Runs = ({ tag }) => tag !== undefined

const gitlab: Readonly<Record<string, Runs>> = {
  'rules: [{ if: $CI_COMMIT_TAG =~ /-rc/, when: never }, { if: $CI_COMMIT_TAG }]': ({ tag }) =>
    tag !== undefined && !tag.includes('-rc'),
  'rules: [{ if: $CI_COMMIT_BRANCH == "main", when: never }, { when: on_success }]': ({ branch }) =>
    branch !== 'main',
  'rules: [{ if: $CI_PIPELINE_SOURCE == "push", when: never }, { when: manual }]': ({ event }) =>
    event !== 'push',
  'rules: [{ if: $CI_PIPELINE_SOURCE != "push" }]': ({ event }) => event !== 'push',
  'rules: [{ if: $CI_COMMIT_BRANCH != $CI_DEFAULT_BRANCH }]': ({ branch }) => branch !== 'main',
  'rules: [{ if: $CI_COMMIT_TAG !~ /^v/ }]': ({ tag }) => tag?.startsWith('v') !== true,
  'rules: [{ if: $CI_COMMIT_TAG == null }]': ({ tag }) => tag === undefined,
  'rules: [{ if: "$CI_COMMIT_TAG || $CI_COMMIT_BRANCH == \\"develop\\"" }]': ({ tag, branch }) =>
    tag !== undefined || branch === 'develop',
  'rules: [{ if: "$ON && ($CI_COMMIT_TAG =~ /^v1/ || $CI_PIPELINE_SOURCE == \\"web\\")" }]': ({
    other,
    tag,
    event,
  }) => other === true && (tag?.startsWith('v1') === true || event === 'web'),
  'rules: [{ if: $CI_COMMIT_REF_NAME == "main" }]': ({ branch, tag }) => (branch ?? tag) === 'main',
  'rules: [{ changes: [x], when: never }, { if: $CI_COMMIT_TAG =~ /^v/ }]': ({ tag, other }) =>
    tag?.startsWith('v') === true && other === true,
  'rules: [{ if: "$CI_COMMIT_TAG =~ /^v(1|2)$/", when: never }, { if: $CI_COMMIT_TAG }]': ({ tag }) =>
    tag !== undefined && !/^v(1|2)$/.test(tag),
  'rules: [{ if: $GITLAB_USER_LOGIN == "octocat" }]': ({ other }) => other === true,
  'only: [main]': ({ branch, tag }) => (branch ?? tag) === 'main',
  'only: [tags]\n  except: [/-rc/]': ({ tag }) => tag !== undefined && !tag.includes('-rc'),
  'except: [main]': ({ branch, tag }) => (branch ?? tag) !== 'main',
  'except: [pushes]': ({ event }) => event !== 'push',
  'only: { refs: [tags], variables: [$CI_COMMIT_TAG =~ /^v2/] }': ({ tag }) => tag?.startsWith('v2') === true,
  'except: { variables: [$CI_COMMIT_BRANCH == "main"] }': ({ branch }) => branch !== 'main',
  'only: [schedules, web]': ({ event }) => event === 'schedule' || event === 'web',
}

const pipelines: Readonly<Record<string, Runs>> = {
  '': () => true,
  'workflow: { rules: [{ if: $CI_COMMIT_TAG }] }\n': isTag,
  'workflow: { rules: [{ if: $CI_PIPELINE_SOURCE == "schedule", when: never }, { when: always }] }\n': ({
    event,
  }) => event !== 'schedule',
}

test('GitLab: no role trusts a run by which its job does not run', () => {
  let trusted = 0
  for (const [above, isPipeline] of Object.entries(pipelines))
    for (const [rules, isRun] of Object.entries(gitlab))
      for (const script of [
        'npm publish --token $NPM_TOKEN',
        'git ls-remote https://x:$GITLAB_READ_TOKEN@gitlab.com/a/b',
      ]) {
        const text = `${above}ship:\n  script: [${JSON.stringify(script)}]\n  ${rules}\n`
        trusted += checked(
          rolesOf('gitlab', '.gitlab-ci.yml', text),
          (run) => isPipeline(run) && isRun(run),
          text,
        )
      }
  assert.ok(trusted > 60, String(trusted))
})

const buildkite: Readonly<Record<string, Runs>> = {
  'branches: "main develop"': ({ branch, tag }) => ['main', 'develop'].includes(branch ?? tag ?? ''),
  'branches: "!main"': ({ branch, tag }) => (branch ?? tag) !== 'main',
  'branches: "release/* !wip/*"': ({ branch, tag }) => (branch ?? tag)?.startsWith('release/') === true,
  'if: build.branch != "main"': ({ branch }) => branch !== 'main',
  'if: build.branch == "main" || build.tag != null': ({ branch, tag }) =>
    branch === 'main' || tag !== undefined,
  'if: build.branch == "main" && build.source == "ui"': ({ branch, event }) =>
    branch === 'main' && event === 'web',
  'if: build.tag =~ /^v/': ({ tag }) => tag?.startsWith('v') === true,
  'if: build.tag =~ /^v[0-9]+$/': ({ tag }) => /^v[0-9]+$/.test(tag ?? ''),
  'if: build.tag != null && build.tag !~ /-rc/': ({ tag }) => tag !== undefined && !tag.includes('-rc'),
  'if: build.branch =~ /^(a|main)$/': ({ branch }) => branch === 'main',
  'if: "!(build.branch == \\"main\\")"': ({ branch }) => branch !== 'main',
  'if: build.pull_request.id == null': ({ other }) => other === true,
  'if: build.tag == null && build.branch == "develop"': ({ tag, branch }) =>
    tag === undefined && branch === 'develop',
}

test('Buildkite: no role trusts a build for which its step does not run', () => {
  let trusted = 0
  for (const [said, isRun] of Object.entries(buildkite)) {
    const text = `steps:\n  - label: Ship\n    command: npm publish --token $$NPM_TOKEN\n    ${said}\n`
    trusted += checked(rolesOf('buildkite', '.buildkite/pipeline.yml', text), isRun, text)
  }
  assert.ok(trusted > 30, String(trusted))
})

const circleci: Readonly<Record<string, Runs>> = {
  '{ branches: { only: main } }': ({ branch }) => branch === 'main',
  '{ branches: { only: [main, /release.*/] } }': ({ branch }) =>
    branch === 'main' || branch?.startsWith('release') === true,
  '{ branches: { ignore: main } }': ({ branch }) => branch !== undefined && branch !== 'main',
  '{ branches: { ignore: /m.*/ } }': ({ branch }) => branch !== undefined && !branch.startsWith('m'),
  '{ branches: { ignore: [/(x|main)/] } }': ({ branch }) => branch !== undefined && branch !== 'main',
  '{ branches: { ignore: /.*/ }, tags: { only: /^v1.*/ } }': ({ tag }) => tag?.startsWith('v1') === true,
  '{ branches: { ignore: /.*/ }, tags: { only: /v[0-9]+/ } }': ({ tag }) => /^v[0-9]+$/.test(tag ?? ''),
  '{ tags: { only: v1 } }': ({ branch, tag }) => branch !== undefined || tag === 'v1',
  '{ branches: { only: wip/x } }': ({ branch }) => branch === 'wip/x',
  'pipeline.git.tag starts-with "v"': ({ tag }) => tag?.startsWith('v') === true,
}
const workflows: Readonly<Record<string, Runs>> = {
  '': () => true,
  'when: { equal: [ develop, << pipeline.git.branch >> ] }, ': ({ branch }) => branch === 'develop',
  'triggers: [{ schedule: { cron: "1 1 * * *", filters: { branches: { only: develop } } } }], ': ({
    branch,
  }) => branch === 'develop',
}

test('CircleCI: no role trusts a ref for which no workflow runs its job', () => {
  let trusted = 0
  for (const [above, isStarted] of Object.entries(workflows))
    for (const [filters, isRun] of Object.entries(circleci)) {
      const text = `version: 2.1
jobs:
  ship:
    docker: [{ image: cimg/node:24.1 }]
    steps:
      - run: npm publish --token "$NPM_TOKEN"
workflows:
  main: { ${above}jobs: [{ ship: { filters: ${filters} } }] }
`
      trusted += checked(
        rolesOf('circleci', '.circleci/config.yml', text),
        (run) => isStarted(run) && isRun(run),
        text,
      )
    }
  assert.ok(trusted > 20, String(trusted))
})

test('Bitbucket: `default` is not for the branch that has a pipeline of its own', () => {
  const publish = 'npm publish --token $NPM_TOKEN'
  for (const [branches, isTrusted] of [
    ['', true],
    ['  branches: { develop: [{ step: { script: [ls] } }] }\n', true],
    ['  branches: { main: [{ step: { script: [ls] } }] }\n', false],
    ['  branches: { "{main,x}": [{ step: { script: [ls] } }] }\n', false],
  ] as const) {
    const text = `pipelines:\n${branches}  default:\n    - step:\n        name: Ship\n        script:\n          - ${publish}\n`
    const roles = rolesOf('bitbucket', 'bitbucket-pipelines.yml', text)
    assert.equal(roles.length > 0, isTrusted, text)
  }
})

test('steps that are called alike have roles of their own, each for its own branch', () => {
  const step = (branch: string, command: string) =>
    `    ${branch}:\n      - step:\n          name: Deploy\n          script:\n            - ${command}\n`
  const text = `pipelines:\n  branches:\n${step('main', 'npm publish --token $NPM_TOKEN')}${step('develop', 'twine upload -p $PYPI_TOKEN dist/*')}`
  const roles = rolesOf('bitbucket', 'bitbucket-pipelines.yml', text)
  assert.deepEqual(
    roles.map(({ name, trust }) => [name, trust.any]),
    [
      ['deploy', [{ ref: 'refs/heads/main' }]],
      ['deploy-2', [{ ref: 'refs/heads/develop' }]],
    ],
  )
})

test('Buildkite: the condition of a group is that of its steps, too', () => {
  const text =
    'steps:\n  - group: all\n    if: build.branch == "develop"\n    steps:\n      - label: Ship\n        command: npm publish --token $$NPM_TOKEN\n'
  const [role] = rolesOf('buildkite', '.buildkite/pipeline.yml', text)
  assert.deepEqual(role?.trust.any, [{ ref: 'refs/heads/develop' }])
})

test('GitLab: `only` of a job and of what it extends, which become one, are not taken for the job’s alone', () => {
  const text = (own: string) =>
    `.a: { only: { variables: [$CI_COMMIT_BRANCH == "develop"] } }\nship:\n  extends: .a\n  script: [npm publish --token $NPM_TOKEN]\n${own}`
  assert.deepEqual(rolesOf('gitlab', '.gitlab-ci.yml', text('  only: { refs: [branches] }\n')), [])
  const [role] = rolesOf('gitlab', '.gitlab-ci.yml', text(''))
  assert.ok(role === undefined || !trusts(role, { event: 'push', branch: 'main' }))
})
