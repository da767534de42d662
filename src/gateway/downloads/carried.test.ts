import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeAudit, openSession, setup, stepRequest } from '../../broker/broker.fixture.ts'
import { createStoredStepMaterials } from '../../broker/index.ts'
import { until } from '../gateway.fixture.ts'
import { bytesOf, names, registryWorld, tarballOf } from './pinned.fixture.ts'
import { createDownloadRecord } from './record.ts'

const file = { purl: 'pkg:npm/a@1.0.0', integrity: 'sha512-AA==', by: 'lockfile', bytes: 3 } as const

test('a step gets the end of a file only once the store knows that its record is owed', async (t) => {
  const { world, upstream, get } = await registryWorld(t)
  const { materials } = world
  const marked = Promise.withResolvers<void>()
  const { carry } = materials
  const asked = Promise.withResolvers<void>()
  materials.carry = async (...of) => {
    asked.resolve()
    await marked.promise
    await carry(...of)
  }
  let answered = ''
  const getting = get(tarballOf('a')).then(({ body }) => (answered = body))
  await asked.promise
  // Other requests go to the registry and back meanwhile: if nothing held the file, it would be there.
  for (const _ of names) await get('/a')
  assert.equal(upstream.seen.length, 1 + names.length)
  assert.equal(answered, '')
  marked.resolve()
  await getting
  assert.ok(answered.includes(String(bytesOf('a'))))
  assert.equal(materials.carriers.length, 1, 'killed now, it would be known')
  assert.deepEqual(materials.materials, [])
  await world.gateway.recordDownloads(world.step)
  assert.deepEqual([materials.carriers.length, materials.materials.length], [0, 1])
  // The next one is owed anew.
  await get(tarballOf('b'))
  assert.equal(materials.carriers.length, 1)
})

test('where that cannot be written the step does not get the file', async (t) => {
  const { world, get } = await registryWorld(t)
  const { carry } = world.materials
  const whole = async () =>
    (await get(tarballOf('a')).catch(() => undefined))?.body.includes(String(bytesOf('a'))) === true
  world.materials.carry = () => Promise.reject(new Error('the disk is full'))
  assert.equal(await whole(), false)
  assert.deepEqual(world.materials.materials, [])
  world.materials.carry = carry
  assert.equal(await whole(), true, 'the next one tries again')
})

test('what did not come is not owed', async (t) => {
  const { world, upstream, get } = await registryWorld(t)
  upstream.handle = (_, response) => void response.writeHead(200).end('another file')
  await get(tarballOf('a')).catch(() => undefined)
  assert.deepEqual(world.materials.materials, [])
  await until(() => world.materials.carriers.length === 0)
})

async function openStep(t: Parameters<typeof setup>[0]) {
  const it = await setup(t)
  const step = await it.broker.openStep(await openSession(it.broker), stepRequest())
  const materials = createStoredStepMaterials({ store: it.store, clock: it.clock })
  /** A gateway of its own, as another process would have it. */
  const gateway = () => createDownloadRecord({ audit: fakeAudit().client, materials })
  const ends = async () => {
    const seen = await materials.of(step.id)
    await it.broker.endStep(step, { reason: 'finished', exitCode: 0 })
    while (it.audit.ofType('step.finished').length === 0) await new Promise((next) => setTimeout(next, 5))
    return [seen.materialsIncomplete, it.audit.ofType('step.finished')[0]?.data['downloadsIncomplete']]
  }
  return { it, step, gateway, ends, materials }
}

test('a server that is killed before it had recorded a download leaves that behind, also if others carry on', async (t) => {
  const { step, gateway, ends } = await openStep(t)
  const [killed, other] = [gateway(), gateway()]
  const carried = killed.carry(step)
  await carried.ready
  // The step has the file; what the process knows of it is gone with it.
  await other.give(step, 'npm', [{ type: 'packages.downloaded', item: file }])
  await other.settle(step)
  assert.deepEqual(await ends(), [true, true])
})

test('one that had recorded all of it leaves nothing behind', async (t) => {
  const { it, step, gateway, ends, materials } = await openStep(t)
  const record = gateway()
  const carried = record.carry(step)
  await carried.ready
  record.add(step, 'npm', file, undefined)
  carried.done()
  assert.equal((await materials.of(step.id)).materialsIncomplete, true)
  await record.settle(step)
  assert.equal((await materials.of(step.id)).materials.length, 1)
  assert.deepEqual(await ends(), [undefined, undefined])
  assert.deepEqual(await it.store.read.selectFrom('step_carriers').selectAll().execute(), [])
})

test('a store that cannot be written keeps what is owed', async (t) => {
  const { it, step, gateway, materials } = await openStep(t)
  const record = gateway()
  await record.give(step, 'npm', [{ type: 'packages.downloaded', item: file }])
  it.disk.full = true
  await assert.rejects(record.settle(step))
  it.disk.full = false
  assert.equal((await materials.of(step.id)).materialsIncomplete, true)
  await record.settle(step)
  assert.equal((await materials.of(step.id)).materialsIncomplete, undefined)
})
