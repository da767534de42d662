import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { initPolicy, type InitOptions } from './init.ts'
import { lintFindings } from './policy-lint.ts'

const remote = '[remote "origin"]\n\turl = git@github.com:octo-org/app.git\n'
const workflow = 'on: push\njobs: { a: { runs-on: ubuntu-24.04, steps: [{ run: npm ci }] } }\n'

function checkout(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-init-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries({ '.git/config': remote, ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

const yes: InitOptions = { output: 'mayfly.yaml', learn: '7d', yes: true, json: true }

interface Told {
  readonly policy: string
  readonly uses: { what: string }[]
  readonly fill_in: string[]
}

async function init(t: TestContext, folder: string, options: Partial<InitOptions>): Promise<Told> {
  const said: string[] = []
  const write = t.mock.method(process.stdout, 'write', (text: string) => (said.push(text), true))
  try {
    assert.equal(await initPolicy(folder, { ...yes, ...options }), 0)
  } finally {
    write.mock.restore()
  }
  return JSON.parse(said.join('')) as Told
}

const errors = (text: string) =>
  lintFindings(text, 'mayfly.yaml').filter(({ severity }) => severity === 'error')

test('what the files show is in the policy, and the policy holds', async (t) => {
  const folder = checkout(t, {
    '.github/workflows/ci.yml': workflow,
    '.git/refs/remotes/origin/HEAD': 'ref: refs/remotes/origin/trunk\n',
    'package.json': '{ "name": "@octo/app", "version": "3.1.0" }',
    '.npmrc': 'registry=https://npm.example.com/\n',
    'pyproject.toml': '[project]\nname = "Octo_Tools"\nversion = "1.2.0"\n',
    'Cargo.toml': '[package]\nname = "octo"\nversion = "0.3.0"\n',
    'go.mod': 'module example.com/octo\n',
    Dockerfile: 'FROM node:24 AS build\nFROM build AS test\nFROM ghcr.io/octo-org/base:1\nFROM scratch\n',
    'terraform/main.tf': 'provider "aws" {}\nprovider "google" {}\nprovider "azurerm" {}\n',
    'compose.yaml': 'services: { db: { image: "postgres:17" }, cache: { image: redis } }\n',
    'db/knexfile.js': 'module.exports = { client: "mysql2" }\n',
  })
  const { policy } = await init(t, folder, { repositoryId: '1296269', ownerId: '65781' })
  assert.deepEqual(
    errors(policy).map(({ message }) => message),
    [],
  )
  assert.equal(readFileSync(join(folder, 'mayfly.yaml'), 'utf8'), policy)
  for (const part of [
    'github: { kind: github-actions, owner_id: "65781" }',
    'npm: { kind: npm, url: "https://npm.example.com"',
    '"npm:publish npm/@octo/app"',
    '"pypi:publish pypi-upload/octo-tools@1.*"',
    '"cargo:publish crates/octo@0.*"',
    '"go:download go"',
    '"oci:pull hub/library/node"',
    '"oci:pull ghcr/octo-org/base"',
    'kind: aws',
    'kind: gcp',
    'kind: azure',
    'kind: postgres',
    'kind: mysql',
    'kind: redis',
    'ref: refs/heads/trunk',
    'mode: shadow',
  ])
    assert.ok(policy.includes(part), `${part}\n${policy}`)
  assert.doesNotMatch(policy, /scratch|hub\/library\/build/)
})

const cis: readonly (readonly [string, string, Partial<InitOptions>])[] = [
  [
    '.gitlab-ci.yml',
    'a: { script: [npm ci] }\n',
    { repositoryId: '72', repository: 'https://gitlab.example.com/octo/app' },
  ],
  [
    '.buildkite/pipeline.yml',
    'steps: [{ command: npm ci }]\n',
    { repositoryId: '0184990a-477b-4fa8-9968-496074483177' },
  ],
  [
    '.circleci/config.yml',
    'version: 2.1\n',
    {
      repositoryId: '0184990a-477b-4fa8-9968-496074483177',
      issuerUrl: 'https://oidc.circleci.com/org/0184990a-477b-4fa8-9968-496074483170',
    },
  ],
  [
    'bitbucket-pipelines.yml',
    'pipelines: {}\n',
    {
      repositoryId: '{0184990a-477b-4fa8-9968-496074483177}',
      issuerUrl: 'https://api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc',
    },
  ],
  [
    'azure-pipelines.yml',
    'steps: []\n',
    {
      repositoryId: '0184990a-477b-4fa8-9968-496074483177',
      issuerUrl: 'https://vstoken.dev.azure.com/0184990a-477b-4fa8-9968-496074483170',
    },
  ],
  [
    'Jenkinsfile',
    'pipeline { }\n',
    { repositoryId: 'https://jenkins.example.com/job/app/', issuerUrl: 'https://jenkins.example.com/oidc' },
  ],
]

for (const [file, text, options] of cis)
  test(`a first policy holds for the CI of ${file}`, async (t) => {
    const folder = checkout(t, { [file]: text, 'package.json': '{ "name": "app", "version": "1.0.0" }' })
    const { policy } = await init(t, folder, options)
    assert.deepEqual(
      errors(policy).map(({ message }) => message),
      [],
    )
    // Builds of a fork have the id of the project.
    assert.equal(
      policy.includes('repository: github.com/octo-org/app') ||
        policy.includes('repository: "github.com/octo-org/app"'),
      file.startsWith('.circleci'),
      policy,
    )
  })

test('what the files do not show has to be said, and nothing is written before', async (t) => {
  const folder = checkout(t, { '.github/workflows/ci.yml': workflow })
  await assert.rejects(initPolicy(folder, yes), {
    code: 'bad_input',
    message: /say --repository-id: .*gh api repos\/octo-org\/app --jq \.id/,
  })
  await assert.rejects(initPolicy(folder, { ...yes, repositoryId: 'app' }), {
    message: /--repository-id app cannot be it/,
  })
  await assert.rejects(initPolicy(folder, { ...yes, repositoryId: '1', learn: '90d' }), {
    message: /at most 14d/,
  })
  const two = checkout(t, { '.github/workflows/ci.yml': workflow, Jenkinsfile: 'pipeline { }' })
  await assert.rejects(initPolicy(two, yes), { message: /say --ci: which CI: github, jenkins/ })
  const none = checkout(t, { '.github/workflows/ci.yml': workflow, '.git/config': '' })
  await assert.rejects(initPolicy(none, { ...yes, repositoryId: '1' }), { message: /say --repository:/ })
  assert.equal(existsSync(join(folder, 'mayfly.yaml')), false)
})

test('a policy that is there stays, be it a link that leads nowhere', async (t) => {
  const folder = checkout(t, { '.github/workflows/ci.yml': workflow, 'mayfly.yaml': 'mine' })
  await assert.rejects(initPolicy(folder, { ...yes, repositoryId: '1' }), {
    message: /is there already, and is not changed/,
  })
  assert.equal(readFileSync(join(folder, 'mayfly.yaml'), 'utf8'), 'mine')
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'link.yaml'))
  await assert.rejects(initPolicy(folder, { ...yes, repositoryId: '1', output: 'link.yaml' }), {
    message: /is there already/,
  })
  assert.equal(existsSync(join(folder, 'elsewhere')), false)
})

test('a hostile checkout: links out of it, pipes, huge files and names that a terminal would obey', async (t) => {
  const folder = checkout(t, {
    '.github/workflows/ci.yml': workflow,
    'package.json': `{ "name": "\u001b]0;pwned\u0007", "version": "1.0.0" }`,
    '.git/config':
      '[remote "origin"]\n\turl = https://user:hunter2@github.com/octo-org/app.git\n[core]\n\tfsmonitor = touch /tmp/pwned\n',
    'setup.py': 'open("/tmp/pwned", "w")\n',
  })
  execFileSync('mkfifo', [join(folder, 'pyproject.toml')])
  symlinkSync('/etc/passwd', join(folder, 'Cargo.toml'))
  symlinkSync('/dev/zero', join(folder, 'pom.xml'))
  writeFileSync(join(folder, 'Dockerfile'), '')
  truncateSync(join(folder, 'Dockerfile'), 3_000_000_000)
  const { policy } = await init(t, folder, { repositoryId: '1' })
  assert.doesNotMatch(policy, /hunter2|pwned|root:/)
  assert.deepEqual(errors(policy), [])
  assert.equal(existsSync('/tmp/pwned'), false)
})
