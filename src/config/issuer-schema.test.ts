import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issuerSchema } from './index.ts'

const id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'

// Each row: what one has to write at least, and the URL that stands for it.
const least: readonly (readonly [Record<string, string>, string])[] = [
  [{ kind: 'github-actions' }, 'https://token.actions.githubusercontent.com'],
  [{ kind: 'gitlab' }, 'https://gitlab.com'],
  [{ kind: 'buildkite' }, 'https://agent.buildkite.com'],
  [{ kind: 'google-cloud-build' }, 'https://accounts.google.com'],
  [{ kind: 'terraform-cloud' }, 'https://app.terraform.io'],
  [{ kind: 'circleci', url: `https://oidc.circleci.com/org/${id}` }, `https://oidc.circleci.com/org/${id}`],
  [
    { kind: 'azure-devops', url: `https://vstoken.dev.azure.com/${id}` },
    `https://vstoken.dev.azure.com/${id}`,
  ],
  [{ kind: 'spiffe', url: 'https://oidc.test', trust_domain: 'example.org' }, 'https://oidc.test'],
  ...['bitbucket', 'spacelift', 'jenkins', 'kubernetes', 'oidc'].map(
    (kind) => [{ kind, url: 'https://oidc.test/x' }, 'https://oidc.test/x'] as const,
  ),
]
for (const [written, url] of least) {
  test(`${written['kind']}: the least there is to write; the URL; an audience of its own`, () => {
    const parsed = issuerSchema.parse(written)
    assert.equal(parsed.url, url)
    const azure = parsed.kind === 'azure-devops'
    assert.equal(parsed.audience, azure ? 'api://AzureADTokenExchange' : undefined)
    assert.equal(issuerSchema.parse({ ...written, audience: 'a' }).audience, 'a')
    assert.equal(issuerSchema.safeParse({ ...written, audience: '' }).success, false)
    assert.equal(issuerSchema.safeParse({ ...written, url: 'https://u:p@oidc.test' }).success, false)
    assert.equal(issuerSchema.safeParse({ ...written, unknown: 'x' }).success, false)
  })
}

const at = { url: 'https://oidc.test' }
// Each row: what is refused, since a limit that is written wrongly limits to nobody, or to somebody else.
const refused: readonly Record<string, unknown>[] = [
  { kind: 'github-actions', owner_id: 'octo-org' },
  { kind: 'github-actions', owner_id: '' },
  { kind: 'github-actions', owner_id: '1'.repeat(21) },
  { kind: 'gitlab', namespace_id: 'my-group' },
  { kind: 'circleci' },
  { kind: 'circleci', url: 'https://oidc.circleci.com' },
  { kind: 'circleci', url: 'https://oidc.circleci.com/org/octo-org' },
  { kind: 'circleci', url: `https://oidc.circleci.com/org/${id.toUpperCase()}` },
  { kind: 'circleci', url: `https://oidc.circleci.com/org/${id}/` },
  { kind: 'buildkite', organization_id: 'acme-inc' },
  { kind: 'buildkite', organization_id: id.toUpperCase() },
  { kind: 'bitbucket' },
  { kind: 'bitbucket', ...at, workspace_uuid: id },
  { kind: 'azure-devops' },
  { kind: 'azure-devops', url: 'https://vstoken.dev.azure.com/octo-org' },
  { kind: 'google-cloud-build', project_id: 'Acme Builds' },
  { kind: 'google-cloud-build', project_number: 'acme-builds' },
  { kind: 'spacelift' },
  { kind: 'spacelift', ...at, space_id: '' },
  { kind: 'terraform-cloud', organization_id: 'my-org' },
  { kind: 'jenkins' },
  { kind: 'kubernetes' },
  { kind: 'kubernetes', ...at, namespace: '' },
  { kind: 'spiffe', ...at },
  { kind: 'spiffe', ...at, trust_domain: 'spiffe://example.org' },
  { kind: 'spiffe', ...at, trust_domain: 'Example.org' },
  { kind: 'oidc' },
  { kind: 'oidc', ...at, pins: [] },
  { kind: 'oidc', url: 'ftp://oidc.test' },
  { kind: 'oidc', url: 'https://oidc.test/?x=1' },
]
for (const written of refused) {
  test(`refused: ${JSON.stringify(written)}`, () => {
    assert.equal(issuerSchema.safeParse(written).success, false)
  })
}
