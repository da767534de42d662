import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StepGrant } from './api-facts.ts'
import { readEnvironment } from '../config/environment.ts'
import { bareEnvironment, stepEnvironment } from './environment.ts'
import { secretsOfJob } from './job-secrets/index.ts'

const step = {
  step_id: 'stp_1',
  run_id: 'run_1',
  connections: [{ name: 'npm', kind: 'npm', url: 'https://npm.test', authority: 'npm.test:443' }],
} as unknown as StepGrant
const of = (
  job: Record<string, string>,
  options: { passEnv?: string[]; env?: Record<string, string>; tools?: string[] } = {},
) =>
  stepEnvironment({
    job,
    passEnv: options.passEnv ?? [],
    env: options.env ?? {},
    tools: options.tools ?? [],
    step,
    workspaceInside: '/builds/app',
  })

const secrets = {
  GITHUB_TOKEN: 'ghs_1',
  ACTIONS_RUNTIME_TOKEN: 'a',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'b',
  ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x',
  ACTIONS_CACHE_URL: 'https://y',
  MAYFLY_ID_TOKEN: 'c',
  MAYFLY_TOKEN: 'd',
  CI_JOB_TOKEN: 'e',
  CI_JOB_JWT: 'f',
  CI_REGISTRY_PASSWORD: 'g',
  CI_REPOSITORY_URL: 'https://gitlab-ci-token:h@gitlab/x',
  CI_DEPLOY_PASSWORD: 'i',
  AWS_ACCESS_KEY_ID: 'j',
  AWS_SECRET_ACCESS_KEY: 'k',
  NPM_TOKEN: 'l',
  SSH_AUTH_SOCK: '/tmp/agent',
  DOCKER_HOST: 'unix:///run/docker.sock',
  KUBECONFIG: '/root/.kube/config',
  DATABASE_URL: 'postgres://u:p@h/d',
  BUILDKITE_AGENT_ACCESS_TOKEN: 'm',
  GITHUB_ENV: '/home/runner/e',
  GITHUB_PATH: '/home/runner/p',
  GITHUB_OUTPUT: '/home/runner/o',
  GITHUB_STEP_SUMMARY: '/home/runner/s',
  GITHUB_EVENT_PATH: '/home/runner/ev',
  GIT_ASKPASS: '/x',
  LD_PRELOAD: '/x.so',
  NODE_OPTIONS: '--require /x',
  BASH_ENV: '/x',
  ENV: '/x',
  PYTHONPATH: '/x',
  HOME: '/root',
  DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/bus',
  XDG_RUNTIME_DIR: '/run/user/0',
  SUDO_USER: 'x',
  OLDPWD: '/root',
  HOSTNAME: 'runner-7',
}

test('of the job’s environment nothing passes but what says where and when it runs', () => {
  const harmless = {
    CI: 'true',
    GITHUB_SHA: 'abc',
    GITHUB_REF: 'refs/heads/main',
    TZ: 'UTC',
    LC_ALL: 'C',
    CI_PIPELINE_ID: '1',
    LANG: 'C.UTF-8',
  }
  const env = of({ ...secrets, ...harmless })
  for (const name of Object.keys(secrets)) if (name !== 'HOME') assert.equal(env[name], undefined, name)
  for (const [name, value] of Object.entries(harmless)) assert.equal(env[name], value, name)
  assert.deepEqual(
    [env['HOME'], env['USER'], env['TMPDIR'], env['MAYFLY_RUN'], env['MAYFLY_STEP']],
    ['/home/step', 'step', '/tmp', 'run_1', 'stp_1'],
  )
  const values = Object.values(env)
  for (const [name, value] of Object.entries(secrets))
    if (value.length > 1) assert.ok(!values.includes(value), name)
})

test('names differ by case and by whole', () => {
  const env = of({ ci: 'x', github_sha: 'x', XGITHUB_SHA: 'x', GITHUB_SHA_: 'x', ' CI': 'x', CI_JOB: 'x' })
  for (const name of ['ci', 'github_sha', 'XGITHUB_SHA', 'GITHUB_SHA_', ' CI', 'CI_JOB'])
    assert.equal(env[name], undefined, name)
})

test('a variable passes by name, and only that one', () => {
  const env = of({ DEPLOY_TARGET: 'staging', DEPLOY_TOKEN: 't' }, { passEnv: ['DEPLOY_TARGET'] })
  assert.deepEqual([env['DEPLOY_TARGET'], env['DEPLOY_TOKEN']], ['staging', undefined])
})

test('nobody’s variable replaces the proxy, the trust store, HOME or the ids', () => {
  const names = [
    'HTTP_PROXY',
    'https_proxy',
    'ALL_PROXY',
    'NO_PROXY',
    'no_proxy',
    'SSL_CERT_FILE',
    'NODE_EXTRA_CA_CERTS',
    'GIT_SSL_CAINFO',
    'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
    'HOME',
    'USER',
    'TMPDIR',
    'MAYFLY_RUN',
    'MAYFLY_STEP',
    'NPM_CONFIG_REGISTRY',
  ]
  const evil = Object.fromEntries(names.map((name) => [name, 'evil']))
  const clean = of({})
  for (const env of [of(evil, { passEnv: names }), of({}, { env: evil })])
    for (const name of names) assert.equal(env[name], clean[name], name)
  assert.match(clean['HTTP_PROXY'] ?? '', /^http:\/\/127\.0\.0\.1:3128$/)
  assert.equal(clean['NPM_CONFIG_REGISTRY'], 'https://npm.test')
})

test('of PATH only folders that the sandbox has are left', () => {
  const path = (PATH: string) => of({ PATH })['PATH']
  assert.equal(
    path(
      '/home/runner/bin:/opt/node/bin:/root/.cargo/bin:/usr/bin:.:bin::/tmp/x:/work/node_modules/.bin:/sbin',
    ),
    '/opt/node/bin:/usr/bin:/sbin',
  )
  assert.equal(
    path('/usrx/bin:/optional:/binary'),
    '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  )
  assert.equal(path(''), '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
})

// Was so once: named in pass_env, a PATH of which nothing is left after the filter passes as it was.
test('PATH is filtered when it is passed by name too', () => {
  const path = of({ PATH: '/work/node_modules/.bin:/root/bin' }, { passEnv: ['PATH'] })['PATH']
  assert.equal(path, '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
})

// Was so once: `/usr/../` is where the filter was meant to keep out.
test('a folder of PATH that climbs out of its root is left out', () => {
  const path = of({ PATH: '/usr/../work/app/bin:/opt/./../tmp/x:/usr/bin' })['PATH']
  assert.equal(path, '/usr/bin')
})

// Was so once: every name with LC_ in front passes.
test('a secret does not pass for its prefix', () => {
  assert.equal(of({ LC_API_TOKEN: 'hunter22' })['LC_API_TOKEN'], undefined)
})

// Was so once: with these a step makes identity tokens of its own, for any audience; tier E strips them, tier B hands them on.
test('what makes identity tokens is not passed, not even by name', () => {
  const names = [
    'MAYFLY_ID_TOKEN',
    'MAYFLY_TOKEN',
    'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
    'ACTIONS_ID_TOKEN_REQUEST_URL',
  ]
  const env = of(secrets, { passEnv: names })
  for (const name of names) assert.equal(env[name], undefined, name)
})

// Every variable that holds an identity token, or makes one, on any CI; the reader of them says which it looks at.
test('no token of any CI reaches a step, in the sandbox or without one, by name or by chance', () => {
  const known = [
    'MAYFLY_ID_TOKEN',
    'MAYFLY_ID_TOKEN_FILE',
    'ACTIONS_ID_TOKEN_REQUEST_URL',
    'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
    'SYSTEM_OIDCREQUESTURI',
    'SYSTEM_ACCESSTOKEN',
    'CIRCLE_OIDC_TOKEN_V2',
    'BITBUCKET_STEP_OIDC_TOKEN',
    'SPACELIFT_OIDC_TOKEN',
    'TFC_WORKLOAD_IDENTITY_TOKEN',
    'TFC_WORKLOAD_IDENTITY_TOKEN_MAYFLY',
  ]
  const asked = new Set<string>()
  readEnvironment(
    new Proxy<NodeJS.ProcessEnv>({}, { get: (_, name) => void asked.add(String(name)), ownKeys: () => [] }),
  )
  const makers = [...asked].filter((name) => /token|bearer|oidc/i.test(name) && !name.endsWith('_SOURCE'))
  // CircleCI's is read only where CIRCLECI says so.
  assert.deepEqual(new Set([...makers, 'CIRCLE_OIDC_TOKEN_V2']), new Set([...known, 'MAYFLY_TOKEN']))
  const names = [
    ...known,
    'CIRCLE_OIDC_TOKEN',
    'TFC_WORKLOAD_IDENTITY_TOKEN_AWS',
    'BUILDKITE_AGENT_ACCESS_TOKEN',
    'BUILDKITE_AGENT_JOB_API_TOKEN',
    'BUILDKITE_AGENT_JOB_API_SOCKET',
  ]
  const job = Object.fromEntries(names.map((name) => [name, `value-of-${name}`]))
  const inside = of(job, { passEnv: names })
  const bare = bareEnvironment({ ...job, KEEP: 'x' })
  for (const name of names) assert.equal(inside[name] ?? bare[name], undefined, name)
  assert.deepEqual(bare, { KEEP: 'x' })
  const masked = new Set(secretsOfJob(job).map((one) => one.reveal()))
  for (const name of known.filter((one) => !/_URL$|_FILE$|URI$/.test(one)))
    assert.ok(masked.has(`value-of-${name}`), name)
})

test('where the job has its checkout and its temporary files, a step has its own', () => {
  const env = of({
    GITHUB_WORKSPACE: '/home/runner/work/app',
    CI_PROJECT_DIR: '/builds/x',
    RUNNER_TEMP: '/home/runner/t',
  })
  assert.deepEqual(
    [env['GITHUB_WORKSPACE'], env['CI_PROJECT_DIR'], env['RUNNER_TEMP'], env['WORKSPACE']],
    ['/builds/app', '/builds/app', '/tmp', undefined],
  )
})

test('of the job’s NO_PROXY and the step’s own only hosts with a door go around the proxy', () => {
  const noProxy = (from: { job?: Record<string, string>; env?: Record<string, string> }) =>
    stepEnvironment({
      job: from.job ?? {},
      env: from.env ?? {},
      passEnv: [],
      tools: [],
      hostNames: ['git.test', 'db.corp.test'],
      step,
      workspaceInside: '/builds/app',
    })['NO_PROXY']
  assert.equal(noProxy({}), 'localhost,127.0.0.1,::1')
  assert.equal(
    noProxy({ job: { no_proxy: '.corp.test,example.com' } }),
    'localhost,127.0.0.1,::1,db.corp.test',
  )
  assert.equal(
    noProxy({ job: { NO_PROXY: 'corp.test' }, env: { NO_PROXY: 'git.test' } }),
    'localhost,127.0.0.1,::1,git.test,db.corp.test',
  )
})

test('the file of npm’s settings is named where the role has a registry', () => {
  assert.equal(of({})['NPM_CONFIG_GLOBALCONFIG'], '/run/mayfly/settings/npmrc')
})
