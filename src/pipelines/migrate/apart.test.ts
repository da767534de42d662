import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPipeline } from '../read/read-pipeline.ts'
import { migrateFiles } from './migrate.ts'
import { draftPolicyText, grantText } from './policy.ts'

interface Step {
  readonly run: string
  readonly env?: Readonly<Record<string, string>>
}

/** Jobs of one step each, and what they come to. */
function move(steps: readonly Step[]) {
  const text = [
    'on: { push: { branches: [main] } }',
    'permissions: { contents: write }',
    'jobs:',
    ...steps.flatMap(({ run, env = {} }, i) => [
      `  j${i}:`,
      '    runs-on: ubuntu-24.04',
      '    steps:',
      `      - run: |`,
      ...run.split('\n').map((line) => `          ${line}`),
      '        env:',
      ...Object.entries(env).map(([name, secret]) => `          ${name}: "\${{ secrets.${secret} }}"`),
    ]),
    '',
  ].join('\n')
  const migrations = migrateFiles([readPipeline('.github/workflows/a.yml', text, 'github')], {
    server: 'https://mayfly.example.com',
    repository: { host: 'https://github.com', path: 'octo/app', defaultBranch: 'main', id: '5' },
    packages: {},
    pins: new Map(),
  })
  const roles = migrations.flatMap((one) => one.roles)
  const policy = draftPolicyText([], roles, migrations).text
  return {
    notes: migrations.flatMap((one) => one.notes),
    connections: [...policy.matchAll(/^ {2}([\w-]+): \{ kind: (.*) \}$/gm)].map(
      ([, name, rest]) => `${name}: ${rest}`,
    ),
    grants: roles.map(({ needs }) => [
      ...new Set(needs.map(grantText).filter((one) => !one.startsWith('git:read'))),
    ]),
    moved: migrations.flatMap(({ moved }) =>
      moved.map(({ reference, connection }) => `${reference.name} ${connection}`),
    ),
  }
}

const ofKind = (connections: readonly string[], kind: string) =>
  connections.filter((one) => one.includes(`: ${kind}`)).map((one) => one.split(', credential')[0])

test('two databases are two connections, each with its own credential; MySQL is none of PostgreSQL’s', () => {
  const { connections, grants, moved } = move([
    { run: 'psql -h db1.octo.example -U app -d shop -f a.sql', env: { PGPASSWORD: 'PG_PASSWORD' } },
    { run: 'psql -h db2.octo.example -U app shop -f a.sql', env: { PGPASSWORD: 'PG2_PASSWORD' } },
    { run: 'psql "postgres://app@db1.octo.example/shop" -f b.sql', env: { PGPASSWORD: 'PG_PASSWORD' } },
    { run: 'mysql -h my.octo.example -u app shop < a.sql', env: { MYSQL_PWD: 'DB_PASSWORD' } },
  ])
  assert.deepEqual(ofKind(connections, 'postgres'), [
    'database: postgres, url: "postgres://db1.octo.example:5432"',
    'database-2: postgres, url: "postgres://db2.octo.example:5432"',
  ])
  assert.deepEqual(ofKind(connections, 'mysql'), [
    'mysql-database: mysql, url: "mysql://my.octo.example:3306"',
  ])
  assert.deepEqual(grants, [
    ['postgres:write database/shop'],
    ['postgres:write database-2/shop'],
    ['postgres:write database/shop'],
    ['mysql:write mysql-database/shop'],
  ])
  assert.deepEqual(moved, [
    'PG_PASSWORD database',
    'PG2_PASSWORD database-2',
    'PG_PASSWORD database',
    'DB_PASSWORD mysql-database',
  ])
})

test('two hosts in one script are two connections', () => {
  const { grants } = move([
    {
      run: 'psql -h db1.octo.example -d a -f x.sql\npsql -h db2.octo.example -d a -f x.sql',
      env: { PGPASSWORD: 'PG_PASSWORD' },
    },
  ])
  assert.deepEqual(grants, [['postgres:write database/a', 'postgres:write database-2/a']])
})

test('where a script shows no address, its words for it tell two places apart, else the secrets that opened them', () => {
  const { connections } = move([
    { run: 'psql -h "$ONE" -d a -f x.sql', env: { PGPASSWORD: 'PG_PASSWORD' } },
    { run: 'psql -h "$OTHER" -d a -f x.sql', env: { PGPASSWORD: 'PG_PASSWORD' } },
    { run: 'redis-cli ping', env: { REDISCLI_AUTH: 'A_REDIS_PASSWORD' } },
    { run: 'redis-cli ping', env: { REDISCLI_AUTH: 'B_REDIS_PASSWORD' } },
    { run: 'redis-cli info', env: { REDISCLI_AUTH: 'A_REDIS_PASSWORD' } },
  ])
  assert.deepEqual(ofKind(connections, 'postgres'), [
    'database: postgres, url: "postgres://replace-me.invalid:5432"',
    'database-2: postgres, url: "postgres://replace-me-2.invalid:5432"',
  ])
  assert.deepEqual(ofKind(connections, 'redis'), [
    'cache: redis, url: "redis://replace-me.invalid:6379"',
    'cache-2: redis, url: "redis://replace-me-2.invalid:6379"',
  ])
})

test('two accounts of a cloud are two connections', () => {
  const { grants } = move([
    {
      run: 'aws s3 rm s3://a/f',
      env: { AWS_ACCESS_KEY_ID: 'A_AWS_ACCESS_KEY_ID', AWS_SECRET_ACCESS_KEY: 'A_AWS_SECRET_ACCESS_KEY' },
    },
    {
      run: 'aws s3 rm s3://b/f',
      env: { AWS_ACCESS_KEY_ID: 'B_AWS_ACCESS_KEY_ID', AWS_SECRET_ACCESS_KEY: 'B_AWS_SECRET_ACCESS_KEY' },
    },
  ])
  assert.deepEqual(
    grants.map((all) => all.filter((one) => one.startsWith('aws:call'))),
    [['aws:call aws/s3:DeleteObject/a/f'], ['aws:call aws-2/s3:DeleteObject/b/f']],
  )
})

test('of two secrets that become one credential a line says so', () => {
  const publish = (secret: string) => ({ run: 'npm publish', env: { NODE_AUTH_TOKEN: secret } })
  const told = (notes: readonly string[]) => notes.filter((note) => note.includes('one credential'))
  assert.deepEqual(told(move([publish('A_TOKEN'), publish('B_TOKEN')]).notes), [
    'A_TOKEN and B_TOKEN become one credential, that of npm: it must be able to do what each of them could',
  ])
  assert.deepEqual(told(move([publish('A_TOKEN'), publish('A_TOKEN')]).notes), [])
})

test('Git on another host is a connection of its own, and the own repository is not written for it', () => {
  const { grants } = move([
    {
      run: 'git push "https://bot:$GIT_TOKEN@git.other.example/a/b.git" main',
      env: { GIT_TOKEN: 'GIT_TOKEN' },
    },
  ])
  assert.deepEqual(grants, [['git:push git-git-other-example/a/b@refs/heads/main']])
})

const pushes: readonly (readonly [script: string, ref: string])[] = [
  ['git tag "deployed-$N"; git push origin "deployed-$N"', 'refs/tags/deployed-*'],
  ['git tag -a nightly -m x && git push origin nightly', 'refs/tags/nightly'],
  ['T=rel-$N\ngit tag "$T"\ngit push origin "$T"', 'refs/tags/rel-*'],
  ['git tag -d nightly; git push origin nightly', 'refs/heads/nightly'],
  ['git push origin tag nightly', 'refs/tags/nightly'],
  ['git tag rel-1 && git push --tags', 'refs/tags/rel-1'],
  ['git checkout -b 2.x\ngit push origin 2.x', 'refs/heads/2.x'],
  ['git push origin 2.x', 'refs/tags/2.x'],
]
for (const [script, ref] of pushes)
  test(`a tag is what is made by git tag: ${script}`, () => {
    const { grants } = move([{ run: script, env: { GIT_TOKEN: 'GIT_TOKEN' } }])
    assert.deepEqual(grants, [[`git:push git/octo/app@${ref}`]])
  })
