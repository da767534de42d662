import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draftPolicyText, issuerOf, readPipeline, type IssuingCi } from '../pipelines/index.ts'
import { migrateWithin } from './migrate-within.ts'
import { lintFindings } from './policy-lint.ts'

const uuid = '0184990a-477b-4fa8-9968-496074483177'

function migrate(ci: IssuingCi, files: Readonly<Record<string, string>>) {
  const id = ci === 'buildkite' ? uuid : '5'
  const repository = { host: 'https://github.com', path: 'octo-org/widgets', defaultBranch: 'main', id }
  const checkout = Object.entries(files).map(([path, text]) => readPipeline(path, text, ci))
  const { migrations, policy, findings } = migrateWithin(
    checkout,
    {
      server: 'https://mayfly.example.com',
      repository,
      packages: { npm: [{ name: 'widgets', versions: '1.*' }] },
      pins: new Map(),
    },
    checkout,
    (moved) => {
      const roles = moved.flatMap((one) => one.roles)
      if (roles.length === 0) return { policy: undefined, findings: [] }
      const drafted = draftPolicyText([issuerOf({ ci, repository, id })], roles, moved)
      return { policy: drafted, findings: lintFindings(drafted.text, 'mayfly.yaml') }
    },
  )
  assert.deepEqual(
    findings.filter(({ severity }) => severity === 'error'),
    [],
  )
  const roles = migrations.flatMap((one) => one.roles)
  return {
    policy: policy?.text ?? '',
    roles: roles.map(({ name }) => name),
    trust: Object.fromEntries(roles.map(({ name, trust }) => [name, trust])),
    kept: migrations.flatMap(({ kept }) => kept.map(({ what, instead }) => `${what}: ${instead ?? ''}`)),
    notes: migrations.flatMap(({ notes }) => notes),
  }
}

const head = (on = '{ push: { branches: [main] } }') => `on: ${on}\npermissions: { contents: read }\njobs:\n`
const publish = (name = 'publish') =>
  `  ${name}:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: npm publish\n        env: { NODE_AUTH_TOKEN: "\${{ secrets.NPM_TOKEN }}" }\n`
const deploy = `  deploy:\n    runs-on: ubuntu-24.04\n    environment: production\n    steps:\n      - run: aws s3 cp f s3://octo-bucket/f\n        env: { AWS_ACCESS_KEY_ID: "\${{ secrets.A }}", AWS_SECRET_ACCESS_KEY: "\${{ secrets.B }}" }\n`

test('a job without an environment has a role that jobs of an environment cannot assume', () => {
  const { roles, trust, kept, notes } = migrate('github', {
    '.github/workflows/a.yml': `${head()}${publish()}${deploy}`,
  })
  assert.deepEqual(roles, ['a-publish', 'a-deploy'])
  assert.deepEqual(kept, [])
  assert.deepEqual(trust['a-publish']?.any, [
    { event: 'push', ref: 'refs/heads/main', ref_protected: 'true', subject: '*:ref:refs/heads/main' },
  ])
  assert.equal(notes.filter((note) => note.includes('it has no environment')).length, 1)
})

test('a job of another file has a role for that file alone', () => {
  const { roles, trust } = migrate('github', {
    '.github/workflows/a.yml': `${head()}${deploy}`,
    '.github/workflows/b.yml': `${head('{ push: { branches: [main], tags: [v1] } }')}${publish()}`,
  })
  assert.deepEqual(roles, ['a-deploy', 'b-publish'])
  assert.equal(trust['b-publish']?.all['workflow'], 'octo-org/widgets/.github/workflows/b.yml@*')
  assert.equal(trust['a-deploy']?.all['workflow'], undefined)
})

test('where nothing tells the jobs apart, the one whose leaving mends most is left, and the rest is moved', () => {
  const tagged = head('{ push: { branches: [main], tags: [v1] } }')
  const onMain = publish('early').replace('early:\n', "early:\n    if: github.ref == 'refs/heads/main'\n")
  const other = deploy.replace('    environment: production\n', '')
  const { roles, kept } = migrate('github', {
    '.github/workflows/a.yml': `${tagged}${onMain}${other}`,
  })
  assert.deepEqual(roles, ['a-early'])
  assert.deepEqual(
    kept.map((one) => one.split(':')[0]),
    ['secrets.A', 'secrets.B'],
  )
})

test('what needs no more than it had asks for no more', () => {
  const { trust } = migrate('github', { '.github/workflows/a.yml': `${head()}${publish()}` })
  assert.deepEqual(trust['a-publish']?.any, [
    { event: 'push', ref: 'refs/heads/main', ref_protected: 'true' },
  ])
})

test('GitLab: no token says that a job has no environment', () => {
  const rules = '  rules:\n    - if: $CI_COMMIT_BRANCH == "main"\n'
  const { roles, kept } = migrate('gitlab', {
    '.gitlab-ci.yml': `publish:\n  variables: { NPM_TOKEN: $NPM_PUB }\n  script:\n    - npm publish\n${rules}deploy:\n  environment: production\n  script:\n    - aws s3 cp f s3://octo-bucket/f\n${rules}`,
  })
  assert.deepEqual(roles, ['deploy'])
  assert.deepEqual(kept, [
    'NPM_PUB: give both jobs the same environment, branches and tags, or each an environment of its own',
  ])
})

test('Buildkite: a step for branches by a pattern is left, and said although no file names its secret', () => {
  const { roles, kept } = migrate('buildkite', {
    '.buildkite/pipeline.yml': `steps:\n  - label: pub\n    branches: "main release/*"\n    command:\n      - npm publish\n  - label: dep\n    branches: main\n    command:\n      - aws s3 cp f s3://octo-bucket/f\n`,
  })
  assert.deepEqual(roles, ['dep'])
  assert.deepEqual(kept, ['pub: let it write from one protected branch or tag, by its whole name'])
})
