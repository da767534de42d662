import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { openSigning } from '../../gateway/attestations.fixture.ts'
import { openFolder, sha256 } from './folder.fixture.ts'
import { imageOf, indexType, manifestType, setVariable, startRegistry } from './registry.fixture.ts'

const image = imageOf('app')
const digest = sha256(image)
const referrers = `referrers/${digest}`
const tag = `manifests/${digest.replace(':', '-')}`

async function openImage(t: TestContext) {
  const signing = await openSigning(t)
  const folder = await openFolder(t, signing)
  const registry = await startRegistry(t)
  setVariable(t, 'DOCKER_CONFIG', folder.at('.'))
  const login = (config: object) => folder.write('config.json', JSON.stringify(config))
  login({ auths: { [registry.host]: { auth: Buffer.from('user:pass').toString('base64') } } })
  registry.put(image)
  registry.has.set('manifests/v1', { type: manifestType, body: image })
  const verify = (ref = '@' + digest) => folder.run([`oci://${registry.host}/octo/app${ref}`])
  return {
    ...{ signing, registry, login, verify },
    bundle: await signing.sign({ digest }),
    async refused(expected: RegExp, ref?: string) {
      const { code, artifacts } = await verify(ref)
      assert.deepEqual([code, artifacts[0]?.result], [1, 'not_verified'])
      assert.match(artifacts[0]?.reasons.join('; ') ?? '', expected)
    },
  }
}

test('an image is resolved to its digest, and what stands beside it is read by referrers or by tag, with the login of docker', async (t) => {
  const { registry, login, verify, refused, bundle } = await openImage(t)
  const { has, list, putBundle, seen } = registry
  login({})
  const anonymous = await verify(':v1')
  assert.deepEqual([anonymous.code, anonymous.artifacts[0]?.result], [2, 'unknown'])
  assert.match(anonymous.artifacts[0]?.reasons[0] ?? '', /log in there \(docker login\)/)
  login({ auths: { [registry.host]: { auth: Buffer.from('user:pass').toString('base64') } } })
  await refused(/no attestation was found/, ':v1')
  assert.ok(seen.some(({ query }) => query.get('scope') === 'repository:octo/app:pull'))
  const listed = putBundle(bundle)
  list(tag, [listed])
  assert.equal((await verify(':v1')).code, 0)
  has.set(referrers, { type: 'text/html', body: '<html>' })
  assert.equal((await verify()).code, 0)
  has.set(referrers, { type: 'text/html', body: '', status: 500 })
  assert.equal((await verify()).code, 0)
  has.delete(tag)
  // Whether nothing stands there nobody knows then.
  assert.equal((await verify()).code, 2)
  list(referrers, [listed])
  assert.equal((await verify()).code, 0)
  // A registry that sends another bundle, or another image, than was named.
  has.set(`blobs/${sha256(bundle)}`, { type: 'x', body: `${bundle} ` })
  await refused(/no attestation was found/, ':v1')
  has.set(`manifests/${digest}`, { type: manifestType, body: `${image} ` })
  const swapped = await verify()
  assert.deepEqual([swapped.code, swapped.artifacts[0]?.result], [2, 'unknown'])
})

test('a list that other readers may read otherwise is not believed, nor a manifest of an attestation', async (t) => {
  const { registry, verify, refused, bundle } = await openImage(t)
  const { has, list, putBundle, put } = registry
  const listed = putBundle(bundle)
  const of = (one: unknown) => `[${JSON.stringify(one)}]`
  for (const body of [
    `{"schemaVersion":2,"manifests":[],"manifests":${of(listed)}}`,
    `{"schemaVersion":2,"manifests":${of(listed)},"Manifests":[]}`,
    `{"schemaVersion":2,"manifests":${of({ ...listed, Digest: digest })}}`,
    `{"schemaVersion":2,"manifests":${of(listed)},"layers":[]}`,
    `{"schemaVersion":2,"manifests":[${JSON.stringify(listed)},{"digest":"x"}]}`,
  ]) {
    has.set(referrers, { type: indexType, body })
    await refused(/no attestation was found/)
  }
  const manifest = has.get(`manifests/${listed.digest}`)?.body ?? ''
  for (const body of [
    manifest.replace('"layers"', '"Layers":[],"layers"'),
    manifest.replace('"layers"', '"layers":[],"layers"'),
    manifest.replace('"layers"', '"manifests":[],"layers"'),
  ]) {
    list(referrers, [{ ...put(body), artifactType: listed.artifactType }])
    await refused(/no attestation was found/)
  }
  list(referrers, [listed])
  assert.equal((await verify()).code, 0)
})

test('a list of referrers goes on over its pages; of one without end it is said that there is more', async (t) => {
  const { registry, verify, refused, bundle } = await openImage(t)
  const { has, list, putBundle } = registry
  const listed = putBundle(bundle)
  const second = `${referrers}?n=1&last=x`
  const link = `</v2/octo/app/${second}>; rel="next"`
  list(referrers, [], { link })
  list(second, [listed])
  assert.equal((await verify()).code, 0)
  list(referrers, [listed], { link })
  has.set(second, { type: 'text/html', body: '<html>' })
  has.delete(`blobs/${sha256(bundle)}`)
  await refused(/no attestation was found.*there is more about it than was read/)
  list(second, [], { link })
  await refused(/there is more about it than was read/)
  list(referrers, [], { link: link.replace('/v2/', 'https://other.example.com/v2/') })
  const { artifacts } = await verify()
  assert.doesNotMatch(artifacts[0]?.reasons.join() ?? '', /more about it/)
})

test('that there are more attestations than are read is said', async (t) => {
  const { registry, refused, bundle } = await openImage(t)
  const { list, putBundle } = registry
  const listed = putBundle(bundle)
  const others = Array.from({ length: 200 }, (_, n) => ({ ...listed, digest: sha256(`none ${n}`) }))
  list(referrers, [...others, listed])
  await refused(/there is more about it than was read/)
})

test('what looks like an attestation of the image, and is about something else, is none', async (t) => {
  const { signing, registry, verify, refused, bundle } = await openImage(t)
  const { list, putBundle } = registry
  const { config, layers } = JSON.parse(image) as { config: { digest: string }; layers: { digest: string }[] }
  // Of its parts, of another image that says to be its referrer, and of its digest by an algorithm that it is not of.
  for (const other of [config.digest, layers[0]?.digest ?? '', sha256('another')]) {
    list(referrers, [putBundle(await signing.sign({ digest: other }), { subject: digest })])
    await refused(/^provenance: there is none about sha256:/)
  }
  const sha512 = createHash('sha512').update(image).digest('hex')
  const sha256Of = (one: string) => one.replace('sha256:', '')
  for (const subject of [{ sha512 }, { sha512, sha256: sha256Of(sha256('another')) }]) {
    list(referrers, [putBundle(await signing.sign({ subject: [{ name: digest, digest: subject }] }))])
    await refused(/^provenance: there is none about sha256:/)
  }
  list(referrers, [
    putBundle(await signing.sign({ subject: [{ digest: { sha512, sha256: sha256Of(digest) } }] })),
  ])
  assert.equal((await verify()).code, 0)
  // It is the layer that says what it is; where the list or the layer says something else it is not read.
  list(referrers, [putBundle(bundle, { layerType: 'application/json' })])
  await refused(/no attestation was found/)
  list(referrers, [putBundle(bundle, { artifactType: 'application/vnd.example.sbom' })])
  await refused(/no attestation was found/)
  // Whose manifest says to be about another image is read all the same: the signed statement says what it is about.
  list(referrers, [putBundle(bundle, { subject: sha256('another') })])
  assert.equal((await verify()).code, 0)
})

test('an index is verified by an attestation of its own, or by one of each image in it', async (t) => {
  const { signing, registry, verify, refused } = await openImage(t)
  const { has, list, put, putBundle } = registry
  const [arm, amd] = [imageOf('arm64'), imageOf('amd64')]
  const statement = { mediaType: 'application/vnd.in-toto+json', digest: sha256('{}'), size: 2 }
  const nowhere = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: statement,
    layers: [statement],
  })
  const platform = { os: 'unknown', architecture: 'unknown' }
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: indexType,
    manifests: [put(arm), put(amd), { ...put(nowhere), platform }],
  })
  const index = sha256(body)
  put(body, indexType)
  has.set('manifests/multi', { type: indexType, body })
  const attest = async (one: string) =>
    list(`referrers/${one}`, [putBundle(await signing.sign({ digest: one }))])
  await refused(/no attestation was found/, ':multi')
  await attest(sha256(arm))
  await refused(new RegExp(`of what it lists, ${sha256(amd)}: no attestation was found`), ':multi')
  await attest(sha256(amd))
  const by = await verify(':multi')
  assert.deepEqual([by.code, by.artifacts[0]?.digest], [0, index])
  assert.deepEqual(
    by.artifacts[0]?.images?.map((one) => one.digest),
    [sha256(arm), sha256(amd)],
  )
  has.delete(`manifests/${sha256(nowhere)}`)
  await refused(new RegExp(`of what it lists, ${sha256(nowhere)}: `), ':multi')
  await attest(index)
  const own = await verify(':multi')
  assert.deepEqual([own.code, own.artifacts[0]?.images], [0, undefined])
})
