import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { imageSource } from './index.ts'
import { readAll, temporaryFolder } from './sources.fixture.ts'

const image = (path: string) => readAll((unseen) => imageSource(path, unseen))

interface Layout {
  readonly folder: string
  /** By their order. */
  readonly layers: readonly string[]
}

/** An image of two layers, the second of which removes what the first one has. */
function layout(t: TestContext): Layout {
  const folder = temporaryFolder(t)
  const tree = temporaryFolder(t)
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  const blob = (bytes: Buffer) => {
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(folder, 'blobs/sha256', hex), bytes)
    return { digest: `sha256:${hex}`, size: bytes.length }
  }
  const tar = (name: string, content: string) => {
    mkdirSync(join(tree, 'app'), { recursive: true })
    writeFileSync(join(tree, 'app', name), content)
    return execFileSync('tar', ['-C', tree, '-cf', '-', `app/${name}`])
  }
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  const tars = [tar('.env', 'TOKEN=of the first layer'), tar('.wh..env', '')]
  const layers = tars.map((bytes) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    ...blob(gzipSync(bytes)),
  }))
  const config = blob(
    json({
      architecture: 'amd64',
      os: 'linux',
      config: { Env: ['PASSWORD=of the configuration'] },
      rootfs: {
        type: 'layers',
        diff_ids: tars.map((bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`),
      },
      history: [{ created_by: 'ARG of the build' }],
    }),
  )
  const manifest = blob(
    json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers,
    }),
  )
  const manifests = [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest }]
  writeFileSync(join(folder, 'index.json'), json({ schemaVersion: 2, manifests }))
  writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  return { folder, layers: layers.map(({ digest }) => digest) }
}

test('of an image each layer is seen, what a later one removes, and its configuration', async (t) => {
  const { folder, layers } = layout(t)
  const { texts, unseen } = await image(folder)
  assert.equal(texts[`layer 1 of 2 (${layers[0]?.slice(0, 19)})!app/.env`], 'TOKEN=of the first layer')
  assert.ok(Object.values(texts).some((text) => text.includes('PASSWORD=of the configuration')))
  assert.ok(Object.values(texts).some((text) => text.includes('ARG of the build')))
  assert.deepEqual(unseen, [])
})

test('a layer that the image names and does not have is said', async (t) => {
  const { folder, layers } = layout(t)
  rmSync(join(folder, 'blobs', layers[1]?.replace(':', '/') ?? ''))
  const { unseen } = await image(folder)
  assert.deepEqual(
    unseen.map(({ name, code }) => `${name} ${code}`),
    [`layer 2 of 2 (${layers[1]?.slice(0, 19)}) unreadable`],
  )
})

test('an archive of an image is seen to its files', async (t) => {
  const { folder } = layout(t)
  const archives = temporaryFolder(t)
  execFileSync('tar', ['-C', folder, '-cf', join(archives, 'oci.tar'), '.'])
  const names = ['oci.tar']
  const copy = ['copy', '-q', `oci:${folder}`, `docker-archive:${join(archives, 'docker.tar')}:a:b`]
  if (spawnSync('skopeo', ['--insecure-policy', ...copy]).status === 0) names.push('docker.tar')
  for (const name of names) {
    const { texts, unseen } = await image(join(archives, name))
    const file = Object.entries(texts).find(([path]) => path.endsWith('!app/.env'))
    assert.equal(file?.[1], 'TOKEN=of the first layer', name)
    assert.ok(Object.values(texts).some((text) => text.includes('PASSWORD=of the configuration')))
    assert.deepEqual(unseen, [])
  }
})

test('what is no image is said', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'a.txt'), 'no image')
  await assert.rejects(image(folder), { code: 'bad_input', message: /no index\.json/ })
  await assert.rejects(image(join(folder, 'a.txt')), { code: 'bad_input', message: /no archive/ })
  await assert.rejects(image('registry.example.com/app:1'), { code: 'not_found', message: /skopeo copy/ })
})

test('an index that leads out of its folder, or in circles, is not followed', async (t) => {
  const { folder } = layout(t)
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'x'), '{"schemaVersion":2,"layers":[]}')
  const descriptor = (digest: string) => ({
    mediaType: 'application/vnd.oci.image.index.v1+json',
    digest,
    size: 1,
  })
  const circle = `sha256:${'c'.repeat(64)}`
  writeFileSync(
    join(folder, 'blobs/sha256', 'c'.repeat(64)),
    JSON.stringify({ schemaVersion: 2, manifests: [descriptor(circle)] }),
  )
  for (const digest of [circle, `sha256:../../../${outside}/x`, '../x']) {
    writeFileSync(
      join(folder, 'index.json'),
      JSON.stringify({ schemaVersion: 2, manifests: [descriptor(digest)] }),
    )
    const { texts } = await image(folder)
    assert.ok(Object.values(texts).every((text) => !text.includes('"layers":[]')))
    assert.ok(Object.values(texts).includes('TOKEN=of the first layer'))
  }
})
