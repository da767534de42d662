import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { formatEntry, type EntryEvent } from '../verify/index.ts'
import { cycloneDxValidator } from './cyclonedx.fixture.ts'
import { createCollector, toCycloneDx, toSpdx } from './index.ts'

const run = 'run_one'
const sha512 = createHash('sha512').update('core').digest()
const sha256 = createHash('sha256').update('core').digest('hex')
const core = {
  purl: 'pkg:npm/%40octo/core@1.0.0',
  integrity: `sha512-${sha512.toString('base64')}`,
  by: 'lockfile',
  bytes: 4,
  sha256,
}
const image = {
  purl: 'pkg:oci/app@sha256%3Aab?repository_url=images.test/octo/app',
  integrity: `sha256-${Buffer.from(sha256, 'hex').toString('base64')}`,
  by: 'digest',
  bytes: 4,
}
const lib = { purl: 'pkg:golang/example.com/lib@v1.0.0', integrity: 'h1:AAAA', by: 'none', bytes: 4 }

function entry(event: Partial<EntryEvent> & { type: string }, second: number): Buffer {
  return Buffer.from(
    formatEntry({
      ...{ id: `ent_${second}`, source: 'mayfly://server', subject: 'x', run, seq: second, data: {} },
      time: `2026-11-28T08:00:0${second}.123Z`,
      ...event,
    }),
  )
}
const downloaded = (packages: unknown, second: number, of = run) =>
  entry({ type: 'packages.downloaded', run: of, data: { connection: 'npm', packages } }, second)

const story = [
  entry({ type: 'run.started', data: { repository: 'octo/app', commit: 'c0ffee' } }, 0),
  downloaded([core, image], 1),
  downloaded([{ ...core, purl: 'pkg:npm/evil@6.6.6' }], 2, 'run_other'),
  downloaded([{ ...core, by: 'registry' }, lib, { ...lib, purl: `${lib.purl}#go.mod`, part: true }], 3),
  entry({ type: 'run.finished' }, 4),
]

function collect(entries: readonly Buffer[] = story) {
  const collector = createCollector(run)
  for (const bytes of entries) collector.add(bytes)
  return collector.collected()
}

test('a run’s packages, once each, with their digests and all that verified them', () => {
  const { components, finished, lost, repository, commit, time, entries } = collect()
  assert.deepEqual(
    { finished, lost, repository, commit, time, entries },
    {
      ...{ finished: true, lost: false, repository: 'octo/app', commit: 'c0ffee', entries: 4 },
      time: '2026-11-28T08:00:04.123Z',
    },
  )
  assert.deepEqual(
    components.map(({ purl, verifiedBy }) => [purl, verifiedBy]),
    [
      [lib.purl, ['none']],
      [core.purl, ['lockfile', 'registry']],
      [image.purl, ['digest']],
    ],
  )
  const [, ofCore, ofImage] = components
  assert.deepEqual(ofCore?.digests, [
    { algorithm: 'SHA-256', hex: sha256 },
    { algorithm: 'SHA-512', hex: sha512.toString('hex') },
  ])
  assert.deepEqual(ofImage?.digests, [{ algorithm: 'SHA-256', hex: sha256 }])
  assert.deepEqual([ofCore?.name, ofCore?.version, ofCore?.type], ['@octo/core', '1.0.0', 'npm'])
})

test('files of one version are components of their own', () => {
  const { components } = collect([
    downloaded([core, { ...core, sha256: '1'.repeat(64), integrity: 'sha256-AAAA sha512-AAAA' }], 1),
  ])
  assert.equal(new Set(components.map(({ ref }) => ref)).size, 2)
  assert.deepEqual(
    components.map(({ digests }) => digests.length).toSorted((one, other) => one - other),
    [1, 2],
  )
})

test('entries that are none of it, and data that is none, are passed over', () => {
  const { components, finished } = collect([
    Buffer.from('{'),
    downloaded('x', 1),
    downloaded([null, 7, {}, { purl: 7, integrity: 'x' }, { purl: 'not a purl', integrity: 'sha512-x' }], 2),
  ])
  assert.deepEqual(
    components.map(({ name, digests }) => [name, digests]),
    [['not a purl', []]],
  )
  assert.equal(finished, false)
})

test('CycloneDX: valid by the official schema of 1.6, and the same for the same log', () => {
  const validate = cycloneDxValidator()
  const bom = toCycloneDx(collect(), '0.1.0')
  assert.ok(validate(bom), JSON.stringify(validate.errors))
  assert.ok(!validate({ ...bom, components: [{ type: 'library' }] }))
  assert.deepEqual(toCycloneDx(collect(), '0.1.0'), bom)
  const [, first] = bom['components'] as Record<string, unknown>[]
  assert.deepEqual(
    [first?.['group'], first?.['name'], first?.['version'], first?.['purl'], first?.['type']],
    ['@octo', 'core', '1.0.0', core.purl, 'library'],
  )
})

test('SPDX: what section 6 and 7 ask of a document and its packages', () => {
  const document = toSpdx(collect(), '0.1.0')
  assert.equal(document['spdxVersion'], 'SPDX-2.3')
  assert.equal(document['dataLicense'], 'CC0-1.0')
  assert.match(String(document['documentNamespace']), /^https:\/\/[^#]+$/)
  const { created, creators } = document['creationInfo'] as { created: string; creators: string[] }
  assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.deepEqual(creators, ['Tool: mayfly-0.1.0'])
  const packages = document['packages'] as Record<string, unknown>[]
  const ids = packages.map((one) => String(one['SPDXID']))
  assert.equal(new Set(ids).size, 4)
  for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/)
  for (const one of packages)
    for (const key of ['name', 'downloadLocation', 'licenseConcluded', 'copyrightText'])
      assert.equal(typeof one[key], 'string', key)
  for (const { algorithm, checksumValue } of packages.flatMap(
    (one) => (one['checksums'] ?? []) as { algorithm: string; checksumValue: string }[],
  )) {
    assert.ok(['SHA256', 'SHA512'].includes(algorithm))
    assert.match(checksumValue, /^[0-9a-f]{64,128}$/)
  }
  assert.deepEqual(packages[2]?.['externalRefs'], [
    { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: core.purl },
  ])
  const relationships = document['relationships'] as Record<string, string>[]
  assert.deepEqual(
    new Set(relationships.flatMap((one) => [one['spdxElementId'], one['relatedSpdxElement']])),
    new Set(['SPDXRef-DOCUMENT', ...ids]),
  )
})
