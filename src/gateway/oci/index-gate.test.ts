import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { keptAttestations, openSigning } from '../attestations.fixture.ts'
import { digest, errorOf, indexType, manifestOf, manifestType, openRegistryWorld } from './oci.fixture.ts'

const at = (ref: string) => `/v2/octo/app/manifests/${ref}`
const headers = { 'content-type': indexType }
const [good, other, evil] = [manifestOf('arm64'), manifestOf('amd64'), manifestOf('evil')]
const [arm, amd] = ['arm64', 'amd64'].map((architecture) => ({ os: 'linux', architecture }))
const ofBuildkit = { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }
const nowhere = { platform: { os: 'unknown', architecture: 'unknown' } }

function listed(bytes: Buffer, more: object = {}): object {
  return { mediaType: manifestType, digest: digest(bytes), size: bytes.length, ...more }
}

function indexOf(...manifests: object[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }))
}

/** A gate that asks for provenance; `attested` has it, and the registry has no index. */
async function openGate(t: TestContext, attested: readonly Buffer[]) {
  const signing = await openSigning(t)
  const kept = keptAttestations(signing)
  for (const bytes of attested) kept.bundles.push(await signing.sign({ digest: digest(bytes) }))
  const grants = [{ grant: 'oci:push images/octo/app@v*', provenance: { role: 'build' } }]
  const { ask, replies, requests } = await openRegistryWorld(t, grants, { attestations: kept })
  replies.set(`PUT ${at('v1')}`, { status: 201 })
  return {
    sign: async (bytes: Buffer) => kept.bundles.push(await signing.sign({ digest: digest(bytes) })),
    /** The registry has it. */
    has(bytes: Buffer, type = manifestType) {
      replies.set(`GET ${at(digest(bytes))}`, { status: 200, headers: { 'content-type': type }, body: bytes })
    },
    push: (body: Buffer) => ask('PUT', at('v1'), { headers, body }),
    async refuses(body: Buffer, status = 403) {
      const answer = await ask('PUT', at('v1'), { headers, body })
      assert.equal(answer.status, status, body.toString())
      assert.ok(!requests().includes(`PUT ${at('v1')}`), body.toString())
      return errorOf(answer).message
    },
  }
}

test('an index that its registry does not have yet passes if each of its images was attested; one of them is not enough', async (t) => {
  const gate = await openGate(t, [good])
  const index = indexOf(listed(good, { platform: arm }), listed(other, { platform: amd }))
  assert.match(await gate.refuses(index), new RegExp(`of what it lists: .*none about ${digest(other)}`))
  await gate.sign(other)
  assert.equal((await gate.push(index)).status, 201)
})

test('no image of an index is passed over for what whoever pushed it wrote beside it', async (t) => {
  const gate = await openGate(t, [good])
  gate.has(evil)
  const first = listed(good, { platform: arm })
  for (const child of [
    listed(evil, { platform: amd, ...ofBuildkit }),
    listed(evil, ofBuildkit),
    listed(evil, { ...nowhere, ...ofBuildkit }),
    listed(evil, nowhere),
    listed(evil, { platform: { os: 'unknown', architecture: 'unknown', variant: 'v8' } }),
  ])
    assert.match(await gate.refuses(indexOf(first, child)), new RegExp(`none about ${digest(evil)}`))
  const twice = `{"schemaVersion":2,"manifests":[${JSON.stringify(first)}],"Manifests":[${JSON.stringify(listed(evil))}]}`
  assert.match(await gate.refuses(Buffer.from(twice), 400), /different things/)
  const longS = twice.replace('Manifests', 'manife\u017Fts')
  assert.match(await gate.refuses(Buffer.from(longS), 400), /different things/)
  const same = twice.replace('Manifests', 'manifests')
  assert.match(await gate.refuses(Buffer.from(same), 400), /twice/)
})

test('an attestation of buildkit in an index is nobody’s image: if it has statements alone, and is for no platform', async (t) => {
  const gate = await openGate(t, [good])
  const statement = { mediaType: 'application/vnd.in-toto+json', digest: digest('{}'), size: 2 }
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digest('x'), size: 1 }
  const [real, mixed, hollow] = [[statement], [statement, layer], []].map((layers) =>
    manifestOf('', { layers }),
  )
  assert.ok(real !== undefined && mixed !== undefined && hollow !== undefined)
  for (const bytes of [mixed, hollow]) {
    gate.has(bytes)
    await gate.refuses(indexOf(listed(good), listed(bytes, { ...nowhere, ...ofBuildkit })))
  }
  const index = indexOf(listed(good), listed(real, { ...nowhere, ...ofBuildkit }))
  await gate.refuses(index)
  gate.has(real)
  await gate.refuses(indexOf(listed(good), listed(real, { platform: amd, ...ofBuildkit })))
  assert.equal((await gate.push(index)).status, 201)
})

test('indexes in indexes are followed a few deep, and only to so many things', async (t) => {
  const gate = await openGate(t, [good])
  const around = (inner: Buffer, n = 0) =>
    indexOf({ ...listed(inner, { mediaType: indexType }), annotations: { n: String(n) } })
  let inner = indexOf(listed(good))
  const few = around(inner)
  gate.has(inner, indexType)
  for (let depth = 0; depth < 4; depth++) gate.has((inner = around(inner, depth)), indexType)
  assert.match(await gate.refuses(inner), /of what it lists/)
  assert.equal((await gate.push(few)).status, 201)
})
