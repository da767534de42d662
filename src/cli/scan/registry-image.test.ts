import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import type { Unlooked } from '../../scan/reports/index.ts'
import type { Batch } from '../../scan/sources/index.ts'
import { chooseSource } from './source.ts'

const imageType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'

/** A registry with an index of two platforms that have a layer in common. */
async function registry(
  t: TestContext,
  spoil: (parts: Map<string, Buffer>, layers: readonly string[]) => void = () => {},
) {
  const parts = new Map<string, Buffer>()
  const types = new Map<string, string>()
  const put = (kind: string, bytes: Buffer, type: string) => {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    parts.set(`${kind}/${digest}`, bytes)
    types.set(`${kind}/${digest}`, type)
    return { mediaType: type, digest, size: bytes.length }
  }
  const layer = (text: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-layer-'))
    writeFileSync(join(folder, 'file'), text)
    const bytes = gzipSync(execFileSync('tar', ['-C', folder, '-cf', '-', 'file']))
    rmSync(folder, { recursive: true })
    return put('blobs', bytes, 'application/vnd.oci.image.layer.v1.tar+gzip')
  }
  const layers = ['common', 'of the first', 'of the second'].map(layer)
  const [common, ...others] = layers
  const manifests = others.map((own) => {
    const config = put(
      'blobs',
      Buffer.from(`{"os":"${own.digest.slice(7, 12)}"}`),
      'application/vnd.oci.image.config.v1+json',
    )
    return put(
      'manifests',
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: imageType, config, layers: [common, own] })),
      imageType,
    )
  })
  const index = put(
    'manifests',
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests })),
    indexType,
  )
  parts.set('manifests/v1', parts.get(`manifests/${index.digest}`) ?? Buffer.alloc(0))
  types.set('manifests/v1', indexType)
  spoil(
    parts,
    layers.map(({ digest }) => digest),
  )
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/v2/octo/app/', '')
    asked.push(path)
    const body = parts.get(path)
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': types.get(path) ?? '' }).end(body)
  }).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  t.after(() => server.close())
  return {
    name: `127.0.0.1:${(server.address() as AddressInfo).port}/octo/app`,
    asked,
    layers: layers.map(({ digest }) => digest),
  }
}

async function parts(image: string) {
  const unseen: Unlooked[] = []
  const options = { image, confidence: 'possible', failOn: 'likely', report: 'text' } as const
  const source = await chooseSource([], options, (one) => void unseen.push(one), {
    ...{ rules: [], without: [], allow: [], gitleaksAllow: false, mayBeUnseen: [], warnings: [] },
  })
  const batches: Batch[] = []
  try {
    for await (const batch of source.batches) batches.push(batch)
    const all = batches.flatMap((batch) => batch.parts)
    const paths = all.map((part) => (part.kind === 'file' ? part.path : ''))
    assert.ok(paths.every((path) => existsSync(path)))
    return { names: all.map(({ name }) => name), paths, unseen }
  } finally {
    source.release?.()
  }
}

test('an image of a registry is brought with all its platforms, each layer once, and taken away again', async (t) => {
  const { name, asked, layers } = await registry(t)
  const { names, paths, unseen } = await parts(`${name}:v1`)
  assert.equal(names.filter((one) => one.startsWith('layer ')).length, 3)
  assert.equal(asked.filter((path) => path.endsWith(layers[0] ?? '')).length, 1)
  assert.deepEqual(unseen, [])
  assert.ok(paths.every((path) => !existsSync(path)))
})

test('a layer that is another one, or is not there, is said', async (t) => {
  const { name, layers } = await registry(t, (all, [first = '', second = '']) => {
    all.set(`blobs/${first}`, Buffer.from('other bytes'))
    all.delete(`blobs/${second}`)
  })
  const { unseen } = await parts(`${name}:v1`)
  assert.ok(unseen.some(({ name: of, code }) => of === layers[0] && code === 'broken'))
  assert.ok(
    unseen.some(({ name: of, code }) => of.includes((layers[1] ?? '').slice(0, 19)) && code === 'unreadable'),
  )
})

test('a configuration that the registry does not have is said: it has the variables of the image', async (t) => {
  let gone = ''
  const { name } = await registry(t, (all) => {
    gone = [...all].find(([, bytes]) => bytes.toString().startsWith('{"os":'))?.[0] ?? ''
    assert.ok(all.delete(gone))
  })
  const { unseen } = await parts(`${name}:v1`)
  assert.deepEqual(
    unseen.map(({ name: of, code }) => `${of} ${code}`),
    [`configuration (${gone.slice('blobs/'.length).slice(0, 19)}) unreadable`],
  )
})

test('an image that is not there, or not what its digest names, is said', async (t) => {
  const wrong = `sha256:${'a'.repeat(64)}`
  const { name } = await registry(t, (all) =>
    all.set(`manifests/${wrong}`, all.get('manifests/v1') ?? Buffer.alloc(0)),
  )
  await assert.rejects(parts(`${name}:v2`), { code: 'not_found' })
  await assert.rejects(parts(`${name}@${wrong}`), { code: 'denied' })
})

test('an image in a folder is read where it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-layout-'))
  mkdirSync(join(folder, 'blobs'))
  writeFileSync(join(folder, 'index.json'), '{"schemaVersion":2,"manifests":[]}')
  assert.deepEqual((await parts(folder)).names, ['index.json'])
  rmSync(folder, { recursive: true })
})
