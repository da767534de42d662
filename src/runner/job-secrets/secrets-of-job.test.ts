import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMasker } from '../../mask/index.ts'
import { secretsOfJob } from './index.ts'

const found = (job: Record<string, string>, named = false) =>
  secretsOfJob(job, named ? Object.keys(job) : []).map((one) => one.reveal())
const b64 = (text: string) => Buffer.from(text).toString('base64')

// Public and private parts as tools make them; none opens anything.
const key = `-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\nq1w2e3r4t5y6u7i8o9p0aAsSdDfFgGhHjJkKlLzZxXcCvVbB\n-----END PRIVATE KEY-----`
const certificate = `-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ0JfZ2hpamtsbW5vcHFyc3R1dnd4\n-----END CERTIFICATE-----\n`
const token = 'q8Zr2LmX0vTn5KdYw3Hs'
const other = 'Jx7fPb4CgUe9WaRt1QiN'

const kubeconfig = `apiVersion: v1
kind: Config
current-context: production
clusters:
- name: arn:aws:eks:us-east-1:123456789012:cluster/main
  cluster:
    server: https://k8s.example.com:6443
    certificate-authority-data: ${b64(certificate)}
users:
- name: deployer
  user:
    token: ${token}
    client-key-data: ${b64(key)}
`

const serviceAccount = JSON.stringify({
  type: 'service_account',
  project_id: 'octo-prod-4711',
  private_key_id: '0f1e2d3c4b5a69788796a5b4c3d2e1f001234567',
  private_key: `${key}\n`,
  client_email: 'deployer@octo-prod-4711.iam.gserviceaccount.com',
  client_id: '103204567890123456789',
  token_uri: 'https://oauth2.googleapis.com/token',
  universe_domain: 'googleapis.com',
})

interface Case {
  readonly name: string
  readonly job: Readonly<Record<string, string>>
  /** In a log that has each of these in a line of its own, exactly these are hidden. */
  readonly hidden: readonly string[]
  readonly shown: readonly string[]
}

const github: Case = {
  name: 'GitHub',
  job: {
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'octocat',
    GITHUB_REPOSITORY: 'octo-org/token-service',
    GITHUB_REF: 'refs/heads/feature/session-cookie',
    GITHUB_REF_NAME: 'feature/session-cookie',
    GITHUB_SHA: 'ffac537e6cbbf934b08745a378932722df287a53',
    GITHUB_WORKFLOW: 'Release and publish',
    GITHUB_WORKSPACE: '/home/runner/work/token-service/token-service',
    GITHUB_TOKEN: `ghs_${token}${other.slice(0, 16)}`,
    RUNNER_TEMP: '/home/runner/work/_temp',
    RUNNER_TOOL_CACHE: '/opt/hostedtoolcache',
    PWD: '/home/runner/work/token-service/token-service',
    GIT_AUTHOR_NAME: 'Mona Octocat',
    GIT_AUTHOR_EMAIL: 'mona@example.com',
    AUTH_MODE: 'oauth2',
    PASSWORD_STORE: 'keychain',
    COSIGN_PRIVATE_KEY: key.replaceAll('\n', '\\n'),
    GOOGLE_CREDENTIALS: serviceAccount,
    KUBE_CONFIG_DATA: b64(kubeconfig),
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    AWS_REGION: 'eu-central-1',
    XDG_SESSION_TYPE: 'wayland',
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/1001/bus',
    POSTGRES_PASSWORD: 'postgres',
    SSH_AUTH_SOCK: '/tmp/ssh-XXXXabcdef/agent.1234',
    npm_config_cache_key: 'linux-x64-node-26',
  },
  hidden: [
    `ghs_${token}${other.slice(0, 16)}`,
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg',
    token,
    b64(key),
    b64(kubeconfig),
    'AKIAIOSFODNN7EXAMPLE',
    'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    '0f1e2d3c4b5a69788796a5b4c3d2e1f001234567',
  ],
  shown: [
    'octocat',
    'octo-org/token-service',
    'refs/heads/feature/session-cookie',
    'ffac537e6cbbf934b08745a378932722df287a53',
    '/home/runner/work/token-service/token-service',
    'Mona Octocat <mona@example.com>',
    'oauth2',
    'keychain',
    'service_account',
    'octo-prod-4711',
    'deployer@octo-prod-4711.iam.gserviceaccount.com',
    '103204567890123456789',
    'https://oauth2.googleapis.com/token',
    'kind: Config',
    'current-context: production',
    'arn:aws:eks:us-east-1:123456789012:cluster/main',
    'https://k8s.example.com:6443',
    'name: deployer',
    b64(certificate),
    'MIIBszCCAVmgAwIBAgIUQ0JfZ2hpamtsbW5vcHFyc3R1dnd4',
    '-----BEGIN PRIVATE KEY-----',
    'eu-central-1',
    'wayland',
    'unix:path=/run/user/1001/bus',
    'postgres',
    '/tmp/ssh-XXXXabcdef/agent.1234',
    'linux-x64-node-26',
    'true',
  ],
}

const gitlab: Case = {
  name: 'GitLab',
  job: {
    GITLAB_CI: 'true',
    CI_COMMIT_AUTHOR: 'Mona Octocat <mona@example.com>',
    CI_COMMIT_BRANCH: 'fix-login-token',
    CI_COMMIT_MESSAGE: 'Rotate the session secret every day',
    CI_COMMIT_REF_PROTECTED: 'false',
    CI_PROJECT_DIR: '/builds/octo/token-service',
    CI_JOB_TOKEN: `glcbt-64_${token}`,
    CI_REGISTRY: 'registry.gitlab.com',
    CI_REGISTRY_USER: 'gitlab-ci-token',
    CI_REGISTRY_PASSWORD: `glcbt-64_${token}`,
    CI_REPOSITORY_URL: `https://gitlab-ci-token:glcbt-64_${token}@gitlab.com/octo/token-service.git`,
    CI_DEPENDENCY_PROXY_PASSWORD: other,
    CI_SERVER_TLS_CA_FILE: '/builds/octo/token-service.tmp/CI_SERVER_TLS_CA_FILE',
    GITLAB_USER_NAME: 'Mona Octocat',
    DOCKER_AUTH_CONFIG: JSON.stringify({
      auths: { 'registry.example.com': { auth: b64('deploy-user:Tr0ub4dor-and-3') } },
      credsStore: 'desktop-store',
    }),
    DATABASE_URL: 'postgres://app:hunt%2Fer22x@db.internal:5432/orders?sslmode=require',
    REDIS_CONNECTION_STRING: `cache.example.com:6380,password=${other},ssl=True,abortConnect=False`,
    AZURE_STORAGE_CONNECTION_STRING: `DefaultEndpointsProtocol=https;AccountName=octostore;AccountKey=${b64(other)};EndpointSuffix=core.windows.net`,
    PG_DSN: `host=db.internal user=app password=${token} dbname=orders sslmode=require`,
    DOTENV_PRIVATE: `# for deploys\nAPP_ENV=production\nAPP_URL=https://app.example.com\nAPP_SECRET="${other}"\nexport LOG_LEVEL=warning\n`,
    API_TOKENS: `${token},${other}`,
    SENTRY_AUTH_TOKEN: '$SENTRY_TOKEN_OF_GROUP',
  },
  hidden: [
    `glcbt-64_${token}`,
    other,
    token,
    'Tr0ub4dor-and-3',
    b64('deploy-user:Tr0ub4dor-and-3'),
    'hunt/er22x',
    'hunt%2Fer22x',
    b64(other),
  ],
  shown: [
    'Mona Octocat <mona@example.com>',
    'fix-login-token',
    'Rotate the session secret every day',
    '/builds/octo/token-service',
    'registry.gitlab.com',
    'gitlab-ci-token',
    'https://gitlab.com/octo/token-service.git',
    'registry.example.com',
    'desktop-store',
    'db.internal:5432/orders?sslmode=require',
    'cache.example.com:6380',
    'DefaultEndpointsProtocol=https',
    'AccountName=octostore',
    'core.windows.net',
    'user=app',
    'dbname=orders',
    'APP_ENV=production',
    'https://app.example.com',
    'LOG_LEVEL=warning',
  ],
}

const buildkite: Case = {
  name: 'Buildkite',
  job: {
    BUILDKITE: 'true',
    BUILDKITE_BRANCH: 'main',
    BUILDKITE_BUILD_AUTHOR: 'Mona Octocat',
    BUILDKITE_BUILD_CREATOR_EMAIL: 'mona@example.com',
    BUILDKITE_COMMIT: '83a20ec058e2fb00e7fa4558c4c6e81e2dcf253d',
    BUILDKITE_REPO: 'git@github.com:octo/token-service.git',
    BUILDKITE_MESSAGE: 'Add a cookie banner',
    BUILDKITE_AGENT_ACCESS_TOKEN: `bkaj_${token}`,
    BUILDKITE_AGENT_NAME: 'ci-agent-token-7',
    BUILDKITE_BUILD_CHECKOUT_PATH: '/var/lib/buildkite-agent/builds/ci-1/octo/token-service',
    BUILDKITE_S3_ACCESS_URL: 'https://artifacts.example.com',
    NPMRC_SECRET: `//registry.npmjs.org/:_authToken=npm_${token}\nregistry=https://registry.npmjs.org/\nalways-auth=true\n`,
    NETRC_PASSWORD: `machine github.com login x-access-token password ${other}`,
    SLACK_WEBHOOK: `https://hooks.slack.com/services/T0000/B0000/${token}`,
    VAULT_SECRETS: `db:\n  user: orders-app\n  password: "${other}"\nssh: |\n  ${key.replaceAll('\n', '\n  ')}\nreplicas: 3\n`,
  },
  hidden: [
    `bkaj_${token}`,
    `npm_${token}`,
    other,
    `https://hooks.slack.com/services/T0000/B0000/${token}`,
    'q1w2e3r4t5y6u7i8o9p0aAsSdDfFgGhHjJkKlLzZxXcCvVbB',
  ],
  shown: [
    'Mona Octocat',
    'mona@example.com',
    '83a20ec058e2fb00e7fa4558c4c6e81e2dcf253d',
    'git@github.com:octo/token-service.git',
    'Add a cookie banner',
    'ci-agent-token-7',
    '/var/lib/buildkite-agent/builds/ci-1/octo/token-service',
    'https://artifacts.example.com',
    'registry=https://registry.npmjs.org/',
    'always-auth=true',
    'machine github.com login x-access-token',
    'https://hooks.slack.com/services/',
    'orders-app',
    'replicas: 3',
    '-----END PRIVATE KEY-----',
  ],
}

for (const { name, job, hidden, shown } of [github, gitlab, buildkite]) {
  test(`of the variables of a job on ${name} the secrets are hidden, and nothing else is`, () => {
    const masker = createMasker(secretsOfJob(job))
    const mask = (text: string) => {
      const stream = masker.stream()
      return Buffer.concat([stream.write(Buffer.from(text)), stream.end()]).toString()
    }
    for (const line of shown) assert.equal(mask(`[${line}]\n`), `[${line}]\n`)
    for (const line of hidden) assert.equal(mask(`[${line}]\n`), '[***]\n', line)
  })
}

test('a secret is called by its variable', () => {
  assert.deepEqual(
    secretsOfJob({
      NPM_TOKEN: token,
      CI: 'true',
      DOCKER_AUTH_CONFIG: JSON.stringify({ auth: b64('me:hunter22') }),
    }).map((one) => one.name),
    ['NPM_TOKEN', 'DOCKER_AUTH_CONFIG', 'DOCKER_AUTH_CONFIG', 'DOCKER_AUTH_CONFIG'],
  )
})

test('what a job hands on by name is a secret unless it is known to be harmless', () => {
  const job = {
    DEPLOY: token,
    CONFIG: JSON.stringify({ region: 'eu-central-1', value: other, image: 'node:26.10.0-bookworm-slim' }),
    DEPLOY_TARGET: 'staging-cluster',
    VERSION: 'v26.10.0-rc.1',
    BUILD_DATE: '2026-11-28T07:59:58Z',
    COMMIT_SHA: 'ffac537e6cbbf934b08745a378932722df287a53',
    REGISTRY: 'registry.example.com:5000/octo/app',
    OUT_DIR: '/work/app/dist',
    VERBOSE: 'true',
    NOTES: 'Größe und Zeichen: überall, 日本語',
    HOMEPAGE: 'https://example.com/a/b?tab=readme',
  }
  assert.deepEqual(found(job, true), [token, other])
  assert.deepEqual(found(job), [])
})

test('a known shape is a secret under any name; a template is none under any', () => {
  const values = [
    `ghp_${token}${token.slice(0, 16)}`,
    `glpat-${token}`,
    `npm_${token}${token.slice(0, 16)}`,
    `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvIn0.${token}`,
    key,
  ]
  for (const value of values) assert.deepEqual(found({ SOMETHING: value }), [value])
  for (const value of [
    '${{ secrets.NPM }}',
    '$NPM_TOKEN',
    '${NPM_TOKEN}',
    '%TOKEN%',
    '<your token>',
    '***********',
  ])
    assert.deepEqual(found({ NPM_TOKEN: value }), [], value)
})

test('a value that another variable, which is no secret, has too is none', () => {
  assert.deepEqual(found({ GITHUB_REPOSITORY_OWNER: 'octo-org-9x8', AUTH_REALM_SECRET: 'octo-org-9x8' }), [])
})

test('hostile values end: nested, long, unfinished', () => {
  const values = [
    '['.repeat(100_000),
    `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
    'a=b;'.repeat(50_000),
    'a: "\n'.repeat(20_000),
    `- ${'- '.repeat(50_000)}x`,
    '"'.repeat(100_000),
    `-----BEGIN ${'A'.repeat(100_000)}`,
    '-----BEGIN A-----\n'.repeat(5_000),
    'machine x '.repeat(20_000),
    `${'a'.repeat(100_000)}://`,
    'k=v '.repeat(50_000),
    `a${' '.repeat(100_000)}`,
    `k='${'\\'.repeat(100_000)}`,
    "k='x ".repeat(20_000),
  ]
  for (const value of values) assert.ok(found({ SOME_SECRET: value }, true).length <= 1_000)
})
