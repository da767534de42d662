import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { downloadedBy, registryWorld, tarballOf } from './registry.fixture.ts'

const hex = (bytes: Buffer | undefined) =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')

test('the first step that has a file records what it is; later ones only that they had it', async (t) => {
  const { world, files, step } = await registryWorld(t)
  const first = await step()
  assert.equal((await first.get('a')).status, 200)
  await world.gateway.recordDownloads(first.step)
  const [item] = downloadedBy(world, first.step)
  assert.equal(item?.['first'], true)
  assert.equal(item?.['sha256'], hex(files.get('a')))
  const second = await step()
  assert.equal((await second.get('a')).status, 200)
  await world.gateway.recordDownloads(second.step)
  const [again] = downloadedBy(world, second.step)
  assert.equal(again?.['first'], undefined)
  assert.equal(again?.['sha256'], hex(files.get('a')))
})

test('a version whose file has changed is refused, though a lockfile pins what it is now, and it is a finding', async (t) => {
  const { world, files, step } = await registryWorld(t)
  const was = files.get('a')
  await (await step()).get('a')
  const evil = Buffer.from('a worm that spreads by itself')
  files.set('a', evil)
  const victim = await step()
  const answer = await victim.get('a')
  assert.doesNotMatch(answer.body, /itself/)
  await victim.get('a')
  const changes = world.audit.ofType('package.changed')
  assert.equal(changes.length, 1)
  const { purl, connection, registry, path, now, was: before } = changes[0]?.data ?? {}
  assert.deepEqual(
    { purl, connection, registry, path, now },
    {
      purl: 'pkg:npm/a@1.0.0',
      connection: 'npm',
      registry: 'npm.test:443',
      path: '/a/-/a-1.0.0.tgz',
      now: { digest: `sha256:${hex(evil)}` },
    },
  )
  assert.equal((before as { digest?: string } | undefined)?.digest, `sha256:${hex(was)}`)
  const denied = world.audit.ofType('access.denied').at(-1)?.data['reason'] as string
  assert.match(denied, /a version that was published does not change.*may_change of connection "npm"/)
  await world.gateway.recordDownloads(victim.step)
  assert.deepEqual(downloadedBy(world, victim.step), [])
  assert.equal((await victim.get('b')).status, 200)
})

test('a file that differs from its lockfile is none that was seen', async (t) => {
  const { files, step } = await registryWorld(t)
  const honest = files.get('a') ?? Buffer.alloc(0)
  const early = await step()
  files.set('a', Buffer.from('not what was pinned'))
  assert.doesNotMatch((await early.get('a')).body, /pinned/)
  files.set('a', honest)
  assert.equal((await (await step()).get('a')).status, 200)
})

test('a digest that an earlier version stored in the other spelling is the same digest', async (t) => {
  const { world, files, step } = await registryWorld(t)
  const file = { registry: 'npm.test:443', purl: 'pkg:npm/a@1.0.0', path: tarballOf('a') }
  const base64 = Buffer.from(hex(files.get('a')), 'hex').toString('base64')
  await world.firstSeen.see(file, `sha256-${base64}`)
  assert.equal((await (await step()).get('a')).status, 200)
  files.set('a', Buffer.from('another file'))
  assert.doesNotMatch((await (await step()).get('a')).body, /another/)
  const [found] = world.audit.ofType('package.changed')
  assert.match(JSON.stringify(found?.data['was']), /"sha256:[0-9a-f]{64}"/)
})

test('what was seen but never reached the log is the first in the next entry', async (t) => {
  const { world, step } = await registryWorld(t)
  world.audit.before = ({ type }) => {
    if (type === 'packages.downloaded') throw new Error('the log is down')
  }
  const lost = await step()
  await lost.get('a')
  await assert.rejects(world.gateway.recordDownloads(lost.step))
  const next = await step()
  await next.get('a')
  world.audit.before = undefined
  await world.gateway.recordDownloads(next.step)
  assert.equal(downloadedBy(world, next.step)[0]?.['first'], true)
})
