import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { bundlesBeside } from './index.ts'
import { indexType } from './manifest.ts'
import type { ReadPart } from './part.ts'

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
const image = digestOf('the image')

/** A registry with one bundle beside the image; `readBlob` says how it answers who takes up to so many bytes of it. */
function registryOf(bundle: string, readBlob: (maxBytes: number) => void): ReadPart {
  const manifest = JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType },
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 },
    layers: [{ mediaType: bundleType, digest: digestOf(bundle), size: bundle.length }],
  })
  const listed = { mediaType: manifestType, digest: digestOf(manifest), size: manifest.length }
  const index = {
    ...{ schemaVersion: 2, mediaType: indexType },
    manifests: [{ ...listed, artifactType: bundleType }],
  }
  return async (path, _, maxBytes) => {
    if (path === `referrers/${image}`) return { bytes: Buffer.from(JSON.stringify(index)), type: indexType }
    if (path === `manifests/${listed.digest}`) return { bytes: Buffer.from(manifest), type: manifestType }
    if (path !== `blobs/${digestOf(bundle)}`) return undefined
    readBlob(maxBytes)
    return { bytes: Buffer.from(bundle), type: bundleType }
  }
}

const tooLong = () => new MayflyError('limit_exceeded', 'too long')
const isUsual = (maxBytes: number) => maxBytes < 10_000_000

test('a bundle that is longer than usual is read by itself', async () => {
  const limits: number[] = []
  const read = registryOf('a long one', (maxBytes) => {
    limits.push(maxBytes)
    if (isUsual(maxBytes)) throw tooLong()
  })
  assert.deepEqual(await bundlesBeside(read, image), { bundles: ['a long one'], isCut: false })
  assert.equal(limits.length, 2)
})

test('a long bundle that the registry does not give when it is asked for by itself is said to be missing', async () => {
  const away = new MayflyError('upstream_unreachable', 'away')
  const read = registryOf('a long one', (maxBytes) => {
    throw isUsual(maxBytes) ? tooLong() : away
  })
  assert.deepEqual(await bundlesBeside(read, image), { bundles: [], isCut: true, unread: away })
})

test('a bundle that is longer than any may be is said to be missing', async () => {
  const read = registryOf('far too long', () => {
    throw tooLong()
  })
  assert.deepEqual(await bundlesBeside(read, image), { bundles: [], isCut: true })
})
