import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until, type World } from '../gateway.fixture.ts'
import { bytesOf, names, registryWorld, tarballOf } from './pinned.fixture.ts'

function downloaded(world: World): unknown[] {
  return world.audit
    .ofType('packages.downloaded')
    .flatMap(({ data }) => data['packages'] as { purl: string }[])
}

test('a lockfile is granted by one entry, and what was fetched stands in batches', async (t) => {
  const { world, get } = await registryWorld(t)
  for (const name of names) assert.equal((await get(tarballOf(name))).status, 200, name)
  const granted = world.audit.ofType('access.granted')
  assert.equal(granted.length, 1)
  assert.deepEqual(granted[0]?.data['operations'], [{ action: 'npm:install', connection: 'npm', path: '' }])
  assert.equal((granted[0]?.data['lockfile'] as { packages: number } | undefined)?.packages, names.length)
  await world.gateway.recordDownloads(world.step)
  assert.deepEqual(
    downloaded(world).map((one) => (one as { purl: string }).purl),
    ['pkg:npm/a@1.0.0', 'pkg:npm/b@1.0.0', 'pkg:npm/c@1.0.0', 'pkg:npm/%40octo/d@1.0.0'],
  )
  assert.deepEqual(downloaded(world)[0], {
    purl: 'pkg:npm/a@1.0.0',
    integrity: `sha512-${createHash('sha512').update(bytesOf('a')).digest('base64')}`,
    by: 'lockfile',
    bytes: bytesOf('a').length,
    sha256: createHash('sha256').update(bytesOf('a')).digest('hex'),
    first: true,
  })
  // The same, for its provenance.
  assert.deepEqual(
    world.materials.materials.map(({ uri, by, connection }) => [uri, by, connection]),
    ['a', 'b', 'c', '%40octo/d'].map((name) => [`pkg:npm/${name}@1.0.0`, 'lockfile', 'npm']),
  )
})

test('nothing is fetched before the entry is durable, and the next package tries again', async (t) => {
  const { world, upstream, get } = await registryWorld(t)
  world.audit.before = ({ type }) => {
    if (type === 'access.granted') throw new Error('the log is down')
  }
  assert.equal((await get(tarballOf('a'))).status, 403)
  assert.equal(upstream.begun.length, 0)
  world.audit.before = undefined
  assert.equal((await get(tarballOf('b'))).status, 200)
})

test('while downloads cannot be recorded no more are given, and none is lost', async (t) => {
  const { world, get } = await registryWorld(t)
  let away = true
  world.audit.before = ({ type }) => {
    if (away && type === 'packages.downloaded') throw new Error('the log is down')
  }
  assert.equal((await get(tarballOf('a'))).status, 200)
  await assert.rejects(world.gateway.recordDownloads(world.step))
  const refused = await get(tarballOf('b'))
  assert.equal(refused.status, 503)
  assert.match(refused.body, /cannot be recorded now/)
  away = false
  await until(() => world.audit.ofType('packages.downloaded').length > 0)
  await sleep(10)
  assert.equal((await get(tarballOf('b'))).status, 200)
  world.brokers.end(world.step)
  await until(() => downloaded(world).length === 2)
})

test('while the log answers nothing, the store has for provenance what came since, too, once each', async (t) => {
  const { world, get } = await registryWorld(t)
  const answers = Promise.withResolvers<void>()
  world.audit.before = ({ type }) => (type === 'packages.downloaded' ? answers.promise : undefined)
  const kept = () => world.materials.materials.map(({ uri }) => uri)
  await get(tarballOf('a'))
  const first = world.gateway.recordDownloads(world.step)
  await until(() => kept().length === 1)
  await get(tarballOf('b'))
  const second = world.gateway.recordDownloads(world.step)
  await until(() => kept().length === 2)
  assert.deepEqual(downloaded(world), [])
  answers.resolve()
  await Promise.all([first, second])
  assert.deepEqual(kept(), ['pkg:npm/a@1.0.0', 'pkg:npm/b@1.0.0'])
  assert.equal(downloaded(world).length, 2)
})

test('each package is decided by policy: a grant of some names lets in no others, each grant with an entry', async (t) => {
  const { world, upstream, get } = await registryWorld(t, ['npm:install npm/@octo/*', 'npm:install npm/a'])
  assert.equal((await get(tarballOf('@octo/d'))).status, 200)
  assert.equal((await get(tarballOf('a'))).status, 200)
  assert.equal((await get(tarballOf('b'))).status, 403)
  assert.deepEqual(
    upstream.begun.map(({ url }) => url),
    [tarballOf('@octo/d'), tarballOf('a')],
  )
  assert.deepEqual(
    world.audit.ofType('access.granted').map(({ data }) => data['grants']),
    [['npm:install npm/@octo/*'], ['npm:install npm/a']],
  )
})

test('what is written is written before a step’s end leaves it behind', async (t) => {
  const { world, get } = await registryWorld(t)
  await get(tarballOf('a'))
  world.brokers.end(world.step)
  await until(() => downloaded(world).length === 1)
})
