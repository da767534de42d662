import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalise } from '../../identity/index.ts'
import * as fixtures from '../../identity/profiles.fixture.ts'
import type { TokenFixture } from '../../identity/profiles.fixture.ts'
import { signerOf } from './index.ts'

const uuid = (digit: string) =>
  `${digit.repeat(8)}-${digit.repeat(4)}-4${digit.repeat(3)}-8${digit.repeat(3)}-${digit.repeat(12)}`

function signerOfToken({ config, payload }: TokenFixture, more: Record<string, unknown> = {}) {
  const result = normalise({ ...payload, ...more }, Buffer.from('x'), { name: 'ci', config })
  assert.ok(result.ok)
  return signerOf({ kind: config.kind, ...result.identity })
}

test('GitHub: what Fulcio writes for the same token', () => {
  const workflow = 'https://github.com/octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main'
  const config = 'octo-org/octo-repo/.github/workflows/ci.yml@refs/heads/main'
  assert.deepEqual(signerOfToken(fixtures.github, { workflow_ref: config, workflow_sha: 'd'.repeat(40) }), {
    san: workflow,
    issuer: 'https://token.actions.githubusercontent.com',
    claims: {
      runnerEnvironment: 'github-hosted',
      sourceRepositoryDigest: '9f3182061f1e2cca4702c368cbc039b7dc9d4485',
      sourceRepositoryRef: 'refs/heads/main',
      sourceRepositoryIdentifier: '74',
      sourceRepositoryOwnerIdentifier: '65',
      buildTrigger: 'workflow_dispatch',
      deploymentEnvironment: 'prod',
      subject: 'repo:octo-org/octo-repo:environment:prod',
      buildSignerURI: workflow,
      buildSignerDigest: 'b'.repeat(40),
      sourceRepositoryURI: 'https://github.com/octo-org/octo-repo',
      sourceRepositoryOwnerURI: 'https://github.com/octo-org',
      buildConfigURI: `https://github.com/${config}`,
      buildConfigDigest: 'd'.repeat(40),
      runInvocationURI: 'https://github.com/octo-org/octo-repo/actions/runs/30433642/attempts/2',
      sourceRepositoryVisibilityAtSigning: 'private',
    },
  })
})

// Each row: a token as its CI documents it, and the one URI that says who built.
const sans: readonly (readonly [string, TokenFixture, string])[] = [
  [
    'GitHub Enterprise Server',
    fixtures.githubEnterprise,
    'https://github.example.com/octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main',
  ],
  [
    'GitLab',
    fixtures.gitlab,
    'https://gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main',
  ],
  ['Buildkite', fixtures.buildkite, 'https://buildkite.com/acme-inc/super-duper-app'],
  ['CircleCI', fixtures.circleci, `https://circleci.com/api/v2/projects/${uuid('b')}`],
  ['Azure DevOps', fixtures.azureDevops, 'https://dev.azure.com/example/test-oidc/_build?definitionId=7'],
  ['Bitbucket', fixtures.bitbucket, `https://bitbucket.org/octo/%7B${uuid('a')}%7D`],
  ['Google', fixtures.googleCloudBuild, 'https://accounts.google.com#112233445566778899001'],
  ['Spacelift', fixtures.spacelift, 'https://demo.app.spacelift.io/stack/infra'],
  ['Terraform', fixtures.terraformCloud, 'https://app.terraform.io/app/my-org/workspaces/my-workspace'],
]
for (const [name, token, san] of sans)
  test(`${name}: the subject alternative name`, () => {
    const signer = signerOfToken(token)
    assert.equal(signer.san, san)
    assert.equal(signer.issuer, token.config.url)
  })

test('CircleCI: the definition of the pipeline where the token says it; never who started the job', () => {
  const signer = signerOfToken(fixtures.circleci, { 'oidc.circleci.com/pipeline-definition-id': uuid('2') })
  assert.equal(
    signer.san,
    `https://circleci.com/api/v2/projects/${uuid('b')}/pipeline-definitions/${uuid('2')}`,
  )
  assert.equal(signer.claims['sourceRepositoryURI'], 'https://github.com/octo-org/app')
  assert.doesNotMatch(JSON.stringify(signer), new RegExp(uuid('c')))
})

test('Buildkite: the address of the job', () => {
  assert.equal(
    signerOfToken(fixtures.buildkite).claims['runInvocationURI'],
    'https://buildkite.com/acme-inc/super-duper-app/builds/1#0184990a-477b-4fa8-9968-496074483cee',
  )
})

const job = { run: { id: '1', attempt: '1', job: '1' }, claims: {} }

test('a subject of any issuer is no address of somebody else', () => {
  const subject = 'https://github.com/octo/app/.github/workflows/x.yml@refs/heads/main'
  const issuerUrl = 'https://idp.example.com'
  for (const kind of ['oidc', 'jenkins', 'google-cloud-build'])
    assert.match(
      signerOf({ ...job, kind, issuerUrl, attributes: { subject } }).san,
      /^https:\/\/idp\.example\.com#https%3A%2F%2Fgithub\.com%2Focto/,
    )
  const own = 'https://idp.example.com/job/app/'
  assert.equal(signerOf({ ...job, kind: 'jenkins', issuerUrl, attributes: { subject: own } }).san, own)
})

test('names in every language become ASCII, and no two become the same', () => {
  const sanOf = (ref: string) =>
    signerOf({
      ...job,
      kind: 'github-actions',
      issuerUrl: 'https://token.actions.githubusercontent.com',
      attributes: { workflow: `o/r/.github/workflows/x.yml@refs/heads/${ref}` },
    }).san
  assert.match(sanOf('käfer'), /@refs\/heads\/k%C3%A4fer$/)
  const refs = [
    'käfer',
    'k%C3%A4fer',
    'k%25C3%25A4fer',
    'a[b]',
    'a%5Bb%5D',
    "it's",
    'it%27s',
    'a b',
    '\u{1F98B}',
  ]
  const sans = refs.map(sanOf)
  assert.equal(new Set(sans).size, refs.length)
  for (const san of sans) {
    assert.match(san, /^[\x21-\x7e]+$/)
    assert.ok(URL.canParse(san))
  }
})
