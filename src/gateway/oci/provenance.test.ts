import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { GrantEntry } from '../../config/index.ts'
import { sha256Hex } from '../../attest/verify/index.ts'
import { githubIdentity } from '../../attest/verify/demands.fixture.ts'
import { keptAttestations, openSigning, type Signing } from '../attestations.fixture.ts'
import { digest, errorOf, indexType, manifestOf, manifestType, openRegistryWorld } from './oci.fixture.ts'

const manifest = manifestOf('layer')
const name = digest(manifest)
const at = (ref: string) => `/v2/octo/app/manifests/${ref}`
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'

async function openGate(t: TestContext, signing: Signing, demand: object, more: readonly GrantEntry[] = []) {
  const kept = keptAttestations(signing)
  const grants = [{ grant: 'oci:push images/octo/app@v*', provenance: demand }, ...more]
  const it = await openRegistryWorld(t, grants, { attestations: kept })
  const { ask, replies, requests, world } = it
  replies.set(`PUT ${at('v1')}`, { status: 201 })
  const push = () => ask('PUT', at('v1'), { headers: { 'content-type': manifestType }, body: manifest })
  return {
    ...{ kept, replies, world, requests, run: world.step.session.runId },
    pushed: () => requests().filter((one) => one === `PUT ${at('v1')}`).length,
    async passes() {
      const answer = await push()
      assert.equal(answer.status, 201, answer.body)
    },
    async refused(why: RegExp, status = 403) {
      const before = requests().filter((one) => one.startsWith('PUT')).length
      const answer = await push()
      assert.equal(answer.status, status, answer.body)
      assert.match(errorOf(answer).message, why)
      assert.equal(requests().filter((one) => one.startsWith('PUT')).length, before, 'the registry saw it')
      return answer
    },
    /** Puts a bundle beside the image, as cosign does. */
    attach(
      bundle: string,
      listedAt = `/v2/octo/app/referrers/${name}`,
      { layerType = bundleType, artifactType = bundleType, subject = name } = {},
    ) {
      const layer = { mediaType: layerType, digest: digest(bundle), size: bundle.length }
      const beside = manifestOf('', { artifactType, layers: [layer], subject: { digest: subject } })
      const listed = {
        mediaType: manifestType,
        digest: digest(beside),
        size: beside.length,
        artifactType,
      }
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [listed] })
      replies.set(`GET ${listedAt}`, { status: 200, headers: { 'content-type': indexType }, body: index })
      replies.set(`GET ${at(digest(beside))}`, {
        status: 200,
        headers: { 'content-type': manifestType },
        body: beside,
      })
      replies.set(`GET /v2/octo/app/blobs/${digest(bundle)}`, { status: 200, body: bundle })
    },
  }
}

test('a push waits for provenance of exactly this image, by this role, of this run; who let it pass is recorded first', async (t) => {
  const signing = await openSigning(t)
  const it = await openGate(t, signing, { role: 'build', same_run: true })
  const { kept, run } = it
  await it.refused(/asks for `provenance`: provenance: there is none about sha256:/)
  kept.bundles.push(await signing.sign({ digest: digest('another image'), run }))
  await it.refused(/there is none about/)
  kept.bundles.push(await signing.sign({ digest: name, run, role: 'test' }))
  await it.refused(/role: expected build, got test$|role: expected build, got test/)
  kept.bundles.push(await signing.sign({ digest: name, run: 'run_other' }))
  await it.refused(/expected/)
  const good = await signing.sign({ digest: name, run })
  kept.bundles.push(good.replace('"payload":"', '"payload":"A'))
  await it.refused(/not taken: /)
  kept.pending = true
  await it.refused(/is being signed/, 503)
  kept.bundles.push(good)
  await it.passes()
  assert.equal(it.pushed(), 1)
  const granted = it.world.audit.ofType('access.granted').at(-1)
  const [by] = (granted?.data?.['attested'] ?? []) as { digest: string; by: string; logIndex: number }[]
  assert.deepEqual([by?.digest, by?.by, by?.logIndex], [name, githubIdentity.san, 3])
})

test('attestations of another repository, too old, downgraded or by a revoked key do not let it pass', async (t) => {
  const signing = await openSigning(t)
  const issuer = githubIdentity.issuer
  const it = await openGate(t, signing, { role: 'build', issuer, repository_id: '1296269', tier: 'B' })
  const { kept, run } = it
  const other = { ...githubIdentity, claims: { ...githubIdentity.claims, sourceRepositoryIdentifier: '2' } }
  kept.bundles.push(await signing.sign({ digest: name, run, who: other }))
  await it.refused(/repository_id: expected 1296269, got 2/)
  kept.bundles.splice(0, 1, await signing.sign({ digest: name, run, tier: 'e' }))
  await it.refused(/tier: expected B, got E/)
  kept.bundles.splice(
    0,
    1,
    await signing.sign({ digest: name, run, predicateType: 'https://slsa.dev/provenance/v0.2' }),
  )
  await it.refused(/provenance: there is none about .*\(there is https:\/\/slsa\.dev\/provenance\/v0\.2\)/)
  kept.bundles.splice(0, 1, await signing.sign({ digest: name, run }))
  const [authority] = signing.trust.authorities
  const key = sha256Hex(authority?.chain[0]?.spki ?? Buffer.alloc(0))
  kept.trusted = { ...signing.trust, revoked: [{ key, fromMs: 0, treeSize: 0, reason: 'it was stolen' }] }
  await it.refused(/not taken: .*it was stolen \(revoked\)/)
  kept.trusted = signing.trust
  await it.passes()
  const aged = await openGate(t, signing, { role: 'build', max_age: '1s' })
  aged.kept.bundles.push(await signing.sign({ digest: name }))
  await new Promise((done) => setTimeout(done, 2_100))
  await aged.refused(/max_age: expected at most 1 s, got \d s/)
})

test('what stands beside the image counts as signed by whoever signed it, and never as ours because of where it stands', async (t) => {
  const [ours, stranger] = [await openSigning(t), await openSigning(t)]
  const it = await openGate(t, ours, { role: 'build', same_run: true })
  // The step pushes a referrer that says all that is asked for.
  it.attach(await stranger.sign({ digest: name, run: it.run }))
  await it.refused(/there is none about .*not taken: /)
  it.attach(await ours.sign({ digest: name, run: it.run }))
  await it.passes()
  it.replies.delete(`GET /v2/octo/app/referrers/${name}`)
  await it.refused(/there is none about/)
  it.attach(await ours.sign({ digest: name, run: it.run }), at(name.replace(':', '-')))
  await it.passes()
  // A registry that hands out another blob than was named.
  for (const [key] of it.replies)
    if (key.includes('/blobs/'))
      it.replies.set(key, { status: 200, body: await ours.sign({ digest: name, run: it.run }) })
  await it.refused(/there is none about/)
})

test('what looks like an attestation of the image, and is about something else, lets nothing pass', async (t) => {
  const signing = await openSigning(t)
  const it = await openGate(t, signing, { role: 'build' })
  const sha512 = createHash('sha512').update(manifest).digest('hex')
  const hexOf = (one: string) => one.replace('sha256:', '')
  const { config, layers } = JSON.parse(manifest.toString()) as {
    config: { digest: string }
    layers: { digest: string }[]
  }
  // Of its parts, and of another image whose attestation says to stand beside this one.
  for (const other of [config.digest, layers[0]?.digest ?? '', digest('another')]) {
    it.attach(await signing.sign({ digest: other }))
    await it.refused(/provenance: there is none about sha256:/)
  }
  // By another algorithm, and by its name.
  for (const subject of [{ sha512 }, { sha512, sha256: hexOf(digest('another')) }]) {
    it.attach(await signing.sign({ subject: [{ name, digest: subject }] }))
    await it.refused(/provenance: there is none about sha256:/)
  }
  const bundle = await signing.sign({ subject: [{ digest: { sha512, sha256: hexOf(name) } }] })
  it.attach(bundle, undefined, { layerType: 'application/json' })
  await it.refused(/there is none about/)
  it.attach(bundle, undefined, { artifactType: 'application/vnd.example.sbom' })
  await it.refused(/there is none about/)
  // What it is beside the signed statement says, and not the manifest that anybody may write.
  it.attach(bundle, undefined, { subject: digest('another') })
  await it.passes()
})

test('where the list of referrers is of no use the tag is asked, and a list goes on over its pages', async (t) => {
  const signing = await openSigning(t)
  const it = await openGate(t, signing, { role: 'build' })
  const referrers = `/v2/octo/app/referrers/${name}`
  const tag = at(name.replace(':', '-'))
  it.attach(await signing.sign({ digest: name }), tag)
  const headers = { 'content-type': indexType }
  const empty = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [] })
  for (const useless of [
    { status: 400 },
    { status: 405 },
    { status: 406 },
    { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' },
    { status: 200, headers, body: empty },
    // As GitHub's registry does.
    { status: 303, headers: { location: 'https://web.example.com/referrers' } },
  ]) {
    it.replies.set(`GET ${referrers}`, useless)
    await it.passes()
  }
  it.replies.set(`GET ${referrers}`, { status: 429, headers: { 'retry-after': '7' } })
  await it.passes()
  it.replies.delete(`GET ${referrers}`)
  // As go-containerregistry lists it there for cosign 3.0.
  const bundle = await signing.sign({ digest: name })
  it.attach(bundle, tag, { artifactType: 'application/vnd.oci.empty.v1+json' })
  await it.passes()
  const blob = `GET /v2/octo/app/blobs/${digest(bundle)}`
  it.replies.set(blob, { status: 429, headers: { 'retry-after': '7' } })
  await it.refused(/there is none about.*its registry is busy: try again/, 503)
  it.replies.set(blob, { status: 200, body: bundle })
  // What the registry lists does not hide what stands under the tag.
  it.attach(await signing.sign({ digest: name, role: 'test' }))
  await it.passes()
  it.replies.set(`GET ${referrers}`, { status: 429, headers: { 'retry-after': '7' } })
  it.replies.delete(`GET ${tag}`)
  // Nobody knows yet, so the client comes again.
  await it.refused(/there is none about.*its registry is busy: try again/, 503)
  it.replies.delete(`GET ${referrers}`)
  await it.refused(/there is none about/)
  it.attach(await signing.sign({ digest: name }), `${referrers}?n=1&last=x`)
  const next = `<${referrers}?n=1&last=x>; rel="next"`
  it.replies.set(`GET ${referrers}`, { status: 200, headers: { ...headers, link: next }, body: empty })
  await it.passes()
  // A list without end.
  it.replies.set(`GET ${referrers}?n=1&last=x`, {
    status: 200,
    headers: { ...headers, link: next },
    body: empty,
  })
  await it.refused(/more stands beside it in its registry than was read/)
})

test('of what was built elsewhere the certificate counts, under the root that the grant names', async (t) => {
  const [ours, elsewhere] = [await openSigning(t), await openSigning(t)]
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-root-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const root = join(folder, 'root.json')
  writeFileSync(root, elsewhere.root)
  const demand = {
    issuer: githubIdentity.issuer,
    repository_id: '1296269',
    ref: 'refs/heads/*',
    trusted_root: root,
  }
  const it = await openGate(t, ours, demand)
  it.kept.bundles.push(await ours.sign({ digest: name, run: it.run }))
  await it.refused(/there is none about .*not taken/)
  it.attach(await elsewhere.sign({ digest: name }))
  await it.passes()
  const lost = await openGate(t, ours, { ...demand, trusted_root: join(folder, 'none.json') })
  await lost.refused(/the trusted root .*none\.json cannot be read/)
})
