import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptedIn } from '../gateway.fixture.ts'
import { leakInspection, markerInspection } from '../look.fixture.ts'
import {
  digest,
  errorOf,
  indexType,
  manifestOf,
  manifestType,
  openRegistryWorld,
  registryHost,
} from './oci.fixture.ts'

const manifest = manifestOf('layer')
const name = digest(manifest)
const typed = { 'content-type': manifestType }
const at = (ref: string) => `/v2/octo/app/manifests/${ref}`
const uploads = '/v2/octo/app/blobs/uploads/'

const taken = { status: 201 }

test('a new tag is pushed; its digest is recorded and answered', async (t) => {
  const { ask, replies, seen, world } = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  replies.set(`PUT ${at('v1')}`, taken)
  const answer = await ask('PUT', at('v1'), { headers: typed, body: manifest })
  assert.equal(answer.status, 201)
  assert.match(answer.head, new RegExp(`docker-content-digest: ${name}`, 'i'))
  assert.match(answer.head, new RegExp(`location: /v2/octo/app/manifests/${name}`, 'i'))
  assert.deepEqual(
    seen().map(({ method, url, body }) => [method, url, body.toString()]),
    [
      ['GET', at('v1'), ''],
      ['PUT', at('v1'), manifest.toString()],
    ],
  )
  assert.deepEqual(world.audit.ofType('access.granted')[0]?.data?.['oci'], {
    manifest: name,
    type: manifestType,
    tag: 'v1',
  })
  const [published, ...others] = await acceptedIn(world, 'packages.published')
  assert.deepEqual([published?.['tag'], published?.['status'], others], ['v1', 201, []])
  assert.match(String(published?.['purl']), /^pkg:oci\/app@sha256%3A/)
  assert.deepEqual(
    world.materials.published.map(({ digest: of, tag, connection }) => [of, tag, connection]),
    [[name, 'v1', 'images']],
  )
})

test('a tag outside of the grant never reaches the registry', async (t) => {
  const { ask, requests } = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  for (const [path, grant] of [
    [at('latest'), 'oci:push images/octo/app@latest'],
    ['/v2/octo/other/manifests/v1', 'oci:push images/octo/other@v1'],
  ] as const) {
    const answer = await ask('PUT', path, { headers: typed, body: manifest })
    assert.equal(answer.status, 403)
    assert.ok(errorOf(answer).message.includes(`"${grant}"`), answer.body)
  }
  assert.equal((await ask('POST', '/v2/octo/other/blobs/uploads/')).status, 403)
  assert.equal((await ask('DELETE', at('v1'))).status, 403)
  assert.deepEqual(requests(), [])
})

test('a tag that is there moves by oci:force only; to name the same again is no move', async (t) => {
  const there = { status: 200, headers: typed, body: manifestOf('old') }
  for (const [grant, body, status] of [
    ['oci:push images/octo/app', manifest, 403],
    ['oci:push images/octo/app', there.body, 201],
    ['oci:force images/octo/app@latest', manifest, 201],
  ] as const) {
    const { ask, replies, requests } = await openRegistryWorld(t, [grant])
    replies.set(`GET ${at('latest')}`, there).set(`PUT ${at('latest')}`, taken)
    const answer = await ask('PUT', at('latest'), { headers: typed, body })
    assert.equal(answer.status, status, `${grant} ${answer.body}`)
    assert.equal(requests().includes(`PUT ${at('latest')}`), status === 201)
    if (status === 403) {
      assert.match(
        errorOf(answer).message,
        /"oci:force images\/octo\/app@latest".*the tag is there, and names sha256:/,
      )
    }
  }
})

test('whether the tag is there must be known', async (t) => {
  const { ask, replies, requests } = await openRegistryWorld(t, ['oci:push images/octo/app'])
  replies.set(`GET ${at('v1')}`, { status: 500 }).set(`PUT ${at('v1')}`, taken)
  const answer = await ask('PUT', at('v1'), { headers: typed, body: manifest })
  assert.match(errorOf(answer).message, /does not say whether the tag is there \(500\)/)
  assert.deepEqual(requests(), [`GET ${at('v1')}`])
})

test('of two pushes of one new tag at the same moment one is taken', async (t) => {
  const { ask, world, requests } = await openRegistryWorld(t, ['oci:push images/octo/app'])
  let there: Buffer | undefined
  world.upstream.handle = (incoming, response) => {
    const body = world.upstream.seen.at(-1)?.body
    // Slow enough that both would have asked before the first one was taken.
    setTimeout(() => {
      if (incoming.method === 'PUT') there = body
      const status = incoming.method === 'PUT' ? 201 : there === undefined ? 404 : 200
      response.writeHead(status, typed).end(incoming.method === 'GET' ? there : undefined)
    }, 50)
  }
  const answers = await Promise.all(
    ['one', 'two'].map((layer) => ask('PUT', at('v1'), { headers: typed, body: manifestOf(layer) })),
  )
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [201, 403],
  )
  assert.equal(requests().filter((one) => one.startsWith('PUT')).length, 1)
})

const malformed: readonly (readonly [string, string, Buffer, string, number, string])[] = [
  ['by another digest', digest('x'), manifest, manifestType, 400, 'DIGEST_INVALID'],
  ['that means two things', 'v1', manifestOf('l', { manifests: [] }), manifestType, 400, 'MANIFEST_INVALID'],
  ['whose type is not its own', 'v1', manifest, indexType, 400, 'MANIFEST_INVALID'],
  ['of 5 MB', 'v1', Buffer.alloc(5_000_000, 32), manifestType, 413, 'SIZE_INVALID'],
  ['of brackets', 'v1', Buffer.alloc(1_000_000, '['), manifestType, 400, 'MANIFEST_INVALID'],
]
for (const [what, ref, body, type, status, code] of malformed) {
  test(`a manifest ${what} never reaches the registry`, async (t) => {
    const { ask, requests } = await openRegistryWorld(t, ['oci:push images/octo/app'])
    const answer = await ask('PUT', at(ref), { headers: { 'content-type': type }, body })
    assert.equal(answer.status, status)
    assert.equal(errorOf(answer).code, code)
    assert.deepEqual(requests(), [])
  })
}

test('by digest, what has no name yet is pushed under any grant of the repository; a signature of another image is not', async (t) => {
  const { ask, replies, requests } = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  replies.set(`PUT ${at(name)}`, taken)
  assert.equal((await ask('PUT', at(name), { headers: typed, body: manifest })).status, 201)
  const about = (subject: string) =>
    manifestOf('sig', { subject: { mediaType: manifestType, digest: subject, size: 1 } })
  const own = about(name)
  replies.set(`PUT ${at(digest(own))}`, { status: 201, headers: { 'oci-subject': name } })
  const attached = await ask('PUT', at(digest(own)), { headers: typed, body: own })
  assert.equal(attached.status, 201)
  assert.match(attached.head, new RegExp(`oci-subject: ${name}`, 'i'))
  const before = requests().length
  const foreign = about(digest('somebody’s'))
  const refused = await ask('PUT', at(digest(foreign)), { headers: typed, body: foreign })
  assert.equal(refused.status, 403)
  assert.ok(errorOf(refused).message.includes(`"oci:push images/octo/app@${digest(foreign)}"`))
  assert.equal(requests().length, before)
})

test('the referrers tag of what was pushed may be written, and grow; nothing of it is taken away', async (t) => {
  const { ask, replies } = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  replies.set(`PUT ${at(name)}`, taken)
  await ask('PUT', at(name), { headers: typed, body: manifest })
  const index = (...of: string[]) =>
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: indexType,
        manifests: of.map((one) => ({ mediaType: manifestType, digest: digest(one), size: 1 })),
      }),
    )
  const tag = at(name.replace(':', '-'))
  const headers = { 'content-type': indexType }
  replies.set(`PUT ${tag}`, taken)
  assert.equal((await ask('PUT', tag, { headers, body: index('a') })).status, 201)
  replies.set(`GET ${tag}`, { status: 200, headers, body: index('a') })
  assert.equal((await ask('PUT', tag, { headers, body: index('a', 'b') })).status, 201)
  assert.equal((await ask('PUT', tag, { headers, body: index('b') })).status, 403)
  const other = at(digest('other').replace(':', '-'))
  assert.equal((await ask('PUT', other, { headers, body: index('a') })).status, 403)
})

/** A registry that takes uploads, as many requests as come; where the next bytes go changes each time. */
function takeUploads(
  { replies }: Awaited<ReturnType<typeof openRegistryWorld>>,
  location: (n: number) => string,
): void {
  let n = 0
  const next = () => ({ status: 202, headers: { location: location(++n) } })
  replies.set(`POST ${uploads}`, next)
  for (let i = 1; i <= 9; i++) {
    const { pathname, search } = new URL(location(i), `https://${registryHost}`)
    const path = `${pathname}${search}`
    replies.set(`PATCH ${path}`, next)
    replies.set(`DELETE ${path}`, { status: 204 })
    const close = `${path}${search === '' ? '?' : '&'}digest=${encodeURIComponent(digest('onetwo'))}`
    replies.set(`PUT ${close}`, taken)
  }
}

const locations: readonly (readonly [string, (n: number) => string])[] = [
  ['absolute', (n) => `https://${registryHost}/v2/octo/app/blobs/uploads/abc?_state=${n}%2F`],
  ['relative', (n) => `/v2/octo/app/blobs/uploads/abc?_state=${n}`],
  ['by http, as behind a proxy', (n) => `http://${registryHost}/v2/octo/app/blobs/uploads/${n}`],
  ['elsewhere on the host', (n) => `/artifacts-uploads/${n}`],
]
for (const [what, location] of locations) {
  test(`an upload in chunks, its place ${what}: the step sees a place of ours`, async (t) => {
    const opened = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
    const { ask, seen } = opened
    takeUploads(opened, location)
    const begun = await ask('POST', uploads)
    assert.equal(begun.status, 202)
    const place = /location: (\S+)/i.exec(begun.head)?.[1] ?? ''
    assert.match(place, /^\/v2\/octo\/app\/blobs\/uploads\/upl_\w+$/)
    const one = await ask('PATCH', place, { headers: { 'content-range': '0-2' }, body: 'one' })
    assert.equal(one.status, 202)
    assert.match(one.head, /range: 0-2/i)
    const gap = await ask('PATCH', place, { headers: { 'content-range': '5-7' }, body: 'two' })
    assert.equal(gap.status, 416)
    const status = await ask('GET', place)
    assert.equal(status.status, 204)
    assert.match(status.head, /range: 0-2/i)
    const closed = await ask('PUT', `${place}?digest=${digest('onetwo')}`, { body: 'two' })
    assert.equal(closed.status, 201, closed.body)
    assert.match(closed.head, new RegExp(`location: /v2/octo/app/blobs/${digest('onetwo')}`, 'i'))
    assert.deepEqual(
      seen().map(({ method, body }) => `${method} ${body.toString()}`),
      ['POST ', 'PATCH one', 'PATCH two', 'PUT '],
    )
    assert.equal((await ask('PATCH', place, { body: 'x' })).status, 404)
  })
}

test('an upload in one request', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  takeUploads(opened, (n) => `/v2/octo/app/blobs/uploads/${n}`)
  const answer = await opened.ask('POST', `${uploads}?digest=${digest('onetwo')}`, { body: 'onetwo' })
  assert.equal(answer.status, 201)
  assert.deepEqual(
    opened.seen().map(({ method }) => method),
    ['POST', 'PATCH', 'PUT'],
  )
})

test('an upload with another digest is cancelled, whatever the registry would say', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  takeUploads(opened, (n) => `/v2/octo/app/blobs/uploads/${n}`)
  const answer = await opened.ask('POST', `${uploads}?digest=${digest('onetwo')}`, { body: 'evil' })
  assert.equal(answer.status, 400)
  assert.equal(errorOf(answer).code, 'DIGEST_INVALID')
  assert.deepEqual(
    opened.seen().map(({ method }) => method),
    ['POST', 'PATCH', 'DELETE'],
  )
})

test('an upload is cancelled', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  takeUploads(opened, (n) => `/v2/octo/app/blobs/uploads/${n}`)
  const place = /location: (\S+)/i.exec((await opened.ask('POST', uploads)).head)?.[1] ?? ''
  assert.equal((await opened.ask('DELETE', place)).status, 204)
  assert.equal((await opened.ask('GET', place)).status, 404)
})

test('an upload is of the step and repository that began it', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:push images/octo/*'])
  const { world, ask } = opened
  takeUploads(opened, (n) => `/v2/octo/app/blobs/uploads/${n}`)
  const place = /location: (\S+)/i.exec((await ask('POST', uploads)).head)?.[1] ?? ''
  const other = world.brokers.open(world.signer.jkt)
  const { request } = await import('../gateway.fixture.ts')
  const stolen = await world.ask(request('PATCH', place, { body: 'evil' }), { as: other })
  assert.equal(stolen.status, 404)
  assert.equal((await ask('PATCH', place.replace('/app/', '/other/'), { body: 'evil' })).status, 404)
  assert.equal((await ask('PATCH', `${uploads}1`, { body: 'evil' })).status, 404)
  assert.deepEqual(
    opened.seen().map(({ method }) => method),
    ['POST'],
  )
})

for (const location of [
  'https://evil.example/upload',
  '//evil.example/upload',
  `https://me@${registryHost}/x`,
  'ftp://x/',
  '',
]) {
  test(`refused: an upload whose place is ${location === '' ? 'not said' : location}`, async (t) => {
    const { ask, replies, requests } = await openRegistryWorld(t, ['oci:push images/octo/app'])
    replies.set(`POST ${uploads}`, { status: 202, headers: location === '' ? {} : { location } })
    const begun = await ask('POST', uploads)
    const place = /location: (\S+)/i.exec(begun.head)?.[1]
    const answer = place === undefined ? begun : await ask('PATCH', place, { body: 'x' })
    assert.equal(answer.status, 403)
    assert.deepEqual(requests(), [`POST ${uploads}`])
  })
}

test('a mount needs a grant to pull there: without one it is an upload like any other', async (t) => {
  const layer = digest('layer')
  const query = `?mount=${layer}&from=octo/base`
  const { ask, replies, requests } = await openRegistryWorld(t, [
    'oci:push images/octo/app@v*',
    'oci:pull images/octo/base',
  ])
  replies.set(`POST ${uploads}?mount=${layer}&from=octo%2Fbase`, taken)
  // crane adds where the source is, containerd which registry it means.
  const mounted = await ask('POST', `${uploads}${query}&origin=images.test`)
  assert.equal(mounted.status, 201)
  assert.match(mounted.head, new RegExp(`location: /v2/octo/app/blobs/${layer}`, 'i'))
  replies.set(`POST ${uploads}`, { status: 202, headers: { location: '/v2/octo/app/blobs/uploads/1' } })
  for (const from of ['octo/secret', '../base', 'OCTO/base', '']) {
    const begun = await ask('POST', `${uploads}?mount=${layer}&from=${from}`)
    assert.equal(begun.status, 202, from)
  }
  assert.equal(requests().filter((one) => one.includes('mount=')).length, 1)
})

test('whether something is there may be asked by who may push it', async (t) => {
  const { ask, replies, world } = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  replies.set(`HEAD /v2/octo/app/blobs/${digest('a')}`, { status: 200 })
  replies.set(`GET ${at('v1')}`, { status: 200, headers: typed, body: manifest })
  assert.equal((await ask('HEAD', `/v2/octo/app/blobs/${digest('a')}`)).status, 200)
  assert.equal((await ask('HEAD', `/v2/octo/app/blobs/${digest('b')}`)).status, 404)
  assert.equal((await ask('HEAD', at('v1'))).status, 200)
  assert.equal((await ask('GET', at(name))).status, 403)
  assert.equal((await ask('HEAD', at('latest'))).status, 403)
  assert.equal((await ask('GET', at('v1'))).status, 403)
  assert.equal((await ask('GET', `/v2/octo/app/blobs/${digest('a')}`)).status, 403)
  // Who holds nothing there is told of the grant for the push that begins so.
  assert.equal((await ask('HEAD', `/v2/octo/other/blobs/${digest('a')}`)).status, 403)
  assert.equal(world.audit.ofType('access.denied').at(-1)?.data?.['what'], 'oci:push images/octo/other')
})

test('deleting is a grant of its own; one for a tag is none for the digest that it stands for', async (t) => {
  const { ask, replies, requests } = await openRegistryWorld(t, [
    'oci:delete images/octo/app@pr-*',
    'oci:force images/octo/app',
  ])
  replies.set(`DELETE ${at('pr-1')}`, { status: 202 })
  assert.equal((await ask('DELETE', at('pr-1'))).status, 202)
  for (const path of [at('v1'), at(name), `/v2/octo/app/blobs/${name}`])
    assert.equal((await ask('DELETE', path)).status, 403)
  assert.deepEqual(requests(), [`DELETE ${at('pr-1')}`])
})

test('how small a chunk may be is told, and by which algorithm an upload may be held', async (t) => {
  const { ask, replies } = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  const headers = { location: '/v2/octo/app/blobs/uploads/1', 'oci-chunk-min-length': '1048576' }
  replies.set(`POST ${uploads}`, { status: 202, headers })
  const begun = await ask('POST', `${uploads}?digest-algorithm=sha256`)
  assert.equal(begun.status, 202)
  assert.match(begun.head, /oci-chunk-min-length: 1048576/i)
  const other = await ask('POST', `${uploads}?digest-algorithm=sha512`)
  assert.equal(other.status, 400)
  assert.match(errorOf(other).message, /uploads are held against/)
  replies.set(`POST ${uploads}`, { status: 202, headers: { ...headers, 'oci-chunk-min-length': 'no' } })
  assert.doesNotMatch((await ask('POST', uploads)).head, /oci-chunk/i)
})

test('a manifest that is sent as mere JSON goes on under its own media type', async (t) => {
  const { ask, replies, seen } = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  replies.set(`PUT ${at('v1')}`, { status: 201 })
  const pushed = await ask('PUT', at('v1'), {
    headers: { 'content-type': 'application/json' },
    body: manifest,
  })
  assert.equal(pushed.status, 201, pushed.body)
  assert.equal(seen().at(-1)?.headers['content-type'], typed['content-type'])
})

test('a layer with a secret in it is never closed, nor is a manifest taken that has one', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  takeUploads(opened, (n) => `/v2/octo/app/blobs/uploads/${n}`)
  const { inspection, seen } = markerInspection('the-marker')
  opened.world.setInspection(inspection)
  const layer = 'one the-marker two'
  const refused = await opened.ask('POST', `${uploads}?digest=${digest(layer)}`, { body: layer })
  assert.equal(refused.status, 403)
  assert.match(errorOf(refused).message, new RegExp(`a secret in layer ${digest(layer)}`))
  assert.equal(seen.get('layer'), layer)
  assert.ok(!opened.requests().some((one) => one.startsWith('PUT')), opened.requests().join())
  const tagged = await opened.ask('PUT', at('v1-the-marker'), { headers: typed, body: manifest })
  assert.equal(tagged.status, 403)
  assert.match(errorOf(tagged).message, /a secret in names of the image/)
  assert.ok(!opened.requests().some((one) => one.includes('the-marker')), opened.requests().join())
  const annotated = Buffer.from(manifest.toString().replace('{', '{"annotations":{"key":"the-marker"},'))
  const second = await opened.ask('PUT', at('v1'), { headers: typed, body: annotated })
  assert.equal(second.status, 403)
  assert.match(errorOf(second).message, /a secret in manifest/)
})

test('that a step has ended is told to what looks into the uploads that it began', async (t) => {
  const { world, ask, replies } = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  const { inspection, opened } = markerInspection('the-marker')
  world.setInspection(inspection)
  replies.set(`POST ${uploads}`, { status: 202, headers: { location: `${uploads}1` } })
  assert.equal((await ask('POST', uploads, {})).status, 202)
  world.brokers.end(world.step)
  assert.deepEqual(opened, ['images octo/app', `ended ${world.step.id}`])
})

test('a layer that passes with its own credential in it is closed with another one', async (t) => {
  const opened = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  takeUploads(opened, (n) => `/v2/octo/app/blobs/uploads/${n}`)
  opened.world.setInspection(leakInspection(opened.world.brokers.endLease))
  const answer = await opened.ask('POST', `${uploads}?digest=${digest('onetwo')}`, { body: 'onetwo' })
  assert.equal(answer.status, 201)
  const sent = opened.seen().map(({ method, headers }) => {
    const [, credential = ''] = (headers.authorization ?? '').split(' ')
    return `${method} ${Buffer.from(credential, 'base64').toString()}`
  })
  assert.deepEqual(sent, [
    ...['POST injected:for-images', 'PATCH injected:for-images', 'PUT injected:for-images-2'],
  ])
})
