import assert from 'node:assert/strict'
import { test } from 'node:test'
import { actionNamed, kindNamed } from '../../kinds/index.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { clouds } from './clouds.ts'
import { registries } from './registries.ts'
import { replacementOf } from './replace.ts'
import { apis, services } from './services.ts'

const table = [...registries, ...clouds, ...services, ...apis]

test('what replaces a secret is there: its kind, its credentials, its action', () => {
  for (const { replacement } of table) {
    const { connection, credentials = [], grant = '', id } = replacement
    assert.ok(connection !== undefined, id)
    for (const one of credentials) assert.ok(kindNamed(connection).credentials.includes(one), `${id}: ${one}`)
    assert.equal(actionNamed(grant.split(' ')[0] ?? '')?.kind, connection, `${id}: ${grant}`)
  }
  assert.equal(new Set(table.map(({ replacement }) => replacement.id)).size, table.length)
})

const byName = (name: string, target = 'X') => {
  const file = readPipeline('a.yml', `env: { ${target}: "\${{ secrets.${name} }}" }`, 'github')
  const [secret] = file.secrets
  return secret === undefined ? undefined : replacementOf(file, secret)?.id
}

const names: Readonly<Record<string, readonly string[]>> = {
  npm: ['NPM_TOKEN', 'NPM_AUTH_TOKEN', 'NODE_AUTH_TOKEN', 'NPMRC', 'npm_token'],
  pypi: [
    'PYPI_API_TOKEN',
    'PYPI_TOKEN',
    'TEST_PYPI_API_TOKEN',
    'TWINE_PASSWORD',
    'UV_PUBLISH_TOKEN',
    'PYPI_PASSWORD',
  ],
  cargo: ['CARGO_REGISTRY_TOKEN', 'CRATES_IO_TOKEN', 'CARGO_TOKEN'],
  rubygems: ['GEM_HOST_API_KEY', 'RUBYGEMS_API_KEY', 'RUBYGEMS_AUTH_TOKEN'],
  maven: ['SONATYPE_PASSWORD', 'OSSRH_TOKEN', 'MAVEN_CENTRAL_TOKEN', 'NEXUS_PASSWORD', 'MAVEN_PASSWORD'],
  nuget: ['NUGET_API_KEY', 'NUGET_TOKEN'],
  oci: [
    'DOCKER_PASSWORD',
    'DOCKERHUB_TOKEN',
    'DOCKER_HUB_ACCESS_TOKEN',
    'QUAY_PASSWORD',
    'REGISTRY_PASSWORD',
    'CR_PAT',
    'GHCR_TOKEN',
  ],
  aws: [
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SECRET_KEY',
    'PROD_AWS_SECRET_ACCESS_KEY',
    'AWS_ACCESS_KEY_ID_PROD',
  ],
  gcp: [
    'GOOGLE_CREDENTIALS',
    'GCP_SA_KEY',
    'GCLOUD_SERVICE_KEY',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'GKE_SA_KEY',
    'FIREBASE_SERVICE_ACCOUNT_PROD',
  ],
  azure: [
    'AZURE_CREDENTIALS',
    'AZURE_CLIENT_SECRET',
    'ARM_CLIENT_SECRET',
    'AZURE_WEBAPP_PUBLISH_PROFILE',
    'AZURE_STATIC_WEB_APPS_API_TOKEN_X',
  ],
  kubernetes: ['KUBECONFIG', 'KUBE_CONFIG', 'KUBE_CONFIG_DATA', 'PROD_KUBECONFIG', 'K8S_TOKEN'],
  ssh: ['SSH_PRIVATE_KEY', 'SSH_KEY', 'DEPLOY_KEY', 'DEPLOY_SSH_KEY', 'SERVER_SSH_KEY', 'SSH_PASSWORD'],
  postgres: ['DATABASE_URL', 'PGPASSWORD', 'POSTGRES_PASSWORD', 'DB_PASSWORD', 'PROD_DATABASE_URL'],
  mysql: ['MYSQL_PASSWORD', 'MYSQL_ROOT_PASSWORD'],
  redis: ['REDIS_URL', 'REDIS_PASSWORD'],
  github: [
    'GH_PAT',
    'GH_TOKEN',
    'BOT_GITHUB_TOKEN',
    'PERSONAL_ACCESS_TOKEN',
    'PAT',
    'GITHUB_PAT',
    'APP_PRIVATE_KEY',
  ],
  gitlab: ['GITLAB_TOKEN', 'GL_TOKEN', 'GITLAB_TOKEN_RELEASE'],
  webhook: ['SLACK_WEBHOOK_URL', 'SLACK_WEBHOOK', 'DISCORD_WEBHOOK', 'TEAMS_WEBHOOK_URL'],
  codecov: ['CODECOV_TOKEN'],
  slack: ['SLACK_BOT_TOKEN', 'SLACK_TOKEN'],
  telegram: ['TELEGRAM_TOKEN'],
  datadog: ['DD_API_KEY'],
  signing: [
    'GPG_PRIVATE_KEY',
    'COSIGN_PASSWORD',
    'MACOS_CERTIFICATE',
    'SIGNING_KEY',
    'APPLE_PASSWORD',
    'KEYSTORE_PASSWORD',
  ],
  http: ['SOME_TOKEN', 'CUSTOMER_API_KEY', 'ANYTHING'],
}

for (const [id, all] of Object.entries(names))
  test(`by their names these are replaced by ${id}`, () => {
    for (const name of all) assert.equal(byName(name), id, name)
  })

test('a user, a host, a number is configuration, and what the CI makes for a job is replaced by nothing', () => {
  for (const name of [
    'DOCKER_USERNAME',
    'SSH_HOST',
    'AWS_REGION',
    'AWS_ACCOUNT_ID',
    'SONAR_HOST_URL',
    'APP_ID',
    'GITHUB_TOKEN',
    'ACTIONS_STEP_DEBUG',
    'GITLEAKS_LICENSE',
  ])
    assert.equal(byName(name), undefined, name)
})

test('an entry of Jenkins’ credential store is known by the words of its id', () => {
  for (const [name, id] of [
    ['aws-prod', 'aws'],
    ['github-ssh', 'ssh'],
    ['dockerhub', 'oci'],
    ['nexus', 'maven'],
    ['github', 'github'],
    ['whatever', 'http'],
  ] as const) {
    const file = readPipeline(
      'Jenkinsfile',
      `node { withCredentials([string(credentialsId: '${name}', variable: 'X')]) { sh 'x' } }`,
      'jenkins',
    )
    assert.equal(file.secrets[0] === undefined ? '' : replacementOf(file, file.secrets[0])?.id, id, name)
  }
})

test('who takes it counts more than its name', () => {
  const step = (uses: string, input: string) =>
    `jobs: { a: { steps: [{ uses: "${uses}", with: { ${input}: "\${{ secrets.ANYTHING }}" } }] } }`
  for (const [uses, input, id] of [
    ['docker/login-action@v3', 'password', 'oci'],
    ['aws-actions/configure-aws-credentials@v4', 'aws-secret-access-key', 'aws'],
    ['google-github-actions/auth@v2', 'credentials_json', 'gcp'],
    ['azure/login@v2', 'creds', 'azure'],
    ['webfactory/ssh-agent@v0.9.0', 'ssh-private-key', 'ssh'],
    ['pypa/gh-action-pypi-publish@release/v1', 'password', 'pypi'],
    ['some/action@v1', 'thing', 'http'],
  ] as const) {
    const file = readPipeline('a.yml', step(uses, input), 'github')
    assert.equal(file.secrets[0] === undefined ? '' : replacementOf(file, file.secrets[0])?.id, id, uses)
  }
  assert.equal(byName('ANYTHING', 'NPM_TOKEN'), 'npm')
})
