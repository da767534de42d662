import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Text } from '../model.ts'
import { referencesOf } from './file-parts.ts'
import { shape, shapeNames, shapes, wordsAt } from './fixtures.fixture.ts'
import { readCheckout } from './read-checkout.ts'

const secretsOf = (name: string, path?: string) =>
  shape(name, path).secrets.map(({ name: secret, target, inCommand }) =>
    [secret, ...(target === undefined ? [] : [target]), ...(inCommand ? ['in command'] : [])].join(' > '),
  )

const expected: Readonly<Record<string, readonly string[]>> = {
  'npm-monorepo': [
    'BOT_GITHUB_TOKEN > GITHUB_TOKEN',
    'NPM_TOKEN > NPM_TOKEN',
    'NPM_TOKEN > NODE_AUTH_TOKEN',
    'VSCE_TOKEN > in command',
    'DISCORD_WEBHOOK > DISCORD_WEBHOOK',
  ],
  'python-library': ['PYPI_API_TOKEN > TWINE_PASSWORD', 'TEST_PYPI_API_TOKEN > password'],
  'gitlab-deploy': [
    'CI_REGISTRY_PASSWORD > in command',
    'DOCKERHUB_PASSWORD > in command',
    'SSH_PRIVATE_KEY > in command',
    'KUBECONFIG_CONTENT > in command',
    'DB_PASSWORD > in command',
    'API_TOKEN > in command',
    'NPM_PUBLISH_TOKEN > NPM_TOKEN',
  ],
  'azure-dotnet': [
    'release-secrets',
    'NuGetApiKey > NUGET_API_KEY',
    'NPM_TOKEN > in command',
    'signing.pfx',
    'octo-production > azureSubscription',
    'octo-acr > containerRegistry',
  ],
  'circle-service': [
    'DOCKERHUB_PASSWORD > password',
    'SLACK_WEBHOOK_URL > in command',
    'CODECOV_TOKEN > in command',
    'SSH key 9f:8c:e5:3f:53:40:0b:ee:c9:c3:0f:fd:0f:3c:cc:55',
    'NPM_TOKEN > in command',
    'npm-publish',
    'org-global',
    'aws',
    'AWS_SECRET_ACCESS_KEY > aws_secret_access_key',
  ],
  'bitbucket-java': [
    'AWS_ACCESS_KEY_ID > AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY > AWS_SECRET_ACCESS_KEY',
    'VALUES_ACCESS_TOKEN > in command',
    'staging',
    'production',
  ],
  'jenkins-service': [
    'sonar-token > SONAR_TOKEN',
    'prod-kubeconfig > KUBECONFIG',
    'nexus > NEXUS_PASSWORD',
    'slack-webhook > SLACK',
    'deploy-key',
    'registry-login',
  ],
  'forgejo-site': ['REGISTRY_PASSWORD > password', 'DEPLOY_KEY > in command'],
}

for (const [name, secrets] of Object.entries(expected))
  test(`the secrets of ${name}, and what takes each`, () => assert.deepEqual(secretsOf(name), secrets))

test('the secrets of a Buildkite pipeline, its agents’ variables among them', () => {
  assert.deepEqual(secretsOf('buildkite-app', '.buildkite/pipeline.yml'), [
    'sonatype-password > SONATYPE_PASSWORD',
    'DEPLOY_AWS_SECRET_ACCESS_KEY > AWS_SECRET_ACCESS_KEY',
    'DOCKER_LOGIN_PASSWORD',
    'github_token > in command',
  ])
})

test('what is read of every shape stands where it says', () => {
  for (const name of shapeNames)
    for (const file of readCheckout(join(shapes, name)).files) {
      const texts: Text[] = [
        ...referencesOf(file).map(({ text }) => text),
        ...file.environment.map(({ key }) => key),
        ...file.jobs.flatMap(({ environment, steps }) => [
          ...environment.map(({ key }) => key),
          ...steps.flatMap(({ commands, inputs }) => [
            ...commands,
            ...inputs.flatMap(({ value }) => (value === undefined ? [] : [value])),
          ]),
        ]),
      ]
      assert.ok(texts.length > 0 || file.jobs.length === 0, file.path)
      for (const { value, span } of texts) {
        const [first = ''] = value.trim().split(/[\s\\'"]/)
        assert.ok(wordsAt(file, span).includes(first.trim()), `${name} ${file.path}: ${value}`)
      }
      for (const { span, name: secret } of file.secrets)
        assert.ok(
          secret === '*' ||
            secret.startsWith('SSH key') ||
            wordsAt(file, span).includes(secret) ||
            file.ci === 'gitlab' ||
            file.ci === 'circleci',
          secret,
        )
    }
})

test('what every shape runs from elsewhere, and how firmly it is named', () => {
  const pins = (name: string) => referencesOf(shape(name)).map(({ name: one, pin }) => `${one} ${pin}`)
  assert.deepEqual(pins('gitlab-go'), [
    'Jobs/SAST.gitlab-ci.yml exact',
    '${CI_SERVER_FQDN}/components/code-intelligence/golang-code-intel version',
    'octo/infrastructure/oidc-modules floating',
    '/ci/*.yml local',
    'https://example.com/ci/lint.yml floating',
    '${GITLAB_DEPENDENCY_PROXY}golang dynamic',
  ])
  assert.deepEqual(pins('circle-service').slice(0, 5), [
    'circleci/node exact',
    'circleci/aws-ecr version',
    'circleci/slack floating',
    'cimg/node version',
    'postgres version',
  ])
  assert.deepEqual(pins('jenkins-service').slice(0, 2), ['octo-shared floating', 'octo-tools version'])
  assert.ok(pins('go-release').every((one) => one.endsWith(' digest')))
})

test('what a pipeline includes of its checkout is read with it', () => {
  const paths = (name: string) =>
    readCheckout(join(shapes, name)).files.map(({ path, role }) => `${path} ${role}`)
  assert.deepEqual(paths('azure-dotnet'), [
    'azure-pipelines.yml pipeline',
    'build/variables.yml included',
    'build/steps.yml included',
  ])
  assert.deepEqual(paths('gitlab-go'), ['.gitlab-ci.yml pipeline', 'ci/docs.yml included'])
  assert.deepEqual(paths('rust-tool'), [
    '.github/workflows/ci.yml pipeline',
    '.github/actions/rust-toolchain/action.yml action',
  ])
})

test('anchors, merges, references and extends mean what they stand for', () => {
  const bitbucket = shape('bitbucket-java')
  const values = bitbucket.jobs.find(({ id }) => id === 'branches main: Values of staging')
  assert.equal(values?.steps[0]?.commands.length, 3)
  assert.equal(values?.images[0]?.name, 'alpine/git')
  assert.equal(bitbucket.jobs[0]?.steps[0]?.commands[0]?.value.startsWith('export MAVEN_OPTS'), true)
  assert.equal(
    wordsAt(bitbucket, bitbucket.jobs[0]?.steps[0]?.commands[0]?.via ?? { start: 0, end: 0 }),
    '*install',
  )
  const gitlab = shape('gitlab-go')
  const unit = gitlab.jobs.find(({ id }) => id === 'tests:unit')
  assert.deepEqual(
    unit?.steps[0]?.commands.map(({ value }) => value.split('\n')[0]),
    ['make tools', 'if [ -d signed/ ]; then', 'make test-race'],
  )
  assert.deepEqual(
    unit?.environment.map(({ key }) => key.value),
    ['GOPATH'],
  )
  const build = shape('gitlab-deploy').jobs.find(({ id }) => id === 'build')
  assert.deepEqual(
    build?.steps.map(({ phase }) => phase),
    ['before_script', 'script'],
  )
})

test('a Jenkinsfile says which of its commands and credentials a program decides', () => {
  assert.deepEqual(
    shape('jenkins-service').problems.map(({ message }) => message),
    ['the command of sh is computed: it is not read'],
  )
  assert.deepEqual(
    shape('jenkins-scripted').problems.map(({ message }) => message),
    [
      'which credential it uses is computed: it is not read',
      'it is no declarative pipeline: only its stages, shell steps and credentials are read',
    ],
  )
})

test('permissions, identity tokens, triggers and runners', () => {
  const preview = shape('pr-preview', '.github/workflows/preview.yml')
  assert.deepEqual(
    preview.triggers.map(({ name }) => name),
    ['pull_request_target', 'issue_comment'],
  )
  assert.equal(preview.jobs[0]?.runner?.selfHosted, true)
  assert.deepEqual(shape('terraform-provider').permissions?.all, 'write')
  const docker = shape('docker-image')
  assert.deepEqual(
    docker.permissions?.scopes.map(({ name, level }) => `${name} ${level}`),
    ['contents read', 'packages write', 'id-token write'],
  )
  assert.equal(
    shape('gitlab-go').jobs.find(({ id }) => id === 'release')?.identityTokens[0]?.name,
    'GCP_ID_TOKEN',
  )
  assert.deepEqual(
    shape('gitlab-go').triggers.map(({ name }) => name),
    ['merge_request_event'],
  )
})
