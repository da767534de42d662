import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSigning } from '../attestations.fixture.ts'
import { request } from '../gateway.fixture.ts'
import { digest, indexType, manifestOf, manifestType, openRegistryWorld, type Reply } from './oci.fixture.ts'

const image = manifestOf('layer')
const name = digest(image)
const at = (ref: string) => `/v2/octo/app/manifests/${ref}`
const tag = name.replace(':', '-')
const type = 'https://slsa.dev/provenance/v1'

/** A registry that keeps what it is sent, as the specification says; `subjects`: it says that it lists referrers. */
async function openKeeping(t: Parameters<typeof openRegistryWorld>[0], subjects: boolean) {
  const it = await openRegistryWorld(t, ['oci:push images/octo/app@v*'])
  const { replies, world, seen } = it
  const kept = new Map<string, Buffer>()
  const bodyOf = ({ body }: { body: Buffer | string }) => Buffer.from(body)
  const keep =
    (path: string) =>
    (one: { body: Buffer | string }): Reply => {
      const body = bodyOf(one)
      kept.set(path, body)
      const { subject } = JSON.parse(body.toString()) as { subject?: { digest: string } }
      replies.set(`GET ${path}`, {
        status: 200,
        headers: { 'content-type': path.endsWith(tag) ? indexType : manifestType },
        body,
      })
      return {
        status: 201,
        headers: subjects && subject !== undefined ? { 'oci-subject': subject.digest } : {},
      }
    }
  for (const ref of ['v1', name, tag]) replies.set(`PUT ${at(ref)}`, keep(at(ref)))
  return { ...it, kept, keep, replies, world, seen }
}

for (const subjects of [true, false])
  test(`an attestation is put beside the image, ${subjects ? 'and the registry lists it' : 'and listed under the tag for it'}`, async (t) => {
    const signing = await openSigning(t)
    const it = await openKeeping(t, subjects)
    const { ask, kept, keep, replies, world } = it
    const { gateway, step } = world
    const push = (ref: string) =>
      ask('PUT', at(ref), { headers: { 'content-type': manifestType }, body: image })
    assert.equal((await push('v1')).status, 201)
    replies.set(`GET ${at(name)}`, { status: 200, headers: { 'content-type': manifestType }, body: image })
    const bundle = await signing.sign({ digest: name, run: step.session.runId })
    const attached = { bundle, predicateType: type, signedMs: Date.parse('2026-11-29T12:00:00Z') }
    let blobs = 0
    replies.set('POST /v2/octo/app/blobs/uploads/', () => ({
      ...{ status: 202, headers: { location: `/v2/octo/app/blobs/uploads/${++blobs}?state=x` } },
    }))
    for (const [i, blob] of ['{}', bundle].entries())
      replies.set(
        `PUT /v2/octo/app/blobs/uploads/${i + 1}?state=x&digest=${encodeURIComponent(digest(blob))}`,
        (one) => {
          assert.equal(digest(Buffer.from(one.body)), digest(blob))
          return { status: 201 }
        },
      )
    const listed: string[] = []
    // Its digest is known once it is sent.
    const put = /^PUT \/v2\/octo\/app\/manifests\/(sha256:[0-9a-f]{64})$/
    const original = replies.get.bind(replies)
    replies.get = (key) => {
      const ref = put.exec(key)?.[1]
      if (ref !== undefined && ref !== name) listed.push(ref)
      return original(key) ?? (ref === undefined ? undefined : keep(at(ref)))
    }
    gateway.shut(step)
    // The step itself has no way in any more.
    await assert.rejects(world.ask(request('GET', '/v2/'), { authority: 'git.test:443' }))
    const [done] = await gateway.attach(step, [attached])
    assert.deepEqual(done, { image: `octo/app@${name}`, connection: 'images', manifests: listed })
    const manifest = JSON.parse(kept.get(at(listed[0] ?? ''))?.toString() ?? '') as Record<string, unknown>
    assert.equal(manifest['artifactType'], 'application/vnd.dev.sigstore.bundle.v0.3+json')
    assert.deepEqual(manifest['subject'], { mediaType: manifestType, digest: name, size: image.length })
    assert.deepEqual(manifest['config'], {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: digest('{}'),
      size: 2,
    })
    assert.deepEqual(manifest['annotations'], {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': type,
      'org.opencontainers.image.created': '2026-11-29T12:00:00Z',
    })
    const index = kept.get(at(tag))
    assert.equal(index === undefined, subjects)
    if (index !== undefined) {
      const { manifests } = JSON.parse(index.toString()) as {
        manifests: { digest: string; artifactType: string }[]
      }
      assert.deepEqual(
        manifests.map((one) => one.digest),
        listed,
      )
    }
    const granted = world.audit.ofType('access.granted').at(-1)?.data
    assert.deepEqual(granted?.['oci'], { attach: name, types: [type] })
    const [first] = it.seen().filter(({ method, url }) => method === 'GET' && url === at(name))
    assert.match(first?.headers.authorization ?? '', /^Basic /)
  })

test('what cannot be attached is tried again and told, and the answer of a registry is not repeated', async (t) => {
  const it = await openKeeping(t, true)
  const { gateway, step } = it.world
  assert.deepEqual(await gateway.attach(step, [{ bundle: '{}', predicateType: type, signedMs: 0 }]), [])
  const pushed = await it.ask('PUT', at('v1'), { headers: { 'content-type': manifestType }, body: image })
  assert.equal(pushed.status, 201)
  assert.equal(gateway.madeImages(step), true)
  it.replies.set(`GET ${at(name)}`, { status: 503, body: 'Basic aW5qZWN0ZWQ6Zm9yLWltYWdlcw==' })
  gateway.shut(step)
  const [failed] = await gateway.attach(step, [{ bundle: '{}', predicateType: type, signedMs: 0 }])
  assert.equal(failed?.failure, 'connection "images" answers 503: try again later')
  assert.equal(it.requests().filter((one) => one === `GET ${at(name)}`).length, 3)
  assert.match(gateway.refusals(step.id, 0).lines.join(), /no attestation stands beside octo\/app@sha256:/)
  it.world.brokers.end(step)
  const [ended] = await gateway.attach(step, [{ bundle: '{}', predicateType: type, signedMs: 0 }])
  assert.notEqual(ended?.failure, undefined)
})

test('a step that is revoked while an attestation is put beside its image: what is under way is cut, and nothing more is put there', async (t) => {
  const it = await openKeeping(t, true)
  const { gateway, step } = it.world
  const pushed = await it.ask('PUT', at('v1'), { headers: { 'content-type': manifestType }, body: image })
  assert.equal(pushed.status, 201)
  it.replies.set(`GET ${at(name)}`, { status: 200, headers: { 'content-type': manifestType }, body: image })
  for (const blob of ['{}', 'bundle'])
    it.replies.set(`HEAD /v2/octo/app/blobs/${digest(blob)}`, () => {
      it.world.brokers.end(step)
      return { status: 200 }
    })
  gateway.shut(step)
  const [cut] = await gateway.attach(step, [{ bundle: 'bundle', predicateType: type, signedMs: 0 }])
  assert.deepEqual([cut?.failure, cut?.manifests], ['the step was ended meanwhile', []])
  assert.deepEqual(
    it.requests().filter((one) => one.startsWith('PUT') && one !== `PUT ${at('v1')}`),
    [],
  )
})

test('a store that fails while an attestation is put beside an image ends that, and not the server', async (t) => {
  const it = await openKeeping(t, true)
  const { gateway, step, brokers, upstream } = it.world
  const pushed = await it.ask('PUT', at('v1'), { headers: { 'content-type': manifestType }, body: image })
  assert.equal(pushed.status, 201)
  gateway.shut(step)
  const { isOpen } = brokers.broker
  // The registry never answers: only the look at the store that is due meanwhile ends it.
  upstream.handle = () => {
    brokers.broker.isOpen = () => {
      throw new Error('the disk is broken')
    }
  }
  t.after(() => (brokers.broker.isOpen = isOpen))
  const [cut] = await gateway.attach(step, [{ bundle: 'bundle', predicateType: type, signedMs: 0 }])
  assert.deepEqual(
    [cut?.failure, cut?.manifests],
    ['the store does not say whether the step is still open', []],
  )
})

test('a registry that says to come again too late is not asked again', async (t) => {
  const it = await openKeeping(t, true)
  const { gateway, step } = it.world
  assert.equal(
    (await it.ask('PUT', at('v1'), { headers: { 'content-type': manifestType }, body: image })).status,
    201,
  )
  gateway.shut(step)
  it.replies.set(`GET ${at(name)}`, { status: 429, headers: { 'retry-after': '120' } })
  const [late] = await gateway.attach(step, [{ bundle: '{}', predicateType: type, signedMs: 0 }])
  assert.equal(late?.failure, 'connection "images" answers 429: try again in 120 s')
  assert.equal(it.requests().filter((one) => one === `GET ${at(name)}`).length, 1)
})

test('what another client writes under the referrers tag at the same moment is not lost', async (t) => {
  const it = await openKeeping(t, false)
  const { kept, replies, world } = it
  const { gateway, step } = world
  const pushed = await it.ask('PUT', at('v1'), { headers: { 'content-type': manifestType }, body: image })
  assert.equal(pushed.status, 201)
  replies.set(`GET ${at(name)}`, { status: 200, headers: { 'content-type': manifestType }, body: image })
  for (const blob of ['{}', 'bundle']) replies.set(`HEAD /v2/octo/app/blobs/${digest(blob)}`, { status: 200 })
  const original = replies.get.bind(replies)
  const put = /^PUT (.*\/manifests\/sha256:.*)$/
  replies.get = (key) => original(key) ?? (put.test(key) ? it.keep(key.slice(4)) : undefined)
  const indexOf = (...digests: string[]) =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: digests.map((one) => ({ digest: one })),
    })
  const shown = (body: string, etag: string): Reply => ({
    status: 200,
    headers: { 'content-type': indexType, etag },
    body,
  })
  const [first, second] = [digest('a'), digest('b')]
  replies.set(`GET ${at(tag)}`, shown(indexOf(first), '"1"'))
  const conditions: unknown[] = []
  replies.set(`PUT ${at(tag)}`, (seen) => {
    conditions.push(seen.headers['if-match'])
    // Another was there before; the next time another writes over it at once.
    if (conditions.length === 1) replies.set(`GET ${at(tag)}`, shown(indexOf(first, second), '"2"'))
    if (conditions.length === 1) return { status: 412 }
    const kept201 = it.keep(at(tag))(seen)
    if (conditions.length === 2) replies.set(`GET ${at(tag)}`, shown(indexOf(second), '"3"'))
    return kept201
  })
  gateway.shut(step)
  const [done] = await gateway.attach(step, [{ bundle: 'bundle', predicateType: type, signedMs: 0 }])
  assert.equal(done?.failure, undefined)
  assert.deepEqual(conditions, ['"1"', '"2"', '"3"'])
  const { manifests } = JSON.parse(kept.get(at(tag))?.toString() ?? '') as { manifests: { digest: string }[] }
  assert.equal(manifests.length, 3)
  assert.ok([first, second].every((one) => manifests.some((listed) => listed.digest === one)))
})
