import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createTestSigstore, pep740, type TestSigstore } from '../../provenance/sigstore.fixture.ts'
import { errorOf, integrityOf, openNpm, packageLock, type NpmWorld } from '../npm/npm.fixture.ts'
import { downloadsOf, hex, openIndexWorld } from '../pypi/pypi.fixture.ts'

const own = 'https://github.com/octo/core'
const sigstore = await createTestSigstore()

function rootOf(t: TestContext, { trustedRoot } = sigstore): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-root-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'root.json')
  writeFileSync(path, JSON.stringify(trustedRoot))
  return path
}

interface Version {
  readonly version: string
  readonly time: string
  /** The repository that made it; undefined: it has no provenance. */
  readonly from?: string
  readonly id?: string
  readonly signedBy?: TestSigstore
}

/** Publishes versions of `core`, as npm would. */
async function publish({ registry }: NpmWorld, ...versions: readonly Version[]): Promise<void> {
  for (const { version, time, from, id, signedBy = sigstore } of versions) {
    const file = `the file of core@${version}`
    registry.add('core', version, { file })
    registry.publishedAt('core', version, time)
    if (from === undefined) continue
    const bundle = await signedBy.attest({
      name: `pkg:npm/core@${version}`,
      digest: { sha512: createHash('sha512').update(file).digest('hex') },
      repository: from,
      ...(id === undefined ? {} : { repositoryId: id }),
    })
    const predicateType = 'https://slsa.dev/provenance/v1'
    registry.bodies.set(
      `/-/npm/v1/attestations/core@${version}`,
      JSON.stringify({ attestations: [{ predicateType, bundle }] }),
    )
  }
}

const open = (t: TestContext, connection: Record<string, unknown>) =>
  openNpm(t, { grants: ['npm:resolve npm'], connection })
const get = (npm: NpmWorld, version: string) => npm.get(`/core/-/core-${version}.tgz`)

test('no-downgrade: what had provenance needs it, from the same repository; what came before does not', async (t) => {
  const npm = await open(t, { provenance: 'no-downgrade', trusted_root: rootOf(t) })
  await publish(
    npm,
    { version: '0.9.0', time: '2026-01-01T00:00:00Z' },
    { version: '0.9.1', time: '2026-01-02T00:00:00Z', from: 'https://github.com/old/core' },
    { version: '1.0.0', time: '2026-02-01T00:00:00Z', from: own, id: '7' },
    { version: '1.0.1', time: '2026-03-01T00:00:00Z', from: 'https://github.com/renamed/core', id: '7' },
    // An attacker's, in an older line of versions.
    { version: '0.9.2', time: '2026-04-01T00:00:00Z' },
    { version: '2.0.0', time: '2026-04-02T00:00:00Z', from: 'https://github.com/evil/core', id: '8' },
  )
  const statuses: Record<string, number> = {}
  for (const version of ['0.9.0', '1.0.0', '1.0.1', '0.9.0', '0.9.1', '0.9.2', '2.0.0'])
    statuses[version] = (await get(npm, version)).status
  assert.deepEqual(statuses, {
    '0.9.0': 200,
    '1.0.0': 200,
    '1.0.1': 200,
    '0.9.1': 200,
    '0.9.2': 403,
    '2.0.0': 403,
  })
  assert.match(
    errorOf(await get(npm, '0.9.2')),
    /core@0\.9\.2 has no provenance, and 1\.0\.0.*provenance_may_change/,
  )
  assert.match(
    errorOf(await get(npm, '2.0.0')),
    /made in https:\/\/github\.com\/evil\/core, and 1\.0\.0 in .*octo/,
  )
  assert.deepEqual(
    npm.world.audit.ofType('provenance.downgraded').map(({ data }) => [data['purl'], data['why']]),
    [
      ['pkg:npm/core@0.9.2', 'missing'],
      ['pkg:npm/core@2.0.0', 'other_repository'],
    ],
  )
  const downloads = await downloadsOf(npm.world)
  assert.deepEqual(
    downloads.map(({ purl, provenance }) => [purl, provenance?.by]),
    [
      ['pkg:npm/core@0.9.0', 'none'],
      ['pkg:npm/core@1.0.0', 'sigstore'],
      ['pkg:npm/core@1.0.1', 'sigstore'],
      ['pkg:npm/core@0.9.0', 'none'],
      ['pkg:npm/core@0.9.1', 'sigstore'],
    ],
  )
  assert.deepEqual(downloads[1]?.provenance, {
    ...{
      by: 'sigstore',
      repository: own,
      builder: `${own}/.github/workflows/release.yml`,
      commit: 'a'.repeat(40),
    },
  })
})

test('what a lockfile pins is held to it as well, and a kept or a later look changes nothing', async (t) => {
  const file = (version: string) => `the file of core@${version}`
  const lock = packageLock({ core: { version: '1.0.1', integrity: integrityOf(file('1.0.1')) } })
  const connection = { provenance: 'no-downgrade', trusted_root: rootOf(t) }
  const npm = await openNpm(t, {
    grants: ['npm:install npm', 'npm:resolve npm'],
    lockfiles: [lock],
    connection,
  })
  await publish(
    npm,
    { version: '1.0.0', time: '2026-02-01T00:00:00Z', from: own },
    { version: '1.0.1', time: '2026-03-01T00:00:00Z' },
  )
  // Before anything is known of the package, nothing is missing.
  assert.equal((await get(npm, '1.0.1')).status, 200)
  assert.equal((await get(npm, '1.0.0')).status, 200)
  for (let i = 0; i < 2; i++) assert.match(errorOf(await get(npm, '1.0.1')), /core@1\.0\.1 has no provenance/)
  assert.equal(npm.world.audit.ofType('provenance.downgraded').length, 1)
})

test('an exception is for one version, which is the known one from then on', async (t) => {
  const npm = await open(t, {
    ...{ provenance: 'no-downgrade', trusted_root: rootOf(t), provenance_may_change: ['pkg:npm/core@2.0.0'] },
  })
  const moved = 'https://github.com/moved/core'
  await publish(
    npm,
    { version: '1.0.0', time: '2026-02-01T00:00:00Z', from: own },
    { version: '2.0.0', time: '2026-03-01T00:00:00Z', from: moved },
    { version: '2.0.1', time: '2026-03-02T00:00:00Z', from: moved },
    { version: '2.0.2', time: '2026-03-03T00:00:00Z', from: own },
  )
  const seen: number[] = []
  for (const version of ['1.0.0', '2.0.1', '2.0.0', '2.0.1', '2.0.2'])
    seen.push((await get(npm, version)).status)
  assert.deepEqual(seen, [200, 403, 200, 200, 403])
})

test('an attestation that does not hold is refused, and a finding: of another root, about another file, or of nobody’s word', async (t) => {
  const npm = await open(t, { provenance: 'no-downgrade', trusted_root: rootOf(t) })
  await publish(
    npm,
    { version: '1.0.0', time: '2026-02-01T00:00:00Z', from: own, signedBy: await createTestSigstore() },
    { version: '1.0.1', time: '2026-02-02T00:00:00Z', from: own },
    { version: '1.0.2', time: '2026-02-03T00:00:00Z', from: own },
  )
  const { bodies } = npm.registry
  bodies.set('/-/npm/v1/attestations/core@1.0.2', bodies.get('/-/npm/v1/attestations/core@1.0.1') ?? '')
  assert.match(errorOf(await get(npm, '1.0.0')), /the provenance of pkg:npm\/core@1\.0\.0 does not hold: /)
  assert.match(errorOf(await get(npm, '1.0.2')), /does not hold: it is about another file/)
  assert.deepEqual(
    npm.world.audit.ofType('provenance.downgraded').map(({ data }) => data['why']),
    ['invalid', 'invalid'],
  )
  for (const answer of ['{}', 'x', '['.repeat(9_999)]) {
    bodies.set('/-/npm/v1/attestations/core@1.0.1', answer)
    assert.match(errorOf(await get(npm, '1.0.1')), /whether core@1\.0\.1 has provenance is not known/)
  }
  bodies.set('/-/npm/v1/attestations/core@1.0.1', (_request, response) => void response.writeHead(500).end())
  assert.match(errorOf(await get(npm, '1.0.1')), /is not known: the registry answered 500/)
})

test('require refuses what has none; record refuses nothing, and says what it found', async (t) => {
  const requiring = await open(t, { provenance: 'require', trusted_root: rootOf(t) })
  await publish(requiring, { version: '1.0.0', time: '2026-02-01T00:00:00Z' })
  assert.match(
    errorOf(await get(requiring, '1.0.0')),
    /pkg:npm\/core@1\.0\.0 has no provenance \(provenance: require\)/,
  )
  assert.deepEqual(requiring.world.audit.ofType('provenance.downgraded'), [])
  const recording = await open(t, { provenance: 'record', trusted_root: rootOf(t) })
  await publish(
    recording,
    { version: '1.0.0', time: '2026-02-01T00:00:00Z' },
    { version: '1.0.1', time: '2026-02-01T00:00:00Z', from: own, signedBy: await createTestSigstore() },
    { version: '1.0.2', time: '2026-02-01T00:00:00Z', from: own },
  )
  for (const version of ['1.0.0', '1.0.1', '1.0.2']) assert.equal((await get(recording, version)).status, 200)
  const [none, wrong, good] = (await downloadsOf(recording.world)).map(({ provenance }) => provenance)
  assert.deepEqual(none, { by: 'none' })
  assert.ok(wrong?.by === 'none' && wrong.problem !== undefined)
  assert.equal(good?.by, 'sigstore')
})

test('without a root the registry’s word counts, and the record says that it is that; without the rule nobody asks', async (t) => {
  const npm = await open(t, { provenance: 'no-downgrade' })
  await publish(
    npm,
    { version: '1.0.0', time: '2026-02-01T00:00:00Z', from: own },
    { version: '1.0.1', time: '2026-02-02T00:00:00Z' },
  )
  assert.equal((await get(npm, '1.0.0')).status, 200)
  assert.equal((await get(npm, '1.0.1')).status, 403)
  assert.equal((await downloadsOf(npm.world))[0]?.provenance?.by, 'registry')
  const plain = await open(t, {})
  await publish(plain, { version: '1.0.0', time: '2026-02-01T00:00:00Z', from: own })
  assert.equal((await get(plain, '1.0.0')).status, 200)
  assert.ok(plain.asked().every((path) => !path.includes('attestations')))
})

test('a root that cannot be read gives nothing, and says so', async (t) => {
  const npm = await open(t, { provenance: 'no-downgrade', trusted_root: '/none/root.json' })
  await publish(npm, { version: '1.0.0', time: '2026-02-01T00:00:00Z', from: own })
  assert.match(errorOf(await get(npm, '1.0.0')), /the trusted root \/none\/root\.json cannot be read/)
})

test('Python: each file has its own, where the page names it', async (t) => {
  const index = await openIndexWorld(t, ['pypi:resolve pypi'], {
    connection: { provenance: 'no-downgrade', trusted_root: rootOf(t) },
  })
  const entry = (version: string, time: string, provenance?: string) => {
    const filename = `core-${version}.tar.gz`
    index.replies.set(`GET /base/files/${filename}`, { body: filename })
    return {
      ...{ filename, url: `../../files/${filename}`, hashes: { sha256: hex(filename) }, 'upload-time': time },
      ...(provenance === undefined ? {} : { provenance }),
    }
  }
  index.page('core', [
    entry('1.0', '2026-02-01T00:00:00Z', '/base/integrity/core/1.0/core-1.0.tar.gz/provenance'),
    entry('1.1', '2026-03-01T00:00:00Z'),
    entry('1.2', '2026-03-02T00:00:00Z', 'https://elsewhere.test/core-1.2.tar.gz/provenance'),
    entry('1.3', '2026-03-02T00:00:00Z', '/base/integrity/core/1.3/core-1.3.tar.gz/provenance'),
  ])
  const bundle = await sigstore.attest({
    ...{ name: 'core-1.0.tar.gz', digest: { sha256: hex('core-1.0.tar.gz') }, repository: own },
    predicateType: 'https://docs.pypi.org/attestations/publish/v1',
  })
  index.replies.set('GET /base/integrity/core/1.0/core-1.0.tar.gz/provenance', {
    body: JSON.stringify(pep740(bundle)),
  })
  const file = (version: string) => index.ask('GET', `/files/core-${version}.tar.gz`)
  assert.equal((await file('1.0')).status, 200)
  assert.match((await file('1.1')).body, /core@1\.1 has no provenance, and 1\.0/)
  assert.match((await file('1.2')).body, /is not known: the registry sends clients on to elsewhere\.test/)
  assert.match((await file('1.3')).body, /is not known: the index answered 404/)
  const [download] = await downloadsOf(index.world)
  assert.deepEqual([download?.provenance?.by, download?.by], ['sigstore', 'registry'])
})
