import assert from 'node:assert/strict'
import { test } from 'node:test'
import { azureAudiencesOf, azurePlaceOf } from './azure-hosts.ts'
import { azure } from './azure.ts'

const publicUrl = 'https://management.azure.com'
const at = (name: string, url = publicUrl) => ({
  ...{ name, url, authority: new URL(url).host },
  settings: { tenant: 'the-tenant', subscription: `of-${name}` },
})
const inside = { ca: '/run/ca.pem', settings: '/run/settings' }

test('a federated token for each connection, which opens nothing; the first is what tools take', () => {
  const files = azure.settingsFiles([at('prod'), at('lab')])
  assert.deepEqual(
    files.map(({ name, variable, text }) => [name, variable, text]),
    [
      ['azure-prod-token', 'AZURE_FEDERATED_TOKEN_FILE', 'mayfly-stand-in-prod'],
      ['azure-lab-token', undefined, 'mayfly-stand-in-lab'],
    ],
  )
  const variables = azure.variables([at('prod'), at('lab')], inside)
  assert.equal(variables['AZURE_TENANT_ID'], 'the-tenant')
  assert.equal(variables['ARM_SUBSCRIPTION_ID'], 'of-prod')
  assert.equal(variables['ARM_OIDC_TOKEN_FILE_PATH'], '/run/settings/azure-prod-token')
  assert.equal(variables['AZURE_AUTHORITY_HOST'], 'https://login.microsoftonline.com/')
  assert.equal(
    azure.variables([at('x', 'https://management.usgovcloudapi.net')], inside)['AZURE_AUTHORITY_HOST'],
    'https://login.microsoftonline.us/',
  )
  assert.deepEqual(azure.variables([], inside), {})
})

test('doors: where tokens come from, and the accounts and vaults that grants write out', () => {
  const grants = [
    'azure:read prod/blob/containers/blobs/read@releases/app/*',
    'azure:call prod/vault/secrets/getsecret/action@shop-vault',
    'azure:call prod/queue:POST@jobs*',
    'azure:call lab/blob/containers/blobs/read@other/x',
    'azure:call prod/microsoft.web/sites/write@shop-rg/shop',
  ]
  assert.deepEqual(azure.doors(at('prod'), grants), [
    'login.microsoftonline.com',
    'releases.blob.core.windows.net',
    'shop-vault.vault.azure.net',
  ])
  assert.deepEqual(azureAudiencesOf(grants), ['management', 'storage', 'vault'])
  assert.deepEqual(azureAudiencesOf(['azure:credential prod', 'azure:call prod/table:GET']), ['storage'])
})

test('hosts: an account with its read-only copy, and nothing that only looks so', () => {
  const place = (host: string) => azurePlaceOf(host, publicUrl)
  assert.deepEqual(place('releases-secondary.blob.core.windows.net'), { service: 'blob', of: 'releases' })
  assert.deepEqual(place('shop.vault.azure.net'), { service: 'vault', of: 'shop' })
  for (const host of [
    'a.b.blob.core.windows.net',
    're-leases.blob.core.windows.net',
    'x.core.windows.net',
    'blob.core.windows.net',
    'releases.blob.core.windows.net.elsewhere.test',
    'a.b.vault.azure.net',
  ])
    assert.equal(place(host), undefined, host)
})

test('grants: a provider or service is written out, in lower case', () => {
  const { form } = azure.path
  for (const good of [
    'microsoft.web/*',
    'microsoft.web/sites/slots/*',
    'microsoft.web/*/write',
    'blob/containers/blobs/read',
    'arm:*',
    'queue:POST',
  ])
    assert.ok(form.possible(good), good)
  for (const bad of [
    '*',
    '*/write',
    'micro*',
    'microsoft.web',
    'Microsoft.Web/sites/write',
    'disk/x',
    'arm:get',
  ])
    assert.ok(!form.possible(bad), bad)
  assert.equal(form.meant('Microsoft.Web/Sites/write'), 'microsoft.web/sites/write')
})
