import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import { markMissed } from './missed.ts'
import { byHttp, fails, name, setup, startUpstream } from './rotation.fixture.ts'

const how = { by: '"ada"', reason: 'it was in a log', again: false }

test('a compromise that a restored store does not know: marked by the log, and answered as one that is said now', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url), { overlap: '30d' })
  // In the newer store it was the fifth version.
  const missed = { id: 'cmp_of_the_log', secret: name, version: 5, reason: 'it was in a log' }
  await markMissed(it.store, [missed, { ...missed, reason: 'and in a mail' }], it.clock)
  assert.equal(it.store.find('secret_names', { name })?.compromised_version, 1)
  const server = it.server()
  await it.settle(server)
  await server.sweep()
  assert.deepEqual([...upstream.alive.keys()], ['k1'])
  assert.match(await it.current(), /^value-of-k1/)
  const { compromise } = await server.compromiseOf(name)
  assert.deepEqual([compromise.id, compromise.version], ['cmp_of_the_log', 1])
})

test('a compromise: nothing is made from the old value, leases end, a new one is used, the old one is seen dead', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url), { overlap: '30d' })
  const server = it.server()
  const said = await server.compromise(name, how)
  assert.equal(said.needs, undefined)
  assert.equal(it.store.find('secret_names', { name })?.compromised_version, 1)
  assert.deepEqual(it.revoked[0], `${name} 1 secret_compromised`)
  assert.equal((await server.compromise(name, how)).compromise.id, said.compromise.id, 'twice is once')
  // No overlap, no lease is waited for.
  await server.sweep()
  assert.deepEqual([...upstream.alive.keys()], ['k1'])
  await server.compromise(name, how)
  const done = await server.compromiseOf(name)
  assert.equal(done.compromise.proof, 'probed')
  assert.deepEqual(it.types(), [
    'secret.compromised',
    'secret.rotated',
    'secret.retired',
    'compromise.answered',
  ])
  assert.equal(it.entries[0]?.data['reason'], 'it was in a log')
  const earlier = await server.compromise(name, { ...how, reason: 'and in a mail' })
  assert.deepEqual(
    [said.isNew, earlier.isNew, earlier.compromise.id, earlier.current],
    [true, false, said.compromise.id, 2],
  )
  assert.equal(earlier.compromise.reason, 'it was in a log; and in a mail')
  assert.deepEqual(
    [it.entries.at(-1)?.type, it.entries.at(-1)?.data['version'], it.entries.at(-1)?.data['reason']],
    ['secret.compromised', 1, 'and in a mail'],
  )
  await assert.rejects(server.rollBack(name, '"bob"'), fails('conflict'))
  // Another server cuts what it has open itself, once.
  const other = it.server()
  const before = it.revoked.length
  await other.sweep()
  assert.equal(it.revoked.length, before, 'it has nothing open of what was answered before it started')
  const again = await server.compromise(name, { ...how, again: true })
  assert.equal(again.compromise.version, 2)
  await it.settle(server)
  it.clock.ms += 5_000
  await other.sweep()
  assert.deepEqual([...upstream.alive.keys()], ['k2'])
  // A later value than the one that took its place is nobody's answer: said again, it is that one which others know.
  await server.rotate(name, { by: '"ada"', now: true })
  for (let step = 0; step < 3; step++) await server.sweep()
  const later = await server.compromise(name, how)
  assert.deepEqual([later.isNew, later.compromise.version], [true, 4])
})

test('an admin’s secret: which rotations made values with it is told', async (t) => {
  const upstream = await startUpstream(t)
  const by = byHttp(upstream.url)
  assert.ok('http' in by)
  const it = await setup(t, { http: { ...by.http, secrets: { admin: 'secret:prod/a_min' } } })
  for (const admin of ['prod/a_min', 'prod/admin']) await it.vault.set(admin, new Secret('admin-of-all'))
  const server = it.server()
  await server.rotate(name, { by: '"ada"', now: true })
  await it.settle(server)
  assert.deepEqual((await server.compromise('prod/a_min', how)).madeWith, [{ secret: name, versions: [2] }])
  assert.deepEqual((await server.compromise('prod/admin', how)).madeWith, [])
})

test('killed at any point the answer is gone on with; a rotation that is under way does not wait for leases', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url), { overlap: '30d' })
  for (let at = 0, isOver = false; !isOver; at++) {
    let points = 0
    const doomed = it.server((point) => point === 'write' && points++ === at)
    if (at % 2 === 1) {
      await it.server().rotate(name, { by: '"ada"', now: true })
      await it.server().sweep()
    }
    await doomed.compromise(name, { ...how, again: true }).catch(() => undefined)
    for (let step = 0; step < 3; step++) await doomed.sweep().catch(() => undefined)
    isOver = points <= at && at % 2 === 0
    const server = it.server()
    for (let step = 0; step < 12; step++) {
      it.clock.ms += 61_000
      await server.sweep()
    }
    const known = it.store.find('secret_names', { name })
    const isSaid = (known?.compromised_version ?? 0) > 0
    if (isSaid) assert.ok((known?.current_version ?? 0) > (known?.compromised_version ?? 0), `point ${at}`)
    assert.ok(isSaid || at < 2, `point ${at}: it was not said`)
    const open = await it.store.read
      .selectFrom('compromises')
      .selectAll()
      .where('ended_ms', 'is', null)
      .execute()
    assert.deepEqual(open, [], `point ${at}`)
    const alive = [...upstream.alive.values()].map(({ value }) => value)
    assert.ok(alive.includes(await it.current()), `point ${at}`)
    it.clock.ms += 100_000_000
  }
})

test('a secret without a rotator: a person is told what to do, and that nothing proves the old value dead', async (t) => {
  const it = await setup(t, byHttp('https://api.example.com'))
  await it.vault.set('by/hand', new Secret('an-old-value'))
  const server = it.server()
  const said = await server.compromise('by/hand', how)
  assert.match(
    said.needs ?? '',
    /has no rotator: make a new value at its upstream, run mayfly secret set by\/hand/,
  )
  await server.sweep()
  assert.equal((await server.compromiseOf('by/hand')).compromise.ended_ms, null)
  assert.equal((await server.statusOf('by/hand')).isCompromised, true)
  await it.vault.set('by/hand', new Secret('a-new-value'))
  assert.equal((await server.statusOf('by/hand')).isCompromised, false)
  it.clock.ms += 5_000
  await server.sweep()
  assert.equal((await server.compromiseOf('by/hand')).compromise.proof, 'not_proved')
  await assert.rejects(server.compromise('nothing/there', how), fails('not_found'))
})

test('while the upstream takes nothing new it is asked later and later; a secret that is deleted needs no answer more', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  await it.vault.set('by/hand', new Secret('an-old-value'))
  const server = it.server()
  upstream.fault = (act) => (act === 'create' ? 'refused' : undefined)
  await server.compromise(name, how)
  await server.compromise('by/hand', how)
  await it.store.write((tx) => it.vault.change(tx).delete('by/hand'))
  const dayMs = it.clock.ms + 86_400_000
  for (; it.clock.ms < dayMs; it.clock.ms += 60_000) await server.sweep()
  const begun = (await it.rows()).map(({ created_ms }) => created_ms)
  assert.ok(begun.length > 10 && begun.length < 60, `${begun.length} in a day`)
  assert.ok((begun[2] ?? 0) - (begun[1] ?? 0) < 1_800_000)
  assert.equal((await server.compromiseOf('by/hand')).compromise.proof, 'not_proved')
  upstream.fault = (act) => (act === 'revoke' ? 'down' : undefined)
  for (let left = 90; left > 0; left--, it.clock.ms += 60_000) await server.sweep()
  assert.equal((await server.compromiseOf(name)).needs, undefined)
  await server.forget(name, '"bob"')
  assert.match((await server.compromiseOf(name)).needs ?? '', /old value of prod\/key still works: end it/)
  upstream.alive.delete('k0')
  upstream.fault = () => undefined
  for (let left = 90; left > 0; left--, it.clock.ms += 60_000) await server.sweep()
  assert.equal((await server.compromiseOf(name)).compromise.proof, 'probed')
})
