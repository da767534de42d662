import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secretsOfJob } from './index.ts'

const found = (job: Record<string, string>) => secretsOfJob(job).map((one) => one.reveal())

test('values of variables that look secret are masked, the rest is not', () => {
  for (const name of [
    'NPM_TOKEN',
    'npm_token',
    'DB_PASSWORD',
    'PGPASSWORD',
    'SSH_PASSPHRASE',
    'API_KEY',
    'APIKEY',
    'SIGNING_KEY',
    'KEY_FILE_CONTENT',
    'PRIVATE_PEM',
    'SENTRY_DSN',
    'SESSION_COOKIE',
    'SLACK_WEBHOOK',
    'CLIENT_SECRET',
    'HTTP_AUTH',
    'GOOGLE_CREDENTIALS',
  ])
    assert.deepEqual(found({ [name]: 'hunter22' }), ['hunter22'], name)
  assert.deepEqual(found({ CI: 'true-ish', PATH: '/usr/bin', MONKEY: 'hunter22', TOKEN: 'short' }), [])
  assert.deepEqual(found({ TOKEN_FILE: '/run/secrets/token', TOKEN_URL: 'https://issuer.test/token' }), [])
})

test('nothing of a secret shows in what holds it', () => {
  assert.doesNotMatch(JSON.stringify(secretsOfJob({ NPM_TOKEN: 'hunter22' })), /hunter22/)
})

// Was so once: one base64 secret in 64 begins with a slash and is taken for a path; a webhook's URL is the secret itself.
test('a secret that begins with a slash, and an URL that is the secret, are masked', () => {
  const key = '/Zk3cQ9+vXb7Jm0pLr2TsYw8HdEaUfGiOnMkPqRt'
  assert.deepEqual(found({ AWS_SECRET_ACCESS_KEY: key }), [key])
  const webhook = 'https://hooks.test/services/T00/B00/hunter22hunter22'
  assert.deepEqual(found({ SLACK_WEBHOOK_URL: webhook }), [webhook])
})

// Was so once: common names are not known, and a password in an URL is a secret under any name.
test('passwords under other names are masked', () => {
  assert.deepEqual(found({ DB_PASS: 'hunter22' }), ['hunter22'])
  assert.deepEqual(found({ MYSQL_PWD: 'hunter22' }), ['hunter22'])
  assert.ok(
    found({ DATABASE_URL: 'postgres://app:hunter22@db/orders' }).some((value) => value.includes('hunter22')),
  )
})

test('a password with a percent sign that begins no escape is masked as it is', () => {
  assert.ok(found({ DATABASE_URL: 'postgres://app:100%sure99@db/orders' }).includes('100%sure99'))
})

test('the folder that a job stands in is no secret, however its variable is called; a password is', () => {
  assert.deepEqual(found({ PWD: '/home/runner/work/app', OLDPWD: '/home/runner' }), [])
  assert.deepEqual(found({ DB_PWD: 'hunter22' }), ['hunter22'])
})

const b64 = (text: string) => Buffer.from(text).toString('base64')
const key = 'k7Qp2vXw9Lm4Rt8Z'

// Each row: a variable, and what of it must be masked. A document as a whole is not: its lines are shown, but for these.
const parts: Record<string, [name: string, value: string, parts: readonly string[], not: readonly string[]]> =
  {
    'JSON of a service account': [
      'GOOGLE_CREDENTIALS',
      JSON.stringify({
        type: 'service_account',
        project_id: 'my-project',
        private_key_id: '0123456789abcdef0123',
        private_key: `-----BEGIN PRIVATE KEY-----\nMIIE${key}\n-----END PRIVATE KEY-----\n`,
        client_email: 'bot@my-project.example.com',
        token_uri: 'https://oauth.example.com/token',
      }),
      ['0123456789abcdef0123', `-----BEGIN PRIVATE KEY-----\nMIIE${key}\n-----END PRIVATE KEY-----`],
      ['service_account', 'my-project', 'bot@my-project.example.com', 'https://oauth.example.com/token'],
    ],
    'a kubeconfig': [
      'KUBE_CONFIG_SECRET',
      `apiVersion: v1\nkind: Config\nclusters:\n- name: production\n  cluster:\n    server: https://k8s.example.com:6443\nusers:\n- name: deployer\n  user:\n    token: ${key}\n    client-key-data: ${b64(`-----BEGIN KEY-----\n${key}x\n-----END KEY-----`)}\ncurrent-context: production\n`,
      [key, b64(`-----BEGIN KEY-----\n${key}x\n-----END KEY-----`)],
      ['Config', 'production', 'deployer', 'https://k8s.example.com:6443'],
    ],
    'Docker’s login': [
      'DOCKER_AUTH_CONFIG',
      JSON.stringify({ auths: { 'registry.example.com': { auth: b64(`robot:${key}`) } } }),
      [b64(`robot:${key}`), `robot:${key}`, key],
      ['registry.example.com'],
    ],
    'a .env': [
      'ENV_SECRETS',
      `# comment\nDB_HOST=db.example.com\nDB_PASSWORD="correct horse battery"\nexport API_TOKEN='${key}'\nMODE=production\n`,
      ['correct horse battery', key],
      ['db.example.com', 'production'],
    ],
    'a connection string': [
      'SQL_CONNECTION_STRING',
      `Server=tcp:db.example.com,1433;Database=orders;User ID=app;Password=${key};Encrypt=True;`,
      [key],
      ['orders', 'True'],
    ],
    'a list': ['API_KEYS', `${key},${key}second, ${key}third`, [key, `${key}second`, `${key}third`], []],
    'base64 of a document': [
      'CREDENTIALS_B64',
      b64(JSON.stringify({ password: 'not-plain-7' })),
      ['not-plain-7'],
      [],
    ],
    'a key with its line ends written out': [
      'DEPLOY_KEY',
      String.raw`-----BEGIN KEY-----\nMIIE0123\n-----END KEY-----`,
      ['-----BEGIN KEY-----\nMIIE0123\n-----END KEY-----'],
      [],
    ],
    'URLs with a password, any of them': [
      'REDIS_AUTH',
      `redis://:${key}@a.example.com redis://u:p%40ssw0rd@b.example.com`,
      [key, 'p@ssw0rd'],
      ['a.example.com'],
    ],
  }

for (const [what, [name, value, wanted, innocent]] of Object.entries(parts))
  test(`parts of a secret that may be printed by themselves: ${what}`, () => {
    const all = found({ [name]: value })
    for (const part of wanted) assert.ok(all.includes(part), `${part} of ${all.join(' | ')}`)
    for (const part of innocent) assert.ok(!all.includes(part), part)
  })

// As the three CIs set them; nothing here is a secret, and to mask any of it would spoil the output.
const innocent: Record<string, Record<string, string>> = {
  github: {
    GITHUB_ACTOR: 'octocat',
    GITHUB_TRIGGERING_ACTOR: 'octocat',
    GITHUB_REPOSITORY: 'octo-org/app',
    GITHUB_SHA: 'ffac537e6cbbf934b08745a378932722df287a53',
    GITHUB_WORKFLOW_REF: 'octo-org/app/.github/workflows/ci.yml@refs/heads/main',
    GITHUB_REF_NAME: 'feature/auth-tokens',
    RUNNER_NAME: 'GitHub Actions 12',
    PWD: '/home/runner/work/app/app',
    SSH_AUTH_SOCK: '/tmp/ssh-agent.sock',
  },
  gitlab: {
    CI_COMMIT_AUTHOR: 'Ada Lovelace <ada@example.com>',
    GITLAB_USER_NAME: 'Ada Lovelace',
    CI_COMMIT_TITLE: 'Rotate the token of the deploy job',
    CI_COMMIT_REF_PROTECTED: 'true',
    CI_SERVER_TLS_CA_FILE: '/builds/ca.pem',
    CI_DEPENDENCY_PROXY_SERVER: 'gitlab.example.com:443',
    CI_JOB_TOKEN_MODE: 'readwrite',
  },
  buildkite: {
    BUILDKITE_BUILD_AUTHOR: 'Ada Lovelace',
    BUILDKITE_BUILD_AUTHOR_EMAIL: 'ada@example.com',
    BUILDKITE_BUILD_CREATOR: 'Ada Lovelace',
    BUILDKITE_MESSAGE: 'Merge branch main',
  },
  settings: {
    AUTH_TYPE: 'kubernetes',
    AUTH_ENABLED: 'enabled',
    TOKEN_URL: 'https://issuer.example.com/token',
    SESSION_TIMEOUT: '3600000',
    KEY_ALGORITHM: 'RSA-PSS',
    PRIVATE_REGISTRY: 'registry.example.com',
    SECRET_BACKEND: 'kubernetes',
  },
}

for (const [ci, job] of Object.entries(innocent))
  test(`what is no secret is not masked, whatever it is called: ${ci}`, () => {
    for (const [name, value] of Object.entries(job)) assert.deepEqual(found({ [name]: value }), [], name)
  })

test('what is handed on by name is masked if it looks like a secret, under any name; words, places and versions stay', () => {
  const passed = (value: string) => secretsOfJob({ THING: value }, ['THING']).map((one) => one.reveal())
  for (const value of [key, 'ghp_0123456789abcdefABCDEF', `-----BEGIN KEY-----\nabc\n-----END KEY-----`])
    assert.ok(passed(value).includes(value), value)
  for (const value of [
    ...[
      'production',
      'eu-central-1',
      '1.2.3',
      '2026-11-28',
      'octo-org/app',
      'feature/new-thing',
      '/opt/tool/bin',
      'https://example.com/x',
    ],
    ...[
      'Ada Lovelace',
      'ubuntu-24.04',
      'registry.example.com:5000',
      'npm run build',
      'linux/amd64',
      'node:26-alpine',
    ],
  ])
    assert.deepEqual(passed(value), [], value)
  assert.deepEqual(secretsOfJob({ THING: key }), [])
})
