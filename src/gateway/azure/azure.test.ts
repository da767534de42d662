import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hosts, openAzure, subscription, tenant, tokenIn, type Asking } from './azure.fixture.ts'

const grants = [
  'azure:call prod/blob/containers/blobs/write@releases/app/*',
  'azure:read prod/blob/containers/blobs/read@releases/*',
  'azure:call prod/vault/secrets/getsecret/action@shop/db',
  'azure:call prod/microsoft.web/sites/write@shop-rg/shop',
  'azure:call prod/microsoft.web/sites/restart/action@shop-rg/*',
  'azure:call prod/microsoft.web/sites/config/*@shop-rg/*',
  'azure:call prod/queue:POST@releases/jobs/messages',
]

const inGroup = `/subscriptions/${subscription}/resourceGroups/shop-rg`
const put = { method: 'PUT', body: 'hello' } as const

test('what is granted goes on with the token for its host, by the name that was judged', async (t) => {
  const world = await openAzure(t, grants)
  const cases: [Asking, string, audience: string][] = [
    [
      { host: hosts.blob, path: '/app/a%20b/c?snapshot=2026-01-01T00:00:00Z' },
      '/app/a%20b/c?snapshot=2026-01-01T00%3A00%3A00Z',
      'storage',
    ],
    [
      { host: hosts.second, path: '/app?restype=container&comp=list&prefix=a+b' },
      '/app?restype=container&comp=list&prefix=a%20b',
      'storage',
    ],
    [
      { host: hosts.blob, path: '/app/x', ...put, headers: { 'x-ms-blob-type': 'BlockBlob' } },
      '/app/x',
      'storage',
    ],
    [
      { host: hosts.blob, path: '/app/x?comp=block&blockid=AAA%3D', ...put },
      '/app/x?comp=block&blockid=AAA%3D',
      'storage',
    ],
    [{ host: hosts.queue, path: '/jobs/messages', ...put, method: 'POST' }, '/jobs/messages', 'storage'],
    [{ host: hosts.vault, path: '/secrets/db/?api-version=7.5' }, '/secrets/db/?api-version=7.5', 'vault'],
    [
      {
        path: `${inGroup.toUpperCase().replace('SUBSCRIPTIONS', 'subscriptions')}/providers/Microsoft.Web/Sites/Shop?api-version=1`,
        ...put,
      },
      `/subscriptions/${subscription}/RESOURCEGROUPS/SHOP-RG/providers/Microsoft.Web/Sites/Shop?api-version=1`,
      'management',
    ],
    [
      { path: `${inGroup}/providers/Microsoft.Web/sites/shop/restart`, method: 'POST' },
      `${inGroup}/providers/Microsoft.Web/sites/shop/restart`,
      'management',
    ],
  ]
  for (const [asking, sent, audience] of cases) {
    const answer = await world.askAzure(asking)
    assert.equal(answer.status, 200, `${asking.path} ${answer.head} ${answer.body}`)
    const seen = world.azure.seen.at(-1)
    assert.equal(seen?.url, sent)
    assert.equal(String(seen?.body), asking.body ?? '')
    assert.equal(seen?.headers.authorization, `Bearer ${audience}-of-prod`)
  }
  assert.deepEqual(
    world.audit
      .ofType('access.granted')
      .map(({ data }) => data['operations'])
      .slice(0, 2),
    [
      [
        {
          action: 'azure:read',
          connection: 'prod',
          path: 'blob/containers/blobs/read',
          ref: 'releases/app/a%20b/c',
        },
      ],
      [{ action: 'azure:read', connection: 'prod', path: 'blob/containers/blobs/read', ref: 'releases/app' }],
    ],
  )
  assert.equal(world.audit.ofType('access.granted')[6]?.data['operations'] !== undefined, true)
  assert.deepEqual(world.audit.ofType('access.granted')[6]?.data['operations'], [
    { action: 'azure:call', connection: 'prod', path: 'microsoft.web/sites/write', ref: 'shop-rg/shop' },
  ])
})

test('two connections on one host: the stand-in says which is meant', async (t) => {
  const world = await openAzure(t, grants)
  const asking = { host: hosts.blob, path: '/lab/x' }
  assert.equal((await world.askAzure({ ...asking, as: 'lab' })).status, 200)
  assert.equal(world.azure.seen[0]?.headers.authorization, 'Bearer storage-of-lab')
  const { body } = await world.askAzure({ host: hosts.blob, path: '/app/x', as: 'lab' })
  assert.match(body, /azure:read lab\/blob\/containers\/blobs\/read@releases\/app\/x/)
})

test('a login is answered by the gateway, in the forms that tools ask in: nobody else hears of it', async (t) => {
  const world = await openAzure(t, grants)
  const answer = await world.login('prod')
  assert.equal(answer.status, 200)
  const claims = JSON.parse(
    Buffer.from(tokenIn(answer).split('.')[1] ?? '', 'base64url').toString(),
  ) as Record<string, unknown>
  assert.deepEqual(
    [claims['aud'], claims['tid'], claims['mayfly']],
    ['https://storage.azure.com', tenant, 'mayfly-stand-in-prod'],
  )
  for (const [path, said] of [
    [
      `/${tenant}/v2.0/.well-known/openid-configuration`,
      /"issuer":"https:\/\/login\.microsoftonline\.com\/1{8}/,
    ],
    ['/common/discovery/instance?api-version=1.1&authorization_endpoint=x', /"tenant_discovery_endpoint"/],
  ] as const)
    assert.match((await world.askAzure({ host: hosts.login, path, as: '' })).body, said)
  for (const form of [
    { client_assertion: 'eyJ.own.identity' },
    { client_assertion: '', client_secret: 'own-secret' },
    { grant_type: 'refresh_token' },
  ]) {
    const other = await world.login('prod', form)
    assert.equal(other.status, 401)
    assert.match(
      other.body,
      /"error":"invalid_client","error_description":"mayfly: refused: .*not the stand-in/,
    )
  }
  const machine = (header: string) =>
    world.askAzure({
      ...{
        host: hosts.login,
        path: '/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net',
        as: '',
      },
      headers: { 'x-identity-header': header },
    })
  assert.match(
    (await machine('mayfly-stand-in-prod')).body,
    /"resource":"https:\/\/vault\.azure\.net","expires_on"/,
  )
  assert.equal((await machine('own')).status, 401)
  const devices = await world.askAzure({
    host: hosts.login,
    path: `/${tenant}/oauth2/v2.0/devicecode`,
    method: 'POST',
    as: '',
  })
  assert.equal(devices.status, 403)
  assert.match(
    (await world.askAzure({ path: '/subscriptions?api-version=2022-12-01' })).body,
    new RegExp(subscription),
  )
  const vault = await world.askAzure({ host: hosts.vault, path: '/secrets/db', as: '' })
  assert.equal(vault.status, 401)
  assert.match(
    vault.head,
    /www-authenticate: Bearer authorization="https:\/\/login\.microsoftonline\.com\/1{8}.*resource="https:\/\/vault\.azure\.net"/i,
  )
  assert.equal(world.azure.begun.length, 0)
})

test('a refusal is Azure’s own, names the grant, and upstream hears nothing of it', async (t) => {
  const world = await openAzure(t, [
    ...grants,
    ...['arm:*', 'queue:*', 'vault:*', 'table:*'].map((all) => `azure:call prod/${all}`),
    'azure:call prod/microsoft.containerservice/*',
    'azure:call prod/microsoft.storage/*',
  ])
  const blob = (path: string, more: Partial<Asking> = {}): Asking => ({ host: hosts.blob, path, ...more })
  const copy = (source: string, more: Readonly<Record<string, string>> = {}): Asking =>
    blob('/app/x', { method: 'PUT', headers: { 'x-ms-copy-source': source, ...more } })
  const arm = (path: string, method = 'GET'): Asking => ({
    path: `${inGroup}/providers/${path}?api-version=1`,
    method,
  })
  const cases: [Asking, RegExp][] = [
    [
      blob('/app/x', { method: 'DELETE' }),
      /<Error><Code>AuthorizationPermissionMismatch<.*azure:call prod\/blob\/containers\/blobs\/delete@releases\/app\/x/,
    ],
    [blob('/other/x', put), /blobs\/write@releases\/other\/x/],
    [blob('/x', put), /blobs\/write@releases\/\$root\/x/],
    [blob('/app?restype=container', put), /blob\/containers\/write@releases\/app/],
    [blob('/app?restype=container&comp=acl', put), /containers\/setacl\/action@releases\/app/],
    [
      blob('/app?restype=container', { ...put, headers: { 'x-ms-blob-public-access': 'blob' } }),
      /setacl\/action@releases\/app/,
    ],
    [blob('/app/x', { ...put, headers: { 'x-ms-tags': 'a=b' } }), /blobs\/tags\/write@releases\/app\/x/],
    [
      blob('/app/x', { ...put, headers: { 'x-ms-legal-hold': 'true' } }),
      /immutablestorage\/runassuperuser\/action@releases\/app\/x/,
    ],
    [
      blob('/app?restype=container&comp=undelete', put),
      /blob:PUT@releases\/app%3Fcomp=undelete&amp;restype=container/,
    ],
    [blob('/app/x?versionid=1', { method: 'DELETE' }), /deleteblobversion\/action@/],
    [blob('/?comp=list'), /blob\/containers\/read@releases/],
    [blob('/?restype=service&comp=userdelegationkey', { ...put, method: 'POST' }), /would be a credential/],
    [blob('/?comp=batch', { ...put, method: 'POST' }), /batch of requests/],
    [blob('/app?restype=container&comp=batch', { ...put, method: 'POST' }), /batch of requests/],
    [blob('/app/x?sv=1&sig=abc'), /signed URL \(SAS\)/],
    [blob('/app/x?comp=tags&Comp=metadata'), /parameter twice/],
    [blob('/app/..%2Fy'), /`\.\.`/],
    [blob('/app/x?VersionId=1', { method: 'DELETE' }), /in lower case/],
    [blob('/app?restype=Container&comp=list'), /in lower case/],
    [arm('Microsoft.Web/sites/%E2%84%AA'), /others than they seem/],
    [arm('Microsoft.Search/searchServices/s/createQueryKey/mine', 'POST'), /would be a credential/],
    [arm('Microsoft.Storage/storageAccounts/releases/listKeys%20', 'POST'), /would be a credential/],
    [arm('Microsoft.Web/sites/shop/functions/f/keys/mine', 'PUT'), /would be a credential/],
    [arm('Microsoft.Web/sites/providers/hostruntime/admin/host/systemkeys/_master'), /would be a credential/],
    [blob('/app%5Cx'), /backslash/],
    [blob('/app%2Fx/y'), /container has no name/],
    [blob('/app/x', { as: '' }), /does not show the stand-in/],
    [blob('/app/x', { headers: { authorization: 'SharedKey releases:c2ln' } }), /does not show the stand-in/],
    [blob('/app/x', { headers: { authorization: 'Bearer eyJ.own.token' } }), /does not show the stand-in/],
    [blob('/app/x', { ...put, headers: { 'x-http-method-override': 'DELETE' } }), /method is what it is/],
    [copy('https://secret.blob.core.windows.net/k/x'), /blobs\/read@secret\/k\/x/],
    [copy('https://releases.blob.core.windows.net/app/x?sig=abc'), /signature \(SAS\)/],
    [copy('https://elsewhere.test/x'), /no blob of Azure/],
    [copy('http://releases.blob.core.windows.net/app/x'), /no blob of Azure/],
    [copy('https://releases.blob.core.windows.net/app/../x'), /no blob of Azure/],
    [
      copy('https://releases.blob.core.windows.net/app/y', {
        'x-ms-copy-source-authorization': 'Bearer own',
      }),
      /copy-source-authorization is not the stand-in/,
    ],
    [
      { host: hosts.queue, path: '/jobs', ...put, headers: { 'x-ms-rename-source': '/x' } },
      /x-ms-rename-source/,
    ],
    [{ host: hosts.table, path: '/$batch', ...put, method: 'POST' }, /batch of requests/],
    [
      { host: hosts.vault, path: '/secrets/other' },
      /"innererror".*|vault\/secrets\/getsecret\/action@shop\/other/,
    ],
    [
      { host: hosts.vault, path: '/keys/k/sign', ...put, method: 'POST' },
      /vault\/keys\/sign\/action@shop\/k/,
    ],
    [
      arm('Microsoft.Web/sites/shop', 'DELETE'),
      /^\{"error":\{"code":"AuthorizationFailed","message":"mayfly: refused: .*azure:call prod\/microsoft\.web\/sites\/delete@shop-rg\/shop/,
    ],
    [arm('Microsoft.Web/SITES/API', 'PUT'), /microsoft\.web\/sites\/write@shop-rg\/api/],
    [
      arm('Microsoft.Web/sites/shop/providers/Microsoft.Authorization/roleAssignments/x', 'PUT'),
      /microsoft\.authorization\/roleassignments\/write@shop-rg\/microsoft\.web\/sites\/shop\/x/,
    ],
    [
      arm('Microsoft.ContainerService/managedClusters/web/listClusterUserCredential', 'POST'),
      /would be a credential.*kind kubernetes/,
    ],
    [
      arm('Microsoft.ContainerService/managedClusters/web/accessProfiles/clusterAdmin'),
      /would be a credential/,
    ],
    [arm('Microsoft.Storage/storageAccounts/releases/listKeys', 'POST'), /would be a credential/],
    [arm('Microsoft.Storage/storageAccounts/releases/ListServiceSas/', 'POST'), /would be a credential/],
    [arm('Microsoft.Web/sites/shop/config/publishingcredentials/list', 'POST'), /would be a credential/],
    [
      { path: `/subscriptions/${tenant}/resourceGroups/shop-rg`, method: 'DELETE' },
      /is for subscription 1{8}/,
    ],
    [
      { path: inGroup, method: 'DELETE' },
      /microsoft\.resources\/subscriptions\/resourcegroups\/delete@shop-rg/,
    ],
    [
      { path: '/providers/Microsoft.Management/managementGroups/all', method: 'DELETE' },
      /managementgroups\/delete@\/all/,
    ],
    [{ path: '/batch?api-version=1', method: 'POST' }, /batch of requests/],
    [{ path: `/subscriptions//resourceGroups`, method: 'PUT' }, /parts without a name/],
  ]
  for (const [asking, why] of cases) {
    const { status, body } = await world.askAzure(asking)
    assert.equal(status, 403, `${asking.path} ${body}`)
    assert.match(body, why)
  }
  assert.equal(world.azure.begun.length, 0)
})

test('a copy within what is granted has the token for its source, too', async (t) => {
  const world = await openAzure(t, grants)
  const shown = `Bearer ${tokenIn(await world.login('prod'))}`
  const answer = await world.askAzure({
    ...{ host: hosts.blob, path: '/app/y', method: 'PUT' },
    headers: {
      'x-ms-copy-source': 'https://releases.blob.core.windows.net/app/x%20y',
      'x-ms-copy-source-authorization': shown,
      'x-ms-client-token': 'x',
    },
  })
  assert.equal(answer.status, 200, answer.body)
  const seen = world.azure.seen[0]?.headers
  assert.equal(seen?.['x-ms-copy-source-authorization'], 'Bearer storage-of-prod')
  assert.equal(seen?.['x-ms-client-token'], undefined)
  assert.equal(world.audit.ofType('operations.done').length, 0)
})

test('a host that sends the tool elsewhere, or a token that it does not take', async (t) => {
  const world = await openAzure(t, grants)
  world.azure.handle = (_, response) =>
    void response.writeHead(302, { location: 'https://elsewhere.test/' }).end()
  const sent = await world.askAzure({ host: hosts.blob, path: '/app/x' })
  assert.equal(sent.status, 502)
  assert.match(sent.body, /sends the tool on/)
  world.azure.handle = (_, response) => void response.writeHead(401).end()
  await world.askAzure({ host: hosts.blob, path: '/app/x' })
  assert.match(String(world.brokers.refused.at(-1)), /Bearer storage-of-prod$/)
})
