import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digest, errorOf, indexType, manifestOf, manifestType, openRegistryWorld } from './oci.fixture.ts'

const layer = 'the layer'
const manifest = manifestOf(layer)
const name = digest(manifest)
const tagged = { status: 200, headers: { 'content-type': manifestType }, body: manifest }
const blobPath = `/v2/octo/app/blobs/${digest(layer)}`

test('the ping is answered here: no login, and nothing goes out', async (t) => {
  const { ask, requests } = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  const answer = await ask('GET', '/v2/', { headers: { authorization: 'Basic bWU6bWluZQ==' } })
  assert.equal(answer.status, 200)
  assert.match(answer.head, /docker-distribution-api-version: registry\/2\.0/i)
  assert.deepEqual(requests(), [])
})

test('a tag is pulled, its digest is ours, and what it named is in the log before it is handed out', async (t) => {
  const { ask, replies, seen, world } = await openRegistryWorld(t, ['oci:pull images/octo/app@v*'])
  replies.set('GET /v2/octo/app/manifests/v1', tagged)
  const answer = await ask('GET', '/v2/octo/app/manifests/v1', {
    headers: { authorization: 'Bearer mine', cookie: 'a=b', accept: manifestType },
  })
  assert.equal(answer.status, 200)
  assert.equal(answer.body, manifest.toString())
  assert.match(answer.head, new RegExp(`docker-content-digest: ${name}`, 'i'))
  const details = world.audit.ofType('access.granted').map(({ data }) => data?.['oci'])
  assert.deepEqual(details, [{ manifest: 'v1' }, { tag: 'v1', digest: name, size: manifest.length }])
  // By the record the least grant is one for the tag: what it consists of needs none of its own.
  assert.deepEqual(
    world.audit.ofType('access.granted').map(({ data }) => data?.['operations']),
    [
      [{ action: 'oci:pull', connection: 'images', path: 'octo/app', ref: 'v1' }],
      [{ action: 'oci:pull', connection: 'images', path: 'octo/app' }],
    ],
  )
  const [{ headers }] = seen() as [typeof seen extends () => readonly (infer S)[] ? S : never]
  assert.match(headers.authorization ?? '', /^Basic /)
  assert.notEqual(headers.authorization, 'Bearer mine')
  assert.equal(headers.cookie, undefined)
  assert.equal(headers.accept, manifestType)
})

test('HEAD of a tag is answered with our digest, not with the registry’s word', async (t) => {
  const { ask, replies } = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  replies.set('GET /v2/octo/app/manifests/v1', tagged)
  const answer = await ask('HEAD', '/v2/octo/app/manifests/v1')
  assert.equal(answer.status, 200)
  assert.match(answer.head, new RegExp(`docker-content-digest: ${name}`, 'i'))
  assert.match(answer.head, new RegExp(`content-length: ${manifest.length}`, 'i'))
  assert.equal(answer.body, '')
})

test('as docker pulls: the head of a tag, then its digest, then its parts', async (t) => {
  const { ask, replies, world } = await openRegistryWorld(t, ['oci:pull images/octo/app@v*'])
  replies.set('GET /v2/octo/app/manifests/v1', tagged)
  replies.set(`GET /v2/octo/app/manifests/${name}`, tagged)
  replies.set(`GET ${blobPath}`, { status: 200, body: layer })
  assert.equal((await ask('GET', `/v2/octo/app/manifests/${name}`)).status, 403)
  await ask('HEAD', '/v2/octo/app/manifests/v1')
  assert.deepEqual(world.audit.ofType('access.granted').at(-1)?.data?.['oci'], {
    tag: 'v1',
    digest: name,
    size: manifest.length,
  })
  assert.equal((await ask('GET', blobPath)).status, 403)
  assert.equal((await ask('GET', `/v2/octo/app/manifests/${name}`)).status, 200)
  assert.equal((await ask('GET', blobPath)).body, layer)
})

const liars: readonly (readonly [string, string, { headers?: object; body?: Buffer }, RegExp])[] = [
  [
    'says another digest than it sends',
    'v1',
    { headers: { 'docker-content-digest': digest('x') } },
    /the registry says that its digest is sha256:/,
  ],
  [
    'sends another manifest than the digest names',
    name,
    { body: manifestOf('evil') },
    /is not what its digest names/,
  ],
  [
    'sends a manifest that is an index, too',
    'v1',
    { body: manifestOf(layer, { manifests: [] }) },
    /both layers and manifests/,
  ],
  [
    'calls an image an index',
    'v1',
    { headers: { 'content-type': indexType } },
    /says that it is application\/vnd\.oci\.image\.manifest/,
  ],
  ['sends no JSON', 'v1', { body: Buffer.from('<html>') }, /is no JSON/],
  ['sends 5 MB', 'v1', { body: Buffer.alloc(5_000_000, 32) }, /longer than 4194304 bytes/],
  ['sends brackets', 'v1', { body: Buffer.alloc(1_000_000, '[') }, /nested more than 64 deep/],
]
for (const [what, ref, lie, reason] of liars) {
  test(`a registry that ${what} is refused`, async (t) => {
    const { ask, replies } = await openRegistryWorld(t, ['oci:pull images/octo/app'])
    replies.set(`GET /v2/octo/app/manifests/${ref}`, {
      ...tagged,
      ...lie,
      headers: { ...tagged.headers, ...lie.headers },
    })
    const answer = await ask('GET', `/v2/octo/app/manifests/${ref}`)
    assert.equal(answer.status, 403)
    assert.equal(errorOf(answer).code, 'DENIED')
    assert.match(errorOf(answer).message, reason)
  })
}

test('a blob passes when its digest holds, and its last bytes never when not', async (t) => {
  const { ask, replies } = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  replies.set(`GET ${blobPath}`, { status: 200, body: layer })
  assert.equal((await ask('GET', blobPath)).body, layer)
  replies.set(`GET ${blobPath}`, { status: 200, body: 'the lAyer' })
  const bad = await ask('GET', blobPath)
  assert.equal(bad.body, '')
  replies.set(`GET ${blobPath}`, {
    status: 200,
    headers: { 'docker-content-digest': digest('x') },
    body: layer,
  })
  assert.match(errorOf(await ask('GET', blobPath)).message, /the registry says that its digest/)
})

test('a blob that the registry breaks off in the middle is cut off for the step, too', async (t) => {
  const { ask, world } = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  world.upstream.handle = (_request, response) => {
    response.writeHead(200, { 'content-length': layer.length })
    response.write('the ', () => response.destroy())
  }
  const broken = await ask('GET', blobPath)
  assert.notEqual(broken.body, layer)
  assert.ok(!broken.body.includes(layer.slice(4)))
})

test('a part of a blob is cut out of the whole, which is read and held against its digest', async (t) => {
  const { ask, replies, seen } = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  replies.set(`GET ${blobPath}`, { status: 200, body: layer })
  const part = await ask('GET', blobPath, { headers: { range: 'bytes=4-6' } })
  assert.equal(part.status, 206)
  assert.equal(part.body, 'lay')
  assert.match(part.head, /content-range: bytes 4-6\/9/i)
  assert.equal(seen().at(-1)?.headers.range, undefined)
  replies.set(`GET ${blobPath}`, { status: 200, body: 'the layeR' })
  assert.equal((await ask('GET', blobPath, { headers: { range: 'bytes=0-2' } })).body, '')
})

test('a grant for a tag is one for what the tag consists of, and for nothing else', async (t) => {
  const { ask, replies, requests } = await openRegistryWorld(t, ['oci:pull images/octo/app@v*'])
  replies.set('GET /v2/octo/app/manifests/v1', tagged)
  replies.set(`GET ${blobPath}`, { status: 200, body: layer })
  const early = await ask('GET', blobPath)
  assert.equal(early.status, 403)
  assert.match(errorOf(early).message, new RegExp(`"oci:pull images/octo/app@${digest(layer)}"`))
  assert.deepEqual(requests(), [])
  await ask('GET', '/v2/octo/app/manifests/v1')
  assert.equal((await ask('GET', blobPath)).body, layer)
  assert.equal((await ask('GET', `/v2/octo/app/blobs/${digest('other')}`)).status, 403)
  assert.equal((await ask('GET', `/v2/octo/other/blobs/${digest(layer)}`)).status, 403)
  // What stands beside it may be asked for, what stands beside another not.
  const beside = (of: string) => `/v2/octo/app/manifests/${of.replace(':', '-')}.sig`
  assert.equal((await ask('GET', beside(name))).status, 404)
  assert.equal((await ask('GET', beside(digest('other')))).status, 403)
})

test('referrers: what they list may be pulled then', async (t) => {
  const { ask, replies } = await openRegistryWorld(t, ['oci:pull images/octo/app@v*'])
  const signature = manifestOf('signature')
  replies.set('GET /v2/octo/app/manifests/v1', tagged)
  replies.set(`GET /v2/octo/app/referrers/${name}?artifactType=a%2Fb`, {
    status: 200,
    headers: { 'content-type': indexType, 'oci-filters-applied': 'artifactType' },
    body: JSON.stringify({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [{ mediaType: manifestType, digest: digest(signature), size: signature.length }],
    }),
  })
  replies.set(`GET /v2/octo/app/manifests/${digest(signature)}`, { ...tagged, body: signature })
  assert.equal((await ask('GET', `/v2/octo/app/referrers/${name}`)).status, 403)
  await ask('GET', '/v2/octo/app/manifests/v1')
  const listed = await ask('GET', `/v2/octo/app/referrers/${name}?artifactType=a%2Fb`)
  assert.equal(listed.status, 200)
  assert.match(listed.head, /oci-filters-applied: artifactType/i)
  assert.equal((await ask('GET', `/v2/octo/app/manifests/${digest(signature)}`)).status, 200)
})

test('what the registry does not have is 404 in its own form', async (t) => {
  const { ask, replies } = await openRegistryWorld(t, ['oci:pull images/octo/app'])
  replies.set('GET /v2/octo/app/manifests/v9', {
    status: 404,
    body: '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Authorization: Basic aW5qZWN0ZWQ6Zm9yLWltYWdlcw=="}]}',
  })
  const answer = await ask('GET', '/v2/octo/app/manifests/v9')
  assert.equal(answer.status, 404)
  assert.equal(errorOf(answer).code, 'MANIFEST_UNKNOWN')
  assert.doesNotMatch(answer.body, /aW5qZWN0ZWQ/)
})

test('lists: tags by a grant of their own, the catalog by another, and names only', async (t) => {
  const { ask, replies, requests } = await openRegistryWorld(t, ['oci:list images/octo/app'])
  replies.set('GET /v2/octo/app/tags/list?n=2', {
    status: 200,
    headers: { link: '</v2/octo/app/tags/list?last=v2&n=2>; rel="next"' },
    body: '{"name":"octo/app","tags":["v1","v2","not a tag"],"leak":"x"}',
  })
  const tags = await ask('GET', '/v2/octo/app/tags/list?n=2')
  assert.deepEqual(JSON.parse(tags.body), { name: 'octo/app', tags: ['v1', 'v2'] })
  assert.match(tags.head, /link: <\/v2\/octo\/app\/tags\/list\?last=v2&n=2>; rel="next"/i)
  const before = requests().length
  const catalog = await ask('GET', '/v2/_catalog')
  assert.match(errorOf(catalog).message, /"oci:catalog images"/)
  assert.equal((await ask('GET', '/v2/octo/other/tags/list')).status, 403)
  assert.equal(requests().length, before)
})

test('the catalog is granted as such', async (t) => {
  const { ask, replies } = await openRegistryWorld(t, ['oci:catalog images'])
  replies.set('GET /v2/_catalog', { status: 200, body: '{"repositories":["octo/app","../x"]}' })
  assert.deepEqual(JSON.parse((await ask('GET', '/v2/_catalog')).body), { repositories: ['octo/app'] })
})

const tricks = [
  'GET /v2/octo/APP/manifests/v1',
  'GET /v2/octo/app/../other/manifests/v1',
  'GET /v2/octo/..%2fother/manifests/v1',
  'GET /v2/octo%2fapp/manifests/v1',
  'GET /v2//octo/app/manifests/v1',
  'GET /v2/octo/app/manifests/v1/',
  'GET /v2/octo/app/manifests/',
  'GET /v2/octo/app/manifests/v1?x=1',
  'GET /v2/octo/app/manifests/-v1',
  'GET /v2/octo/app/manifests/sha256:abc',
  'GET /v2/octo/app/manifests/md5:d41d8cd98f00b204e9800998ecf8427e',
  'GET /v2/octo/app/blobs/v1',
  'GET /v2/octo/_app/manifests/v1',
  'GET /v2/octo/app/_trust/tuf/root.json',
  'POST /v2/octo/app/manifests/v1',
  'PATCH /v2/octo/app/manifests/v1',
  'GET /v2/octo/app/tags/list?n=1&n=2',
  'GET /v2',
  'GET /v1/_ping',
  'GET /token?service=x',
  'OPTIONS /v2/',
]
for (const trick of tricks) {
  test(`refused, and nothing goes out: ${trick}`, async (t) => {
    const { ask, requests } = await openRegistryWorld(t, [
      'oci:pull images/*',
      'oci:force images/*',
      'oci:delete images/*',
      'oci:list images/*',
    ])
    const [method = '', path = ''] = trick.split(' ')
    const answer = await ask(method, path)
    assert.ok(answer.status === 403 || answer.status === 400, String(answer.status))
    assert.deepEqual(requests(), [])
  })
}

for (const said of ['application/json', 'application/octet-stream; x=y', 'text/plain; charset=utf-8'])
  test(`a manifest that comes as ${said} is what its own media type says`, async (t) => {
    const { ask, replies } = await openRegistryWorld(t, ['oci:pull images/octo/app@v*'])
    replies.set('GET /v2/octo/app/manifests/v1', { ...tagged, headers: { 'content-type': said } })
    // containerd tells a mirror whose registry it means.
    const answer = await ask('GET', '/v2/octo/app/manifests/v1?ns=images.test')
    assert.equal(answer.status, 200, answer.body)
    assert.match(answer.head, new RegExp(`content-type: ${manifestType.replaceAll('+', '\\+')}`, 'i'))
    const odd = manifestOf(layer, { mediaType: 'text/html' })
    replies.set('GET /v2/octo/app/manifests/v2', {
      status: 200,
      headers: { 'content-type': said },
      body: odd,
    })
    assert.equal((await ask('GET', '/v2/octo/app/manifests/v2')).status, 403)
  })

test('the next page of a list is asked for with the parameters that the registry named, and with no others', async (t) => {
  const { ask, replies, requests } = await openRegistryWorld(t, ['oci:list images/octo/app'])
  const list = '/v2/octo/app/tags/list'
  const body = JSON.stringify({ name: 'octo/app', tags: ['v1'] })
  replies.set(`GET ${list}`, {
    status: 200,
    headers: { link: `<${list}?_cursor=a%2Fb&n=1>; rel="next"` },
    body,
  })
  replies.set(`GET ${list}?_cursor=a%2Fb&n=1`, { status: 200, body })
  assert.equal((await ask('GET', `${list}?_cursor=a%2Fb&n=1`)).status, 403)
  const [, next = ''] = /link: <([^>]+)>/i.exec((await ask('GET', list)).head) ?? []
  assert.equal((await ask('GET', next)).status, 200)
  assert.equal((await ask('GET', `${list}?_cursor=other&n=1`)).status, 403)
  assert.deepEqual(requests(), [`GET ${list}`, `GET ${list}?_cursor=a%2Fb&n=1`])
})
