import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { readCheckout } from '../pipelines/index.ts'
import { lintFindings } from './policy-lint.ts'
import { migratePipelines, type MigrateOptions } from './pipeline-migrate.ts'

const shapes = join(import.meta.dirname, '../../test/fixtures/pipelines')

function checkoutOf(t: TestContext, shape: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-moved-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(join(shapes, shape), folder, { recursive: true })
  mkdirSync(join(folder, '.git'), { recursive: true })
  writeFileSync(join(folder, '.git/config'), '[remote "origin"]\n\turl = git@github.com:octo-org/app.git\n')
  return folder
}

interface Told {
  readonly diff: string
  readonly policy?: string
  readonly written: string[]
  readonly missing: string[]
  readonly unread: { path: string; why: string }[]
  readonly delete: { name: string; stillAt: string[]; mayBeReadBy: string[] }[]
  readonly files: {
    kept: { what: string }[]
    unpinned: { name: string; line: number; command?: string }[]
  }[]
}

async function migrate(
  t: TestContext,
  checkout: string,
  options: Partial<MigrateOptions> = {},
  ends = 0,
): Promise<Told> {
  const said: string[] = []
  const write = t.mock.method(process.stdout, 'write', (text: string) => (said.push(text), true))
  try {
    const all: MigrateOptions = { write: false, checkout, policy: 'mayfly.yaml', json: true, ...options }
    assert.equal(await migratePipelines([], all), ends)
  } finally {
    write.mock.restore()
  }
  return JSON.parse(said.join('')) as Told
}

const known = { server: 'https://mayfly.example.com', repositoryId: '1296269', ownerId: '65781' }

const uuid = '0184990a-477b-4fa8-9968-496074483177'
/** Ids as each CI has them. */
const ids: Readonly<Record<string, Partial<MigrateOptions>>> = {
  buildkite: { repositoryId: uuid, ownerId: uuid },
  circleci: { repositoryId: uuid, issuerUrl: `https://oidc.circleci.com/org/${uuid}` },
  bitbucket: {
    repositoryId: `{${uuid}}`,
    ownerId: `{${uuid}}`,
    issuerUrl: 'https://api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc',
  },
  azure: { repositoryId: uuid, issuerUrl: `https://vstoken.dev.azure.com/${uuid}` },
  jenkins: {
    repositoryId: 'https://jenkins.example.com/job/app/',
    issuerUrl: 'https://jenkins.example.com/oidc',
  },
}

for (const shape of readdirSync(shapes))
  test(`the policy that moved pipelines need holds: ${shape}`, async (t) => {
    const checkout = checkoutOf(t, shape)
    const ci = readCheckout(checkout).files[0]?.ci ?? 'github'
    const { policy } = await migrate(t, checkout, { ...known, ...ids[ci] })
    const wrong = policy === undefined ? [] : lintFindings(policy, 'mayfly.yaml')
    assert.deepEqual(
      wrong.filter(({ severity }) => severity === 'error').map(({ message }) => message),
      [],
    )
  })

test('without --write nothing is written; what nobody said fails loudly', async (t) => {
  const checkout = checkoutOf(t, 'aws-site')
  const before = readFileSync(join(checkout, '.github/workflows/deploy.yml'), 'utf8')
  const told = await migrate(t, checkout)
  assert.deepEqual(told.written, [])
  assert.equal(told.missing.length, 2)
  assert.match(told.diff, /\+ {2}MAYFLY_SERVER: "https:\/\/mayfly\.invalid"/)
  assert.match(told.policy ?? '', /repository_id: REPOSITORY_ID/)
  assert.equal(readFileSync(join(checkout, '.github/workflows/deploy.yml'), 'utf8'), before)
  await assert.rejects(migrate(t, checkout, { write: true }), {
    code: 'bad_input',
    message: /--repository-id/,
  })
  assert.equal(existsSync(join(checkout, 'mayfly.yaml')), false)
})

test('--write writes files and policy; a policy that is there is not changed', async (t) => {
  const checkout = checkoutOf(t, 'aws-site')
  writeFileSync(join(checkout, 'mayfly.yaml'), 'roles: {}\n')
  await assert.rejects(migrate(t, checkout, { ...known, write: true }), {
    message: /mayfly\.yaml is there already/,
  })
  assert.equal(readFileSync(join(checkout, 'mayfly.yaml'), 'utf8'), 'roles: {}\n')
  const told = await migrate(t, checkout, { ...known, write: true, policy: 'moved.yaml' })
  assert.deepEqual(told.written, ['.github/workflows/deploy.yml', 'moved.yaml'])
  assert.doesNotMatch(
    readFileSync(join(checkout, '.github/workflows/deploy.yml'), 'utf8'),
    /secrets\.(?!SLACK)/,
  )
  assert.deepEqual(
    told.delete.map(({ name, stillAt }) => [name, stillAt]),
    [
      ['AWS_ACCESS_KEY_ID', []],
      ['AWS_SECRET_ACCESS_KEY', []],
      ['PG_PASSWORD', []],
    ],
  )
  // What was moved is not moved again.
  const again = await migrate(t, checkout, known)
  assert.equal(again.diff, '')
})

test('a file of no CI, and an id that is none, are refused', async (t) => {
  const checkout = checkoutOf(t, 'aws-site')
  const options: MigrateOptions = { write: false, checkout, policy: 'mayfly.yaml', json: true }
  await assert.rejects(migratePipelines(['README.md'], options), { message: /none of the pipeline files/ })
  await assert.rejects(migratePipelines([], { ...options, repositoryId: 'octo/app' }), {
    message: /--repository-id octo\/app cannot be it: the repository’s number/,
  })
})

test('pipelines of two CIs are moved one at a time; each is told what its own ids look like', async (t) => {
  const checkout = checkoutOf(t, 'aws-site')
  cpSync(join(shapes, 'gitlab-npm/.gitlab-ci.yml'), join(checkout, '.gitlab-ci.yml'))
  await assert.rejects(migrate(t, checkout, known), {
    message: /pipelines of github, gitlab: name the files/,
  })
  const options: MigrateOptions = { write: false, checkout, policy: 'mayfly.yaml', json: true, ...known }
  await assert.rejects(migratePipelines(['.gitlab-ci.yml'], { ...options, repositoryId: 'octo/app' }), {
    message: /the project’s ID, on its overview page/,
  })
})

test('GitLab’s variables are listed for deletion, and its project is pinned', async (t) => {
  const told = await migrate(t, checkoutOf(t, 'gitlab-site'), known)
  assert.deepEqual(
    told.delete.map(({ name, stillAt }) => [name, stillAt]),
    [
      ['PRODUCTION_ACCESS_KEY_ID', []],
      ['PRODUCTION_SECRET_ACCESS_KEY', []],
      ['STAGING_ACCESS_KEY_ID', []],
      ['STAGING_SECRET_ACCESS_KEY', []],
    ],
  )
  assert.match(
    told.policy ?? '',
    /gitlab: \{ kind: gitlab, url: "https:\/\/github\.com", namespace_id: "65781" \}/,
  )
  assert.match(told.policy ?? '', /repository_id: "1296269"/)
})

test('a secret that a job may read by a file of its own is not listed as one that can go', async (t) => {
  const checkout = mkdtempSync(join(tmpdir(), 'mayfly-moved-'))
  t.after(() => rmSync(checkout, { recursive: true, force: true }))
  const ship = `ship:
  script:
    - npm config set //registry.npmjs.org/:_authToken "$NPM_TOKEN"
    - npm publish
  only: [main]
`
  const told = async (more: string) => {
    writeFileSync(join(checkout, '.gitlab-ci.yml'), `${ship}${more}`)
    const { delete: all } = await migrate(t, checkout, { repository: 'https://gitlab.com/octo/app' })
    const text: string[] = []
    const write = t.mock.method(process.stdout, 'write', (line: string) => (text.push(line), true))
    await migratePipelines([], {
      write: false,
      checkout,
      policy: 'mayfly.yaml',
      json: false,
      repository: 'https://gitlab.com/octo/app',
    })
    write.mock.restore()
    return { all, text: text.join('') }
  }
  const alone = await told('')
  assert.deepEqual(
    alone.all.map(({ name, mayBeReadBy }) => [name, mayBeReadBy]),
    [['NPM_TOKEN', []]],
  )
  assert.match(alone.text, /To delete, once a run has gone through:\n {2}NPM_TOKEN: in the settings/)
  const beside = await told('test:\n  script: [npm ci]\n')
  assert.deepEqual(
    beside.all.map(({ name, mayBeReadBy }) => [name, mayBeReadBy]),
    [['NPM_TOKEN', ['.gitlab-ci.yml:6: job test runs npm']]],
  )
  assert.doesNotMatch(beside.text, /gone through:\n/)
  assert.match(
    beside.text,
    /if none of these needs it \(.*\):\n {2}NPM_TOKEN: in the settings.*\n {4}\.gitlab-ci\.yml:6: job test runs npm\n/,
  )
})

test('what is printed can be applied: ends of lines of Windows, a byte order mark, tabs, also in a name', async (t) => {
  const checkout = checkoutOf(t, 'npm-monorepo')
  const folder = join(checkout, '.github/workflows')
  const [first = ''] = readdirSync(folder)
  const text = readFileSync(join(folder, first), 'utf8')
  rmSync(join(folder, first))
  const name = 'tab\t"x".yml'
  writeFileSync(join(folder, name), `\ufeff# a\ttab\n${text}`.replaceAll('\n', '\r\n'))
  const said: string[] = []
  const write = t.mock.method(process.stdout, 'write', (part: string) => (said.push(part), true))
  await migratePipelines([], { ...known, write: false, checkout, policy: 'mayfly.yaml', json: false })
  write.mock.restore()
  const printed = said.join('')
  const [diff = ''] = /^--- [^]*?(?=^--- \/dev\/null$)/m.exec(printed) ?? []
  for (const input of [diff, (await migrate(t, checkout, known)).diff])
    execFileSync('git', ['apply', '--check', '-'], { cwd: checkout, input })
  assert.ok(diff.length > 500, printed)
})

test('what is not pinned is said with the command that tells its commit', async (t) => {
  const told = await migrate(t, checkoutOf(t, 'aws-site'), known)
  const [file] = told.files
  assert.deepEqual(
    file?.unpinned.map(({ name, line, command }) => [name, line, command]),
    [
      [
        'actions/checkout@v4',
        16,
        "git ls-remote https://github.com/actions/checkout 'refs/tags/v4' 'refs/tags/v4^{}'",
      ],
    ],
  )
  for (const githubUrl of [
    'http://github.example.com',
    'https://u:p@github.com',
    'https://github.com/x',
    'file:///',
  ])
    await assert.rejects(migrate(t, checkoutOf(t, 'aws-site'), { ...known, githubUrl }), {
      message: /--github-url/,
    })
})

test('a workflow that is not UTF-8 is said, ends with an error, and nothing is written beside it', async (t) => {
  const checkout = checkoutOf(t, 'npm-monorepo')
  const path = '.github/workflows/other.yml'
  writeFileSync(join(checkout, path), Buffer.from('on: push # caf\xe9 ${{ secrets.NPM_TOKEN }}\n', 'latin1'))
  const told = await migrate(t, checkout, known, 1)
  assert.deepEqual(told.unread, [{ path, why: 'it is not UTF-8' }])
  await assert.rejects(
    migrate(t, checkout, { ...known, write: true }, 1),
    /other\.yml is not read, since it is not UTF-8/,
  )
  assert.equal(existsSync(join(checkout, 'mayfly.yaml')), false)
})

test('a workflow that is no YAML is said, ends with an error, and nothing is written beside it', async (t) => {
  const checkout = checkoutOf(t, 'npm-monorepo')
  const path = '.github/workflows/other.yml'
  writeFileSync(join(checkout, path), 'on: push\njobs: { build: [\n')
  const told = await migrate(t, checkout, known, 1)
  assert.deepEqual(
    told.unread.map((one) => one.path),
    [path],
  )
  await assert.rejects(migrate(t, checkout, { ...known, write: true }, 1), /other\.yml is not read, since/)
  assert.equal(existsSync(join(checkout, 'mayfly.yaml')), false)
})

test('a policy in another file is to be taken over, not applied: it would end the roles of the one in force', async (t) => {
  const checkout = checkoutOf(t, 'aws-site')
  const said: string[] = []
  const write = t.mock.method(process.stdout, 'write', (text: string) => (said.push(text), true))
  const options = { ...known, write: false, checkout, json: false }
  await migratePipelines([], { ...options, policy: 'moved.yaml' })
  await migratePipelines([], { ...options, policy: 'mayfly.yaml' })
  write.mock.restore()
  const [other = '', usual = ''] = said
    .join('')
    .split(/^(?=.*as lint sees it)/m)
    .slice(1)
  assert.match(other, /take what is new in moved\.yaml over into mayfly\.yaml/)
  assert.doesNotMatch(other, /mayfly apply moved/)
  assert.match(usual, /^ {2}mayfly apply mayfly\.yaml$/m)
})
