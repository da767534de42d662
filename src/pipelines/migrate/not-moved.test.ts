import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CiName } from '../model.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { applyEdits } from './edits.ts'
import { migrateFile } from './migrate.ts'
import type { Migration, Project } from './model.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: 'ID' },
  packages: { npm: [{ name: 'pkg', versions: '1.*' }] },
  pins: new Map(),
}

const paths: Partial<Record<CiName, string>> = {
  gitlab: '.gitlab-ci.yml',
  bitbucket: 'bitbucket-pipelines.yml',
  buildkite: '.buildkite/pipeline.yml',
  circleci: '.circleci/config.yml',
}

function move(ci: CiName, text: string): Migration & { readonly text: string } {
  const moved = migrateFile(readPipeline(paths[ci] ?? '', text, ci), project)
  return { ...moved, text: applyEdits(text, moved.edits) }
}

const login = `npm config set //registry.npmjs.org/:_authToken "$NPM_TOKEN"`
const upload = `    - ${login}\n    - npm publish\n`
const gitlab = (more: string, script = upload, only = '  only: [main]\n') =>
  `publish:\n${more}  script:\n${script}${only}`
const given = '  variables:\n    NPM_TOKEN: $NPM_PUBLISH_TOKEN\n    A: b\n'
const circleci = (run: string, more = '', version = '2.1') => `version: ${version}
jobs:
  a:
    docker: [{ image: cimg/node:24.1 }]
${more}    steps:
      - run:
${run}workflows:
  x: { jobs: [{ a: { filters: { branches: { only: main } } } }] }
`
const command = (more = '') =>
  `          command: |\n            ${login}\n            npm publish\n${more === '' ? '' : `            ${more}\n`}`

const stays: readonly (readonly [string, CiName, string, RegExp])[] = [
  [
    'a variable that a job which extends it has from it',
    'gitlab',
    `${gitlab(given, '    - npm publish\n')}other:\n  extends: publish\n  script: [./own-tool.sh]\n`,
    /those of other, too/,
  ],
  [
    'variables that an anchor shares',
    'gitlab',
    `${gitlab(given.replace(':', ': &vars'))}other:\n  variables: *vars\n  script: [./x.sh]\n`,
    /those of other, too/,
  ],
  [
    'variables that come by an alias',
    'gitlab',
    `.vars: &vars\n  NPM_TOKEN: $NPM_PUBLISH_TOKEN\n${gitlab('  variables: *vars\n')}`,
    /a template, an anchor/,
  ],
  [
    'a variable that after_script reads',
    'gitlab',
    gitlab(
      given,
      '    - npm publish\n',
      '  after_script: [\'curl -H "Authorization: Bearer $NPM_TOKEN" https://registry.npmjs.org/-/whoami\']\n',
    ),
    /NPM_TOKEN is used outside of its commands/,
  ],
  [
    'commands before it that a job which extends it has in place of its own',
    'gitlab',
    `.deploy:\n  script: [npm publish]\ndeploy:\n  extends: .deploy\n  before_script:\n    - ./bump.sh\n    - ${login}\n  only: [main]\n`,
    /another job’s that extends it/,
  ],
  [
    'a secret within a variable of the whole file',
    'gitlab',
    `variables:\n  REMOTE: https://bot:$DEPLOY_TOKEN@gitlab.com/a/b.git\n${gitlab('', `    - git push $REMOTE HEAD:refs/heads/main\n${upload}`)}`,
    /its variable REMOTE has a secret/,
  ],
  [
    'envsubst of all',
    'gitlab',
    gitlab('', `    - envsubst < a.tpl > a.json\n${upload}`),
    /envsubst reads any/,
  ],
  [
    'only: variables that ask for the secret',
    'gitlab',
    gitlab('', upload, '  only: { refs: [main], variables: [$NPM_TOKEN] }\n'),
    /a rule asks whether NPM_TOKEN/,
  ],
  [
    'another job’s rule that asks for the secret',
    'gitlab',
    `${gitlab('')}announce:\n  script: [echo hi]\n  rules: [{ if: $NPM_TOKEN }]\n`,
    /a rule asks whether NPM_TOKEN/,
  ],
  [
    'a step that others merge',
    'buildkite',
    'steps:\n  - &publish\n    label: a\n    command: npm publish\n    secrets: { NPM_TOKEN: npm_token }\n    branches: main\n  - <<: *publish\n    label: b\n    branches: "release/*"\n',
    /an anchor brings its commands, or shares them/,
  ],
  [
    'an environment that others have',
    'buildkite',
    'steps:\n  - label: a\n    command: npm publish\n    env: &common\n      NPM_TOKEN: $$PUB_TOKEN\n      A: b\n    branches: main\n  - label: b\n    command: ./x.sh\n    env: *common\n',
    /an anchor gives its variables to others/,
  ],
  [
    'a variable that a plugin reads by its name',
    'buildkite',
    'steps:\n  - label: publish\n    command: npm publish\n    secrets: { NPM_TOKEN: npm_token }\n    plugins: [{ acme/notify#v1.0.0: { token-name: NPM_TOKEN } }]\n    branches: main\n',
    /NPM_TOKEN is used outside of its commands/,
  ],
  [
    'what the agent does for a script',
    'buildkite',
    'steps:\n  - label: a\n    commands:\n      - npm publish x.tgz\n      - buildkite-agent meta-data set done 1\n    secrets: { NPM_TOKEN: npm_token }\n    branches: main\n',
    /asks the agent by itself/,
  ],
  [
    'a step that others have by an alias',
    'circleci',
    circleci(command())
      .replace('run:', 'run: &pub')
      .replace(
        'workflows:',
        '  b:\n    docker: [{ image: cimg/node:24.1 }]\n    steps: [{ run: *pub }]\nworkflows:',
      ),
    /an anchor brings it, or shares it/,
  ],
  [
    'an executor on another system',
    'circleci',
    `${circleci(command(), '    executor: apple\n')}executors:\n  apple: { macos: { xcode: 15.0.0 } }\n`,
    /on another system than Linux/,
  ],
  [
    'a shell of an executor',
    'circleci',
    `${circleci(command(), '    executor: { name: other }\n')}executors:\n  other: { machine: true, shell: /bin/zsh }\n`,
    /another shell than bash/,
  ],
  [
    'another folder',
    'circleci',
    circleci(`          working_directory: packages/a\n${command()}`),
    /a working directory of its own/,
  ],
  [
    'what goes to the steps behind it',
    'circleci',
    circleci(command('echo "export DONE=1" >> $BASH_ENV')),
    /BASH_ENV is for the job/,
  ],
  [
    'the end of the job',
    'circleci',
    circleci(command('circleci-agent step halt')),
    /circleci-agent step is for the job/,
  ],
  [
    'a step whose script others merge',
    'bitbucket',
    `pipelines:\n  branches:\n    main:\n      - step: &pub\n          name: pub\n          script:\n            - ${login}\n            - npm publish\n  tags:\n    'v*':\n      - step:\n          <<: *pub\n          name: tag\n`,
    /an anchor brings its commands, or shares them/,
  ],
  [
    'a step that tags run, too',
    'bitbucket',
    `definitions:\n  steps:\n    - step: &pub\n        name: pub\n        script:\n          - ${login}\n          - npm publish\npipelines:\n  branches:\n    main:\n      - step: *pub\n  tags:\n    'v*':\n      - step: *pub\n`,
    /tags v\* runs it by the same anchor/,
  ],
]

for (const [name, ci, text, why] of stays)
  test(`not moved, and said: ${name}`, () => {
    const moved = move(ci, text)
    assert.match(moved.kept.map((one) => one.why).join('\n'), why)
    assert.equal(moved.text, text)
    assert.deepEqual(moved.moved, [])
  })

test('the job’s own token that goes into a file is no secret of a registry’s', () => {
  const token = `    - echo "//\${CI_SERVER_HOST}/api/v4/packages/npm/:_authToken=\${CI_JOB_TOKEN}" >> .npmrc\n`
  const text = gitlab('', `${token}    - npm publish\n`)
  assert.equal(move('gitlab', text).text, text)
})

test('what installs a tool and reads a secret goes to Mayfly with the script', () => {
  const { text } = move(
    'gitlab',
    gitlab(
      '  before_script:\n    - echo "//registry.npmjs.org/:_authToken=$NPM_TOKEN" > ~/.npmrc && npm install -g @acme/release\n',
      '    - npm publish\n',
    ),
  )
  assert.doesNotMatch(text.split('mayfly run')[0] ?? '', /_authToken/)
})

test('what runs before a job, and hid what others have, leaves nothing in its place', () => {
  const { text } = move(
    'gitlab',
    `default:\n  before_script: [./other.sh]\n${gitlab(`  before_script:\n    - cd packages\n`)}`,
  )
  assert.match(text, /^ {2}before_script: \[\]$/m)
})

test('variables are handed on: with a default, of a rule, of a matrix', () => {
  const { text } = move(
    'gitlab',
    gitlab(
      '  parallel: { matrix: [{ CHANNEL: [a, b] }] }\n',
      `    - DIST_TAG=\${DIST_TAG:-latest}\n${upload}    - OWN="$(date "+%s" | tr -d '$')"; echo $OWN\n`,
      '  rules:\n    - if: $CI_COMMIT_TAG =~ /^beta/\n      variables: { NPM_CONFIG_TAG: beta }\n    - if: $CI_COMMIT_TAG =~ /^v/\n',
    ),
  )
  const names = new Set([...text.matchAll(/ -e (\w+)/g)].map(([, name]) => name))
  assert.deepEqual(names, new Set(['CHANNEL', 'DIST_TAG', 'NPM_CONFIG_TAG']))
})

test('in the place of a secret a role is for protected refs alone, although it only reads', () => {
  const { roles } = move(
    'gitlab',
    `fetch:\n  script:\n    - ${login}\n    - npm ci\n  rules:\n    - if: $CI_COMMIT_BRANCH\n    - if: $CI_PIPELINE_SOURCE == "merge_request_event"\n`,
  )
  assert.deepEqual(
    roles.map(({ trust }) => trust.any),
    [[{ event: 'push', ref: 'refs/heads/main', ref_protected: 'true' }]],
  )
})

test('a port that a variable has is no part of an address', () => {
  const { roles } = move('gitlab', gitlab('', `    - psql -h db.example.com -p $DB_PORT -f x.sql\n${upload}`))
  assert.equal(
    roles[0]?.needs.find(({ url }) => url?.startsWith('postgres'))?.url,
    'postgres://db.example.com:5432',
  )
})

test('CircleCI has `<<` written as it is before version 2.1', () => {
  assert.match(move('circleci', circleci(command(), '', '2')).text, /\/dev\/stdin <<'MAYFLY'/)
  assert.match(move('circleci', circleci(command())).text, /\/dev\/stdin \\<<'MAYFLY'/)
})

test('of a job that has services, what a step needs to reach one is said', () => {
  const told = ({ notes }: Migration) => notes.filter((note) => note.includes('--service PORT'))
  const database = circleci(command()).replace('24.1 }]', '24.1 }, { image: postgres:16 }]')
  assert.deepEqual(told(move('gitlab', gitlab(''))), [])
  assert.equal(told(move('gitlab', gitlab('  services: [postgres:16]\n'))).length, 1)
  assert.deepEqual(told(move('circleci', circleci(command()))), [])
  assert.equal(told(move('circleci', database)).length, 1)
  const step = (more: string) =>
    `pipelines:\n  branches:\n    main:\n      - step:\n${more}          script:\n            - ${login}\n            - npm publish\n`
  assert.deepEqual(told(move('bitbucket', step('          services: [docker]\n'))), [])
  assert.equal(told(move('bitbucket', step('          services: [postgres]\n'))).length, 1)
})
