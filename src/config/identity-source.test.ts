import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readIdentitySource, type IdentitySource } from './identity-source.ts'

const github = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://u', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'b' }
const azure = { SYSTEM_OIDCREQUESTURI: 'https://u', SYSTEM_ACCESSTOKEN: 'b' }

// Each row: the variables of a job as its CI sets them, and where its token is.
const sources: readonly (readonly [string, Record<string, string>, IdentitySource])[] = [
  ['GitHub', { GITHUB_ACTIONS: 'true', ...github }, { kind: 'github', url: 'https://u', bearer: 'b' }],
  ['Azure DevOps', { TF_BUILD: 'True', ...azure }, { kind: 'azure-devops', url: 'https://u', bearer: 'b' }],
  ['Buildkite', { BUILDKITE: 'true' }, { kind: 'buildkite' }],
  ['CircleCI', { CIRCLECI: 'true', CIRCLE_OIDC_TOKEN_V2: 't' }, { kind: 'circleci', token: 't' }],
  ['CircleCI without its variable', { CIRCLECI: 'true' }, { kind: 'circleci' }],
  ['Google', { MAYFLY_ID_TOKEN_SOURCE: 'google' }, { kind: 'google', host: 'metadata.google.internal' }],
  [
    'Google, at another address',
    { MAYFLY_ID_TOKEN_SOURCE: 'google', GCE_METADATA_HOST: '127.0.0.1:1' },
    { kind: 'google', host: '127.0.0.1:1' },
  ],
  ...[
    'MAYFLY_ID_TOKEN',
    'BITBUCKET_STEP_OIDC_TOKEN',
    'SPACELIFT_OIDC_TOKEN',
    'TFC_WORKLOAD_IDENTITY_TOKEN',
    'TFC_WORKLOAD_IDENTITY_TOKEN_MAYFLY',
  ].map((name) => [name, { [name]: 't' }, { kind: 'variable', name, token: 't' }] as const),
  [
    'the token for us before the one for all',
    { TFC_WORKLOAD_IDENTITY_TOKEN: 'a', TFC_WORKLOAD_IDENTITY_TOKEN_MAYFLY: 't' },
    { kind: 'variable', name: 'TFC_WORKLOAD_IDENTITY_TOKEN_MAYFLY', token: 't' },
  ],
  ['a file', { MAYFLY_ID_TOKEN_FILE: '/run/token' }, { kind: 'file', path: '/run/token' }],
  [
    'what a person set before what the CI offers',
    { ...github, BUILDKITE: 'true', MAYFLY_ID_TOKEN: 't' },
    { kind: 'variable', name: 'MAYFLY_ID_TOKEN', token: 't' },
  ],
  [
    'an empty variable is none',
    { MAYFLY_ID_TOKEN: '', MAYFLY_ID_TOKEN_FILE: '/run/token' },
    { kind: 'file', path: '/run/token' },
  ],
]
for (const [what, env, expected] of sources) {
  test(`the identity token: ${what}`, () => {
    assert.deepEqual(readIdentitySource(env), expected)
  })
}

// Each row: a job that has no token, and what its pipeline lacks.
const lacking: readonly (readonly [Record<string, string>, RegExp])[] = [
  [{ GITHUB_ACTIONS: 'true' }, /permissions: id-token: write/],
  [{ GITHUB_ACTIONS: 'true', ACTIONS_ID_TOKEN_REQUEST_URL: 'https://u' }, /permissions: id-token: write/],
  [{ GITHUB_ACTIONS: 'true', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'b' }, /permissions: id-token: write/],
  [{ GITLAB_CI: 'true' }, /id_tokens/],
  [{ TF_BUILD: 'True', SYSTEM_OIDCREQUESTURI: 'https://u' }, /SYSTEM_ACCESSTOKEN/],
  [{ BITBUCKET_BUILD_NUMBER: '1' }, /oidc/],
  [{ TFC_RUN_ID: 'run-1' }, /TFC_WORKLOAD_IDENTITY_AUDIENCE_MAYFLY/],
  [{ JENKINS_URL: 'https://j' }, /OpenID Connect id token/],
  [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, /MAYFLY_ID_TOKEN_FILE/],
  [{ MAYFLY_ID_TOKEN_SOURCE: 'goggle', BUILDKITE: 'true' }, /can only be `google`/],
  [{ GCE_METADATA_HOST: '127.0.0.1:1' }, /docs\/issuers\.md/],
  [{}, /docs\/issuers\.md/],
]
for (const [env, hint] of lacking) {
  test(`no identity token: ${JSON.stringify(env)}`, () => {
    const source = readIdentitySource(env)
    assert.ok(source.kind === 'none')
    assert.match(source.hint, hint)
  })
}
