import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustAttributes, type IssuerConfig } from '../config/index.ts'
import { reasonOf, setup, signRaw } from './issuer.fixture.ts'
import { pinsOf, profileOf } from './index.ts'
import * as fixtures from './profiles.fixture.ts'
import type { TokenFixture } from './profiles.fixture.ts'

/** Verifies the fixture's token with these claims changed (`undefined` takes one away), signed by the issuer's own key. */
async function verifyChanged(
  fixture: TokenFixture,
  changes: Readonly<Record<string, unknown>> = {},
  config: IssuerConfig = fixture.config,
) {
  const { verifier, key } = setup(config)
  return await verifier.verify(signRaw(key, JSON.stringify({ ...fixture.payload, ...changes })))
}

for (const [name, fixture] of Object.entries(fixtures)) {
  test(`${name}: the token of its documentation becomes this Identity, and no other`, async () => {
    const result = await verifyChanged(fixture)
    assert.ok(result.ok, result.ok ? '' : `${result.reason}: ${result.detail}`)
    const { identity } = result
    assert.deepEqual(identity.attributes, fixture.attributes)
    assert.deepEqual(identity.run, fixture.run)
    assert.equal(identity.issuerUrl, fixture.config.url)
    assert.equal(identity.claims['sub'], fixture.payload['sub'])
    const { jti } = fixture.payload
    if (typeof jti === 'string') assert.equal(identity.tokenId, jti)
    else assert.match(identity.tokenId, /^[A-Za-z0-9_-]{43}$/)
  })

  test(`${name}: refused without any one of the claims it must have`, async () => {
    for (const claim of profileOf(fixture.config).required) {
      const [outer = '', ...rest] = claim.startsWith('kubernetes.io/') ? claim.split('/') : [claim]
      for (const value of [undefined, '']) {
        const changed = rest.length === 0 ? value : without(fixture.payload[outer], rest, value)
        const result = await verifyChanged(fixture, { [outer]: changed })
        assert.equal(reasonOf(result), 'claim_missing', `${claim} ${value}`)
      }
    }
  })

  test(`${name}: refused for another audience than the issuer's`, async () => {
    for (const aud of ['https://other.example.com', [], undefined])
      assert.equal(reasonOf(await verifyChanged(fixture, { aud })), 'audience_mismatch')
  })

  test(`${name}: an audience of the issuer's own replaces ours, and ours is refused then`, async () => {
    const config = { ...fixture.config, audience: 'its-own' }
    assert.equal(reasonOf(await verifyChanged(fixture, { aud: 'its-own' }, config)), 'accepted')
    assert.equal(
      reasonOf(await verifyChanged(fixture, { aud: fixtures.github.payload['aud'] }, config)),
      'audience_mismatch',
    )
  })

  test(`${name}: refused if what it calls an id does not look like one`, async () => {
    const { claims, forms } = profileOf(fixture.config)
    for (const attribute of Object.keys(forms) as (keyof typeof forms)[]) {
      const claim = claims[attribute]
      if (claim === undefined || claim.includes('/uid')) continue
      const result = await verifyChanged(fixture, { [claim]: '?' })
      assert.ok(['claim_malformed', 'claim_refused'].includes(reasonOf(result)), attribute)
    }
  })

  test(`${name}: what a rule must pin is an attribute the token has, or one of its claims`, async () => {
    const result = await verifyChanged(fixture)
    assert.ok(result.ok)
    const { identity } = result
    const { pins, ids } = profileOf(fixture.config)
    assert.ok(pins.some((pin) => pin in (trustAttributes.has(pin) ? identity.attributes : identity.claims)))
    for (const id of Object.values(ids)) assert.ok(trustAttributes.has(id))
  })
}

/** A copy of a nested claim with the value at this path changed. */
function without(claim: unknown, [name = '', ...rest]: readonly string[], value: unknown): unknown {
  const object = claim as Record<string, unknown>
  return { ...object, [name]: rest.length === 0 ? value : without(object[name], rest, value) }
}

// Each row: a limit of the issuer to one owner, and another owner that its tokens are then refused for.
const owners: readonly (readonly [string, TokenFixture, Record<string, string>, Record<string, string>])[] = [
  ['GitHub', fixtures.github, { owner_id: '65' }, { owner_id: '66' }],
  ['GitLab', fixtures.gitlab, { namespace_id: '72' }, { namespace_id: '73' }],
  [
    'Buildkite',
    fixtures.buildkite,
    { organization_id: '0184990a-477b-4fa8-9968-496074483177' },
    { organization_id: '0184990a-477b-4fa8-9968-496074483178' },
  ],
  [
    'Bitbucket',
    fixtures.bitbucket,
    { workspace_uuid: String(fixtures.bitbucket.attributes.owner_id) },
    { workspace_uuid: String(fixtures.bitbucket.attributes.repository_id) },
  ],
  ['Google, project', fixtures.googleCloudBuild, { project_id: 'acme-builds' }, { project_id: 'acme-build' }],
  ['Google, number', fixtures.googleMachine, { project_number: '739419398126' }, { project_number: '7' }],
  ['Google, number of a token without one', fixtures.googleCloudBuild, {}, { project_number: '7' }],
  ['Spacelift', fixtures.spacelift, { space_id: 'legacy' }, { space_id: 'root' }],
  [
    'Terraform',
    fixtures.terraformCloud,
    { organization_id: 'org-GRNbCjYNpBB6NEH9' },
    { organization_id: 'org-grnbcjynpbb6neh9' },
  ],
  ['Kubernetes', fixtures.kubernetes, { namespace: 'my-namespace' }, { namespace: 'my-namespace-2' }],
  ['SPIFFE', fixtures.spiffe, { trust_domain: 'example.org' }, { trust_domain: 'example.com' }],
]
for (const [what, fixture, own, other] of owners) {
  test(`${what}: refused if the token is of another owner than the issuer is limited to`, async () => {
    const limited = (limit: Record<string, string>): IssuerConfig => ({ ...fixture.config, ...limit })
    assert.equal(reasonOf(await verifyChanged(fixture, {}, limited(own))), 'accepted')
    assert.equal(reasonOf(await verifyChanged(fixture, {}, limited(other))), 'owner_mismatch')
  })
}

const circle = (name: string) => `oidc.circleci.com/${name}`
const k8s = (fixtures.kubernetes.payload['kubernetes.io'] ?? {}) as Record<string, unknown>
const stranger = '99999999-9999-4999-8999-999999999999'

// Each row: what a profile refuses though issuer, key, times and audience are right.
const refusals: readonly (readonly [string, TokenFixture, Record<string, unknown>, string])[] = [
  [
    'GitHub: sub of another repository',
    fixtures.github,
    { sub: 'repo:octo-org/other:ref:x' },
    'claim_refused',
  ],
  ['GitHub: sub of another owner', fixtures.github, { sub: 'repo:evil/octo-repo:ref:x' }, 'claim_refused'],
  [
    'GitHub: another repository id in sub',
    fixtures.githubImmutable,
    { sub: 'repo:octo-org@65/octo-repo@75:ref:x' },
    'claim_refused',
  ],
  [
    'GitHub: another owner id in sub',
    fixtures.githubImmutable,
    { sub: 'repo:octo-org@66/octo-repo@74:ref:x' },
    'claim_refused',
  ],
  [
    'GitHub: another repository id beside it',
    fixtures.githubImmutable,
    { repository_id: '75' },
    'claim_refused',
  ],
  [
    'GitHub: another owner id beside it',
    fixtures.githubImmutable,
    { repository_owner_id: '66' },
    'claim_refused',
  ],
  [
    'GitHub: one id of the two',
    fixtures.github,
    { sub: 'repo:octo-org@65/octo-repo:ref:x' },
    'claim_refused',
  ],
  ['GitHub: the other one', fixtures.github, { sub: 'repo:octo-org/octo-repo@74:ref:x' }, 'claim_refused'],
  [
    'GitHub: an id that is none',
    fixtures.github,
    { sub: 'repo:octo-org@65/octo-repo@7x:r' },
    'claim_refused',
  ],
  ['GitHub: an empty id', fixtures.github, { sub: 'repo:octo-org@/octo-repo@:r' }, 'claim_refused'],
  ['GitHub: sub of no repository', fixtures.github, { sub: 'repo:' }, 'claim_refused'],
  ['GitHub: a ref that is not full', fixtures.github, { ref: 'main' }, 'claim_malformed'],
  ['GitHub: a commit that is a name', fixtures.github, { sha: 'main' }, 'claim_malformed'],
  ['GitHub: an abbreviated workflow', fixtures.github, { job_workflow_sha: 'bbbbbbb' }, 'claim_malformed'],
  ['GitHub: protected in another word', fixtures.github, { ref_protected: 'TRUE' }, 'claim_malformed'],
  ['GitLab: a ref of another kind', fixtures.gitlab, { ref_type: 'merge_request' }, 'claim_refused'],
  ['GitLab: an id that is none', fixtures.gitlab, { project_id: '20 ' }, 'claim_malformed'],
  ['CircleCI: rerun with SSH', fixtures.circleci, { [circle('ssh-rerun')]: true }, 'claim_refused'],
  ['CircleCI: the same as a text', fixtures.circleci, { [circle('ssh-rerun')]: 'true' }, 'claim_refused'],
  ['CircleCI: anything but no', fixtures.circleci, { [circle('ssh-rerun')]: 1 }, 'claim_refused'],
  [
    'CircleCI: another organization beside iss',
    fixtures.circleci,
    { [circle('org-id')]: stranger },
    'claim_refused',
  ],
  [
    'CircleCI: another organization in sub',
    fixtures.circleci,
    { sub: String(fixtures.circleci.payload['sub']).replace(/^org\/[^/]+/, `org/${stranger}`) },
    'claim_refused',
  ],
  [
    'CircleCI: another project in sub',
    fixtures.circleci,
    { [circle('project-id')]: stranger },
    'claim_refused',
  ],
  ['CircleCI: sub of another form', fixtures.circleci, { sub: 'user/7' }, 'claim_refused'],
  [
    'Buildkite: an id that is a slug',
    fixtures.buildkite,
    { pipeline_id: 'super-duper-app' },
    'claim_malformed',
  ],
  ['Bitbucket: sub of another repository', fixtures.bitbucket, { sub: `{${stranger}}:{x}` }, 'claim_refused'],
  [
    'Bitbucket: UUIDs without braces',
    fixtures.bitbucket,
    { repositoryUuid: stranger, sub: `${stranger}:x` },
    'claim_malformed',
  ],
  [
    'Azure: of a service connection',
    fixtures.azureDevops,
    { sub: 'sc://example/test-oidc/c' },
    'claim_refused',
  ],
  ['Azure: another organization beside iss', fixtures.azureDevops, { org_id: stranger }, 'claim_refused'],
  ['Google: an address not verified', fixtures.googleCloudBuild, { email_verified: false }, 'claim_refused'],
  ['Google: a person', fixtures.googleCloudBuild, { email: 'mona@example.com' }, 'claim_refused'],
  [
    'Google: a person whose domain only ends so',
    fixtures.googleCloudBuild,
    { email: 'mona@evilgserviceaccount.com' },
    'claim_refused',
  ],
  ['Spacelift: neither stack nor module', fixtures.spacelift, { callerType: 'user' }, 'claim_malformed'],
  ['Spacelift: a path for a stack', fixtures.spacelift, { callerId: 'a/b' }, 'claim_malformed'],
  [
    'Terraform: a test run of a module, which has no workspace',
    fixtures.terraformCloud,
    {
      sub: 'organization:my-org:module:vpc:operation:test_run',
      terraform_workspace_id: undefined,
      terraform_workspace_name: undefined,
    },
    'claim_missing',
  ],
  ['Jenkins: a token of no build', fixtures.jenkins, { build_number: undefined }, 'claim_missing'],
  [
    'Jenkins: a build that is no number',
    fixtures.jenkins,
    { build_number: '${BUILD_NUMBER}' },
    'claim_refused',
  ],
  [
    'Kubernetes: bound to no pod',
    fixtures.kubernetes,
    { 'kubernetes.io': { ...k8s, pod: undefined } },
    'claim_missing',
  ],
  [
    'Kubernetes: sub of another account',
    fixtures.kubernetes,
    { sub: 'system:serviceaccount:my-namespace:default' },
    'claim_refused',
  ],
  [
    'Kubernetes: another namespace beside sub',
    fixtures.kubernetes,
    { 'kubernetes.io': { ...k8s, namespace: 'other' } },
    'claim_refused',
  ],
  [
    'Kubernetes: a UID that is none',
    fixtures.kubernetes,
    { 'kubernetes.io': { ...k8s, serviceaccount: { name: 'my-serviceaccount', uid: '1' } } },
    'claim_malformed',
  ],
  ...[
    'https://example.org/ns/ci',
    'spiffe://example.org',
    'spiffe://example.org/',
    'spiffe://example.org//ns',
    'spiffe://example.org/ns/../admin',
    'spiffe://example.org/./ns',
    'spiffe://example.org/ns/',
    'spiffe://EXAMPLE.org/ns',
    'spiffe://example.org:443/ns',
    'spiffe://user@example.org/ns',
    'spiffe://example.org/ns?x=1',
    'spiffe://example.org/ns%2fadmin',
    'SPIFFE://example.org/ns',
  ].map((sub) => [`SPIFFE: ${sub}`, fixtures.spiffe, { sub }, 'claim_malformed'] as const),
]
for (const [what, fixture, changes, reason] of refusals) {
  test(`refused: ${what}`, async () => {
    const result = await verifyChanged(fixture, changes)
    assert.equal(reasonOf(result), reason, result.ok ? '' : result.detail)
  })
}

/** The attributes of the fixture's token with these changes. */
async function attributesOf(fixture: TokenFixture, changes: Record<string, unknown>) {
  const result = await verifyChanged(fixture, changes)
  assert.ok(result.ok, result.ok ? '' : result.detail)
  return result.identity.attributes
}

test('GitHub: a subject from a template of the organization’s own is taken as it is', async () => {
  const sub = 'repository_owner_id:65:job_workflow_ref:octo-org/octo-automation/.github/workflows/oidc.yml@v1'
  assert.equal((await attributesOf(fixtures.github, { sub })).subject, sub)
})

test('GitLab: a ref is full, so that no tag passes for a branch', async () => {
  const refs = [
    ['branch', 'main', 'refs/heads/main'],
    ['tag', 'v1', 'refs/tags/v1'],
    ['branch', 'refs/tags/v1', 'refs/heads/refs/tags/v1'],
    ['tag', 'refs/heads/main', 'refs/tags/refs/heads/main'],
  ] as const
  for (const [ref_type, ref, expected] of refs)
    assert.equal((await attributesOf(fixtures.gitlab, { ref_type, ref })).ref, expected)
})

test('GitLab: where the job ran elsewhere than the code is from, the code is a fork’s', async () => {
  const attributes = await attributesOf(fixtures.gitlab, { job_project_id: '21' })
  assert.equal(attributes.fork, 'true')
  assert.equal(attributes.repository_id, '20')
})

test('Buildkite: a tag is a tag, and HEAD is no commit', async () => {
  assert.equal((await attributesOf(fixtures.buildkite, { build_tag: 'v1' })).ref, 'refs/tags/v1')
  assert.equal((await attributesOf(fixtures.buildkite, { build_tag: '' })).ref, 'refs/heads/main')
  assert.equal('commit' in (await attributesOf(fixtures.buildkite, { build_commit: 'HEAD' })), false)
})

test('Buildkite, Bitbucket: a branch that is called like a tag is a branch', async () => {
  const name = 'refs/tags/v1'
  for (const [fixture, claim] of [
    [fixtures.buildkite, 'build_branch'],
    [fixtures.bitbucket, 'branchName'],
  ] as const)
    assert.equal((await attributesOf(fixture, { [claim]: name })).ref, `refs/heads/${name}`)
})

test('Bitbucket: without a branch there is no ref that a rule could match', async () => {
  for (const branchName of [undefined, ''])
    assert.equal('ref' in (await attributesOf(fixtures.bitbucket, { branchName })), false)
})

test('Azure: the name of a repository elsewhere is no id', async () => {
  const attributes = await attributesOf(fixtures.azureDevops, { rpo_id: 'octo-org/app' })
  assert.equal('repository_id' in attributes, false)
})

test('CircleCI: a token that says nothing of SSH was not rerun with it', async () => {
  const result = await verifyChanged(fixtures.circleci, { [circle('ssh-rerun')]: undefined })
  assert.equal(reasonOf(result), 'accepted')
})

test('Google: an address that only looks like the project’s has no project', async () => {
  for (const email of [
    'x@acme-builds.iam.gserviceaccount.com.gserviceaccount.com',
    'x@y@acme-builds.iam.gserviceaccount.com',
    'x@acme-builds.other.iam.gserviceaccount.com',
  ])
    assert.equal('owner' in (await attributesOf(fixtures.googleCloudBuild, { email })), false, email)
})

test('Google: a machine in another project than its account’s adds nothing of its own', async () => {
  const google = { compute_engine: { project_id: 'evil-builds', project_number: 7 } }
  const named = await attributesOf(fixtures.googleCloudBuild, { google })
  assert.deepEqual([named.owner, named.owner_id], ['acme-builds', undefined])
  const numbered = await attributesOf(fixtures.googleMachine, { google })
  assert.deepEqual([numbered.owner, numbered.owner_id], [undefined, '739419398126'])
  const both = { compute_engine: { project_id: 'acme-builds', project_number: 7 } }
  assert.equal((await attributesOf(fixtures.googleCloudBuild, { google: both })).owner_id, '7')
})

test('Spacelift: a module is not the stack of its name', async () => {
  const attributes = await attributesOf(fixtures.spacelift, { callerType: 'module' })
  assert.equal(attributes.repository_id, 'module/infra')
})

test('a rule need not pin what the issuer is limited to by id; a limit by name does not do', () => {
  const github = fixtures.github.config
  assert.deepEqual(pinsOf(github), ['repository_id', 'owner_id'])
  assert.deepEqual(pinsOf({ ...github, owner_id: '65' } as IssuerConfig), [])
  assert.deepEqual(pinsOf(fixtures.spiffe.config), ['subject'])
  assert.deepEqual(pinsOf({ ...fixtures.kubernetes.config, namespace: 'ci' } as IssuerConfig), [
    'repository_id',
  ])
  assert.deepEqual(pinsOf(fixtures.oidc.config), ['subject', 'team'])
  for (const fixture of Object.values(fixtures)) assert.notDeepEqual(pinsOf(fixture.config), [])
})
