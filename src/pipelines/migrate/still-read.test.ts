import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CiName } from '../model.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { migrateFiles } from './migrate.ts'
import type { Project } from './model.ts'
import { readersOf } from './still-read.ts'

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://gitlab.com', path: 'octo/app', defaultBranch: 'main', id: 'ID' },
  packages: { npm: [{ name: 'pkg', versions: '1.*' }] },
  pins: new Map(),
  install: 'make mayfly',
}

/** What may still read NPM_TOKEN once its `npm publish` is moved. */
function readers(ci: CiName, ...texts: readonly (readonly [path: string, text: string])[]): string[] {
  const files = texts.map(([path, text]) => readPipeline(path, text, ci))
  const migrations = migrateFiles(files, project)
  assert.ok(
    migrations.some(({ moved }) => moved.some(({ reference }) => reference.name === 'NPM_TOKEN')),
    JSON.stringify(migrations.map(({ kept }) => kept)),
  )
  return readersOf('NPM_TOKEN', ci, files, migrations, project.install).map(({ what }) => what)
}

const ship = `ship:\n  script:\n    - npm config set //registry.npmjs.org/:_authToken "$NPM_TOKEN"\n    - npm publish\n  only: [main]\n`
const gitlab = (more: string) => readers('gitlab', ['.gitlab-ci.yml', `${ship}${more}`])

test('GitLab: jobs beside the moved one that run what may look for any variable are told', () => {
  assert.deepEqual(gitlab(''), [])
  assert.deepEqual(gitlab('other:\n  script: [git fetch, echo done]\n'), [])
  // By a .npmrc: `//registry.npmjs.org/:_authToken=${NPM_TOKEN}`.
  assert.deepEqual(gitlab('test:\n  script: [npm ci]\n'), ['job test runs npm'])
  assert.deepEqual(gitlab('test:\n  script: [echo a]\n  after_script: [./report.sh]\n'), [
    'job test runs report.sh',
  ])
  assert.deepEqual(gitlab('.t:\n  script: [make]\ntest:\n  extends: .t\n'), ['job test runs make'])
  assert.deepEqual(gitlab('test:\n  script: [printenv NPM_TOKEN]\n'), ['names it', 'job test runs printenv'])
  assert.deepEqual(gitlab("test:\n  rules: [{ if: '$NPM_TOKEN_2' }]\n  script: [echo a] # NPM_TOKEN_2\n"), [])
  assert.deepEqual(gitlab('include: [{ remote: https://ci.example.com/a.yml }]\n'), [
    'includes https://ci.example.com/a.yml',
  ])
  assert.deepEqual(gitlab('sub:\n  trigger: { include: [{ local: b.yml }] }\n'), ['job sub runs b.yml'])
  assert.deepEqual(gitlab('test:\n  services: [postgres:18]\n  script: [echo a]\n'), [
    'starts services, which are given it',
  ])
  assert.deepEqual(
    readers('gitlab', ['.gitlab-ci.yml', `include: b.yml\n${ship}`], ['b.yml', 'test:\n  script: [tox]\n']),
    ['job test runs tox'],
  )
})

test('what stays in front of the moved commands, outside of Mayfly, is told, too', () => {
  assert.deepEqual(
    readers('gitlab', [
      '.gitlab-ci.yml',
      ship.replace('  script:', '  before_script: [npm install -g npm@11]\n  script:'),
    ]),
    ['job ship runs npm'],
  )
})

test('CircleCI: steps that name no variable, commands of the file and orbs are told', () => {
  const config = (steps: string) =>
    readers('circleci', [
      '.circleci/config.yml',
      `version: 2.1
orbs: { node: circleci/node@6 }
commands: { hello: { steps: [{ run: ./hello.sh }] } }
jobs:
  ship:
    docker: [{ image: cimg/node:24.1 }]
    steps:
      - checkout
      - run: npm publish --token "$NPM_TOKEN"
${steps}workflows:
  x: { jobs: [{ ship: { filters: { branches: { only: main } } } }] }
`,
    ])
  assert.deepEqual(config(''), [])
  assert.deepEqual(config('      - run: gh release create v1\n'), ['job ship runs gh'])
  assert.deepEqual(config('      - hello\n'), ['job ship runs hello'])
  assert.deepEqual(config('      - node/install-packages\n'), ['job ship runs circleci/node'])
})

test('GitHub: only what hands on every secret may read what it does not name', () => {
  const workflow = (more: string) =>
    readers(
      'github',
      [
        '.github/workflows/a.yml',
        'on: { push: { branches: [main] } }\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm publish\n        env: { NODE_AUTH_TOKEN: "${{ secrets.NPM_TOKEN }}" }\n      - run: make\n',
      ],
      ['.github/workflows/b.yml', `on: push\njobs:\n${more}`],
    )
  assert.deepEqual(workflow('  b: { runs-on: ubuntu-latest, steps: [{ run: npm ci }] }\n'), [])
  assert.deepEqual(workflow('  b: { uses: octo/ci/.github/workflows/c.yml@v1, secrets: inherit }\n'), [
    'hands on every secret',
  ])
})
