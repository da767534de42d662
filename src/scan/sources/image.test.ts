import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Unseen } from '../unpack/index.ts'
import { imageSource } from './index.ts'
import { readAll, temporaryFolder } from './sources.fixture.ts'

const image = (path: string) => readAll((unseen) => imageSource(path, unseen))

interface Layout {
  readonly folder: string
  readonly config: string
  readonly manifest: string
  /** By their order. */
  readonly layers: readonly string[]
}

/** An image of two layers, the second of which removes what the first one has. */
function layout(t: TestContext, platform?: object): Layout {
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
  const manifests = [
    {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      ...manifest,
      ...(platform === undefined ? {} : { platform }),
    },
  ]
  writeFileSync(join(folder, 'index.json'), json({ schemaVersion: 2, manifests }))
  writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  return {
    ...{ folder, config: config.digest, manifest: manifest.digest },
    layers: layers.map(({ digest }) => digest),
  }
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

/** The same image in each form in which it is taken. */
function forms(t: TestContext, folder: string): string[] {
  const archives = temporaryFolder(t)
  const tar = (name: string, ...how: string[]) => {
    execFileSync('tar', ['-C', folder, ...how, '-cf', join(archives, name), '.'])
    return join(archives, name)
  }
  return [folder, tar('oci.tar'), tar('oci.tar.gz', '-z')]
}

const path = (folder: string, digest: string) => join(folder, 'blobs', digest.replace(':', '/'))
const told = (unseen: readonly Unseen[]) =>
  unseen.map(({ name, code }) => `${name.replace(/^.*!/, '')} ${code}`).toSorted()

for (const [part, what] of [
  ['layer', /^layer 1 of 2 \(sha256:.*\) unreadable$/],
  ['config', /^configuration \(sha256:.*\) unreadable$/],
  ['manifest', /^manifest sha256:.* of linux\/arm64 unreadable$/],
] as const)
  test(`an image without its ${part} is not whole, in whatever form it is`, async (t) => {
    const { folder, layers, config, manifest } = layout(t, { os: 'linux', architecture: 'arm64' })
    for (const whole of forms(t, folder)) assert.deepEqual((await image(whole)).unseen, [])
    rmSync(path(folder, { layer: layers[0] ?? '', config, manifest }[part]))
    for (const form of forms(t, folder)) assert.match(told((await image(form)).unseen).join('\n'), what, form)
  })

test('a part with other bytes than its digest names is told, and looked at', async (t) => {
  const { folder, layers, config } = layout(t)
  writeFileSync(path(folder, config), '{"config":{"Env":["TOKEN=of another one"]}}')
  writeFileSync(path(folder, layers[1] ?? ''), 'other bytes')
  for (const form of forms(t, folder)) {
    const { texts, unseen } = await image(form)
    const [first, second, ...others] = told(unseen)
    assert.match(`${first}\n${second}`, /^configuration .* broken\nlayer 2 of 2 .* broken$/)
    assert.deepEqual(others, [])
    assert.ok(Object.values(texts).some((text) => text.includes('TOKEN=of another one')))
  }
})

test('of a manifest that cannot be read nobody knows what belongs to it', async (t) => {
  const { folder } = layout(t)
  writeFileSync(join(folder, 'index.json'), '{"schemaVersion":2,"manifests":{}}')
  for (const form of forms(t, folder))
    assert.deepEqual(told((await image(form)).unseen), ['index.json broken'])
})

test('a layer that a link in the layout leads to elsewhere is not there', async (t) => {
  const { folder } = layout(t)
  const elsewhere = join(temporaryFolder(t), 'blobs')
  renameSync(join(folder, 'blobs'), elsewhere)
  symlinkSync(elsewhere, join(folder, 'blobs'))
  assert.match(told((await image(folder)).unseen).join('\n'), /^manifest .* unreadable$/)
})

/** As `docker save` wrote it before it had an OCI layout. */
function dockerArchive(t: TestContext, spoil: (folder: string) => void): string {
  const folder = temporaryFolder(t)
  const layers = ['first', 'second'].map((name) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'file'), `TOKEN=of the ${name} layer`)
    execFileSync('tar', ['-C', join(folder, name), '-cf', join(folder, name, 'layer.tar'), 'file'])
    rmSync(join(folder, name, 'file'))
    return `${name}/layer.tar`
  })
  const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  const diff_ids = layers.map((layer) => `sha256:${hashOf(readFileSync(join(folder, layer)))}`)
  const config = Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids } }))
  const name = `${hashOf(config)}.json`
  writeFileSync(join(folder, name), config)
  writeFileSync(join(folder, 'config'), name)
  writeFileSync(
    join(folder, 'manifest.json'),
    JSON.stringify([{ Config: name, RepoTags: ['a:1'], Layers: layers }]),
  )
  spoil(folder)
  const archive = join(temporaryFolder(t), 'image.tar')
  execFileSync('tar', ['-C', folder, '-cf', archive, '.'])
  return archive
}

for (const [what, spoil, expected] of [
  ['is whole', () => {}, []],
  [
    'has a layer that is packed, and one that is a link',
    (folder: string) => {
      renameSync(join(folder, 'second/layer.tar'), join(folder, 'third.tar'))
      symlinkSync('../third.tar', join(folder, 'second/layer.tar'))
      const layer = join(folder, 'first/layer.tar')
      writeFileSync(layer, gzipSync(readFileSync(layer)))
    },
    [],
  ],
  [
    'is without a layer',
    (folder: string) => rmSync(join(folder, 'second/layer.tar')),
    ['layer 2 of 2 unreadable'],
  ],
  [
    'has a link that leads nowhere for a layer',
    (folder: string) => {
      rmSync(join(folder, 'second/layer.tar'))
      symlinkSync('../third.tar', join(folder, 'second/layer.tar'))
    },
    ['layer 2 of 2 unreadable'],
  ],
  [
    'is without its configuration',
    (folder: string) => rmSync(join(folder, readFileSync(join(folder, 'config'), 'utf8'))),
    ['configuration unreadable'],
  ],
  [
    'has another layer than its configuration names',
    (folder: string) => cpSync(join(folder, 'first/layer.tar'), join(folder, 'second/layer.tar')),
    ['layer 2 of 2 broken'],
  ],
  [
    'names fewer layers than its configuration',
    (folder: string) => {
      const file = join(folder, 'manifest.json')
      writeFileSync(file, readFileSync(file, 'utf8').replace(',"second/layer.tar"', ''))
    },
    ['manifest.json broken'],
  ],
  ['is none', (folder: string) => rmSync(join(folder, 'manifest.json')), ['image.tar unknown_form']],
] as const)
  test(`of an archive of docker save that ${what} that is told`, async (t) => {
    const { texts, unseen } = await image(dockerArchive(t, spoil))
    assert.deepEqual(told(unseen), expected)
    assert.ok(Object.values(texts).includes('TOKEN=of the first layer'))
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
  await assert.rejects(image(folder), { code: 'bad_input', message: /neither index\.json nor/ })
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
