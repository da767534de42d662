import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { test } from 'node:test'
import { findMistakes } from '../lint/lint.ts'
import type { CiName } from '../model.ts'
import { shape } from '../read/fixtures.fixture.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { applyEdits } from './edits.ts'
import { migrateFile } from './migrate.ts'
import type { Migration, Project } from './model.ts'
import { draftPolicyText, grantText, unknownEnvironment } from './policy.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: 'ID' },
  packages: {},
  pins: new Map(),
}

const paths: Partial<Record<CiName, string>> = {
  bitbucket: 'bitbucket-pipelines.yml',
  buildkite: '.buildkite/pipeline.yml',
  circleci: '.circleci/config.yml',
}

function move(ci: CiName, text: string): Migration & { readonly text: string } {
  const moved = migrateFile(readPipeline(paths[ci] ?? '', text, ci), project)
  return { ...moved, text: applyEdits(text, moved.edits) }
}

const bitbucket = (script: string, more = '') => `pipelines:
  branches:
    main:
      - step:
${more}          script:
${script}`

const buildkite = (command: string, more = '') => `steps:
  - label: Ship
${more}    command: ${command}
`

const circleci = (run: string, more = '') => `version: 2.1
jobs:
  ship:
    docker: [{ image: cimg/node:24.1 }]
${more}    steps:
      - checkout
      - run: ${run}
workflows:
  main: { jobs: [{ ship: { filters: { branches: { only: main } } } }] }
`

test('Bitbucket: a step asks for a token for Mayfly alone, and its commands stay', () => {
  const { text, roles } = move(
    'bitbucket',
    bitbucket('            - npm ci # first\n            - npm publish --token "$NPM_TOKEN"\n'),
  )
  assert.equal(
    text,
    bitbucket(
      `            - |
              mayfly run --server https://mayfly.example.com --role branches-main --script /dev/stdin -- "\${BASH:-sh}" -e <<'MAYFLY'
              export NPM_TOKEN=held-by-the-gateway
              npm ci # first
              npm publish --token "$NPM_TOKEN"
              MAYFLY
`,
      '          oidc: { audiences: ["https://mayfly.example.com"] }\n',
    ),
  )
  assert.deepEqual(roles[0]?.trust, {
    all: { issuer: 'bitbucket', repository_id: 'ID' },
    any: [{ ref: 'refs/heads/main' }],
  })
})

test('Bitbucket: a step that several pipelines run is moved once, for the branches that it names', () => {
  const { roles, edits } = migrateFile(shape('bitbucket-site'), project)
  assert.equal(edits.filter(({ text }) => text.includes('mayfly run')).length, 1)
  assert.deepEqual(roles[0]?.trust.any, [{ ref: 'refs/heads/main' }])
})

test('Buildkite: the agent is asked by Mayfly itself; secrets of a step go with their names', () => {
  const { text } = move(
    'buildkite',
    buildkite('gem push octo.gem', '    secrets: { GEM_HOST_API_KEY: rubygems }\n    branches: main\n'),
  )
  assert.equal(
    text,
    buildkite(
      '|\n      mayfly run --server https://mayfly.example.com --role ship -- gem push octo.gem',
      '    branches: main\n',
    ).replace('|\n      ', ''),
  )
})

test('CircleCI: a step that has a secret is one `mayfly run`, and `<<` is written as CircleCI wants it', () => {
  const { text, roles } = move('circleci', circleci('npm publish --token "$NPM_TOKEN"'))
  assert.equal(
    text,
    circleci(`|
          mayfly run --server https://mayfly.example.com --role ship --script /dev/stdin \\<<'MAYFLY'
          export NPM_TOKEN=held-by-the-gateway
          npm publish --token "$NPM_TOKEN"
          MAYFLY`),
  )
  assert.deepEqual(roles[0]?.trust, {
    all: { issuer: 'circleci', repository_id: 'ID', repository: 'github.com/octo/app' },
    any: [{ ref: 'refs/heads/main' }],
  })
})

test('CircleCI: what a parameter will be nobody knows', () => {
  const { roles } = migrateFile(shape('circle-site'), project)
  assert.ok(roles[0]?.needs.map(grantText).includes('aws:call aws/s3:PutObject/replace-me/*'))
})

const publish = 'npm publish --token "$NPM_TOKEN"'
const stays: readonly (readonly [string, CiName, string, RegExp])[] = [
  [
    'a pipe between commands',
    'bitbucket',
    bitbucket(`            - ${publish}\n            - pipe: a/b:1.0.0\n`),
    /other entries between/,
  ],
  [
    'another identity token',
    'bitbucket',
    bitbucket(`            - ${publish}\n`, '          oidc: true\n'),
    /another identity token/,
  ],
  [
    'an after-script',
    'bitbucket',
    bitbucket(`            - ${publish}\n          after-script: [npm logout $NPM_TOKEN]\n`),
    /after-script/,
  ],
  [
    'pull requests alone',
    'bitbucket',
    `pipelines:\n  pull-requests:\n    '**':\n      - step:\n          script:\n            - ${publish}\n`,
    /no branch or tag/,
  ],
  [
    'branches by a pattern',
    'bitbucket',
    `pipelines:\n  branches:\n    'v*':\n      - step:\n          script:\n            - ${publish}\n`,
    /no branch or tag/,
  ],
  ['a variable that the agent fills in', 'buildkite', buildkite(publish), /fills NPM_TOKEN in/],
  [
    'a container of a plugin',
    'buildkite',
    buildkite(publish.replace('$', '$$$$'), '    plugins: [{ docker#v5.9.0: { image: node } }]\n'),
    /a container of its own/,
  ],
  [
    'what a plugin is given',
    'buildkite',
    buildkite('make', '    plugins: [{ docker-login#v3.0.0: { password-env: DOCKER_LOGIN_PASSWORD } }]\n'),
    /given to a plugin/,
  ],
  [
    'the agent’s own secrets',
    'buildkite',
    buildkite('npm publish --token $$(buildkite-agent secret get npm_token)'),
    /asks the agent by itself/,
  ],
  ['Windows', 'circleci', circleci(publish, '    shell: powershell.exe\n'), /another shell/],
  [
    'a job that no workflow names',
    'circleci',
    circleci(publish).replace('{ ship:', '{ other:'),
    /no branch or tag/,
  ],
]

for (const [name, ci, text, why] of stays)
  test(`not moved, and said: ${name}`, () => {
    const moved = move(ci, text)
    assert.equal(moved.text, text)
    assert.match(moved.kept.map((one) => one.why).join('\n'), why)
  })

test('what was moved is not moved again, and lint finds nothing new in it', () => {
  for (const name of [
    'bitbucket-npm',
    'bitbucket-site',
    'buildkite-gem',
    'buildkite-site',
    'circle-python',
    'circle-site',
  ]) {
    const file = shape(name)
    const moved = migrateFile(file, project)
    assert.ok(moved.roles.length > 0, name)
    const after = readPipeline(file.path, applyEdits(file.text, moved.edits), file.ci)
    assert.deepEqual(migrateFile(after, project).edits, [], name)
    const told = (one: typeof file) =>
      findMistakes({ files: [one], unread: [] }).map(
        ({ rule, message }) => `${rule.id} ${message.replaceAll(/\d+/g, 'N')}`,
      )
    const before = told(file)
    assert.deepEqual(
      told(after).filter((one) => !before.includes(one)),
      [],
      name,
    )
  }
})

test('Bitbucket: a step with a deployment environment has a role for that alone, whose UUID is to be filled in', () => {
  const { roles, notes } = move(
    'bitbucket',
    bitbucket('            - npm publish --token "$NPM_TOKEN"\n', '          deployment: production\n'),
  )
  assert.deepEqual(roles[0]?.trust.any, [{ ref: 'refs/heads/main', environment: unknownEnvironment }])
  assert.match(notes.join(), /deployment environment production, which a token names by its UUID/)
  const { fillIn } = draftPolicyText([{ name: 'bitbucket', kind: 'bitbucket', keys: [] }], roles, [])
  assert.ok(
    fillIn.some((one) => /^roles\.\S+\.trust\.environment: the UUID/.test(one)),
    fillIn.join(),
  )
})

test('a shell that the CI chooses by what the image has is chosen so', () => {
  const chosen = (shell: string) =>
    execFileSync(shell, ['-c', 'printf %s "${BASH:-sh}"'], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    })
  assert.match(chosen('bash'), /bash$/)
  if (!/bash/.test(realpathSync('/bin/sh'))) assert.equal(chosen('/bin/sh'), 'sh')
})

test('CircleCI: a filter without slashes is a whole name, and no tag is called v*', () => {
  const { roles, kept } = move(
    'circleci',
    circleci('npm publish --token "$NPM_TOKEN"').replace(
      'branches: { only: main }',
      'tags: { only: v* }, branches: { ignore: /.*/ }',
    ),
  )
  assert.deepEqual(roles, [])
  assert.match(kept.map(({ why }) => why).join(), /no branch or tag is named/)
})
