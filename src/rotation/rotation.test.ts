import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  byHttp,
  fails,
  name,
  setup,
  startMs,
  startUpstream,
  type Setup,
  type Upstream,
} from './rotation.fixture.ts'

const by = (who: string) => ({ by: JSON.stringify(who), now: true })

/** At each moment the value in use works, and no more than two are alive. */
function watched(it: Setup, upstream: Upstream): string[] {
  const broken: string[] = []
  upstream.watch = () => {
    if (upstream.alive.size > 2) broken.push(`${upstream.alive.size} alive`)
    const current = it.store.find('secret_names', { name })?.current_version
    if (current === 1 && !upstream.alive.has('k0')) broken.push('the value in use is dead')
  }
  return broken
}

async function assertOne(it: Setup, upstream: Upstream): Promise<void> {
  const values = [...upstream.alive.values()].map(({ value }) => value)
  assert.deepEqual(values, [await it.current()])
}

test('a new value is made, probed, used; the old one dies after its overlap, and is seen to be dead', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const broken = watched(it, upstream)
  const server = it.server()
  await server.sweep()
  assert.deepEqual(await it.rows(), [], 'it is not due')
  const begun = await server.rotate(name, by('ada'))
  assert.equal((await server.rotate(name, by('bob'))).id, begun.id, 'asked twice is one')
  await server.sweep()
  assert.deepEqual(upstream.asked, ['identify', 'create', 'probe'])
  assert.equal(upstream.alive.size, 2, 'the old one lives for those who have it')
  assert.match(await it.current(), /^value-of-k1/)
  await it.settle(server)
  const [row] = await it.rows()
  assert.equal(row?.state, 'done')
  assert.equal(row?.proof, 'probed')
  assert.equal(row?.asked_by, '"ada"')
  await assertOne(it, upstream)
  assert.deepEqual(it.types(), ['secret.rotated', 'secret.retired'])
  assert.deepEqual(broken, [])
  assert.doesNotMatch(JSON.stringify([await it.rows(), it.entries, it.told]), /value-of-k/)
  // The next one knows by what id the old one dies.
  await server.rotate(name, by('ada'))
  await it.settle(server)
  await assertOne(it, upstream)
  assert.deepEqual(await it.rows().then((rows) => rows.map(({ old_handle }) => old_handle)), [
    null,
    '{"id":"k1"}',
  ])
})

test('killed at any point: the next server goes on, one value lives, and it is the one in use', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const broken = watched(it, upstream)
  let points = 0
  for (let at = 0; ; at++) {
    let seen = 0
    const doomed = it.server(() => seen++ === at)
    await it.server().rotate(name, by('ada'))
    for (let step = 0; step < 6; step++) {
      await doomed.sweep().catch(() => undefined)
      it.clock.ms += 601_000
    }
    await it.settle(it.server())
    await assertOne(it, upstream)
    const rows = await it.rows()
    assert.ok(
      rows.every(({ ended_ms }) => ended_ms !== null),
      `point ${at}`,
    )
    points = at
    if (seen <= at) break
  }
  assert.ok(points > 8, `${points} points`)
  assert.deepEqual(broken, [])
})

test('an API that has one id for the old and the new value: neither is ended by it, and that is said', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  // The id of the account: the DELETE of one key ends all of them.
  const [rotation] = Object.values(it.secrets).map((one) => one.rotation)
  assert.ok(rotation !== undefined && 'http' in rotation.by)
  const { http } = rotation.by
  assert.ok(http.identify !== undefined)
  const extract = { ...http.extract, id: '$.key.account' }
  const ofAccount = { http: { ...http, extract, identify: { ...http.identify, id: '$.account' } } }
  it.secrets[name] = { owner: 'payments', rotation: { ...rotation, by: ofAccount } }
  await server.rotate(name, by('ada'))
  await it.settle(server)
  assert.equal(await it.current(), 'value-of-k0-at-first')
  assert.ok(upstream.alive.has('k0'))
  assert.equal(upstream.asked.includes('revoke'), false)
  const [row] = await it.rows()
  assert.equal(row?.state, 'failed')
  assert.match(row.failure ?? '', /the id of the old value: by it both would be ended/)
})

test('what ends the old value ends the new one, too: it is probed then, and people are told', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  await server.rotate(name, by('ada'))
  upstream.watch = () => {
    if (!upstream.alive.has('k0')) upstream.alive.clear()
  }
  await it.settle(server)
  const [row] = await it.rows()
  assert.deepEqual([row?.state, row?.proof], ['failed', 'probed'])
  assert.match(row?.failure ?? '', /died with it: version 2, which is in use, does not work/)
  assert.equal(it.told.at(-1)?.data['problem'], 'the value in use does not work')
})

test('two servers at once: one does it', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const [a, b] = [it.server(), it.server()]
  await Promise.all([a.rotate(name, by('ada')), b.rotate(name, by('bob'))])
  await Promise.all([a.sweep(), b.sweep(), a.sweep(), b.sweep()])
  await it.settle(a)
  assert.deepEqual(
    upstream.asked.filter((act) => act === 'create'),
    ['create'],
  )
  await assertOne(it, upstream)
})

test('a probe that fails: the new one is ended, the old one stays, people are told', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  const before = await it.current()
  // 422 says neither that it works nor that it does not: it was not seen to work.
  upstream.fault = (act) => (act === 'probe' ? 'refused' : undefined)
  await server.rotate(name, by('ada'))
  await it.settle(server)
  assert.equal(await it.current(), before)
  assert.match((await it.rows())[0]?.failure ?? '', /cannot be told/)
  await assertOne(it, upstream)
  upstream.fault = () => undefined
  upstream.watch = () => {
    for (const key of upstream.alive.keys())
      if (key !== 'k0') upstream.alive.set(key, { value: 'another', name: '' })
  }
  await server.rotate(name, by('ada'))
  await it.settle(server)
  assert.equal(await it.current(), before)
  await assertOne(it, upstream)
  const row = (await it.rows()).at(-1)
  assert.equal(row?.state, 'rolled_back')
  assert.match(row.failure ?? '', /does not work/)
  assert.equal(it.types().at(-1), 'secret.rolledback')
  assert.equal(it.told.at(-1)?.event, 'secret.rotation_failed')
})

test('an upstream that is down, or answers 500 after it did what it was asked, in each phase', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  for (const act of ['create', 'probe', 'identify', 'revoke', 'find'])
    for (const fault of ['down', 'after', 'refused'] as const) {
      let left = 2
      upstream.fault = (one) => (one === act && left-- > 0 ? fault : undefined)
      await server.rotate(name, by('ada'))
      await it.settle(server)
      await assertOne(it, upstream)
      const row = (await it.rows()).at(-1)
      assert.ok(row?.ended_ms !== null, `${act} ${fault}`)
    }
  const states = new Set((await it.rows()).map(({ state }) => state))
  assert.deepEqual([...states].toSorted(), ['done', 'failed', 'rolled_back'])
})

test('an old value that cannot be ended is loud, and nothing new is begun beside it', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  upstream.fault = (act) => (act === 'revoke' ? 'down' : undefined)
  const first = await server.rotate(name, by('ada'))
  await it.settle(server, 6)
  assert.equal((await server.counts()).stuck, 1)
  assert.equal(it.told.at(-1)?.data['problem'], 'the old value is still alive')
  assert.equal((await server.rotate(name, by('ada'))).id, first.id)
  assert.equal(upstream.alive.size, 2)
  upstream.fault = () => undefined
  await it.settle(server)
  await assertOne(it, upstream)
})

test('a full disk where the new value is kept: it is ended, since nobody will know it', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  let full = false
  const server = it.server((point) => {
    if (point === 'answer POST') full = true
    if (point === 'write' && full) {
      full = false
      throw new Error('the disk is full')
    }
    return false
  })
  await server.rotate(name, by('ada'))
  await server.sweep()
  assert.equal(upstream.alive.size, 1)
  await it.settle(server)
  await assertOne(it, upstream)
})

test('somebody sets another value meanwhile: theirs stands, and what was made is ended', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const { Secret } = await import('../lib/index.ts')
  upstream.alive.set('hers', { value: 'set-by-a-person', name: 'hers' })
  const server = it.server((point) => {
    if (point === 'ask GET') void it.vault.set(name, new Secret('set-by-a-person'))
    return false
  })
  await server.rotate(name, by('ada'))
  await it.settle(server)
  assert.equal(await it.current(), 'set-by-a-person')
  assert.deepEqual([...upstream.alive.keys()].toSorted(), ['hers', 'k0'])
})

test('rolled back by hand: before it is used, while the old one lives, and not after', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  await assert.rejects(server.rollBack(name, '"bob"'), fails('conflict', /no rotation/))
  await server.rotate(name, by('ada'))
  await server.sweep()
  assert.match(await it.current(), /^value-of-k1/)
  await server.rollBack(name, '"bob"')
  assert.equal(await it.current(), 'value-of-k0-at-first')
  await it.settle(server)
  await assertOne(it, upstream)
  assert.equal((await it.rows())[0]?.state, 'rolled_back')
  const undone = it.entries.find(({ type }) => type === 'secret.rolledback')
  assert.deepEqual([undone?.data['by'], undone?.data['begunBy']], ['bob', 'ada'])
  await server.rotate(name, { by: '"ada"', now: false })
  await server.rollBack(name, '"bob"')
  assert.deepEqual(
    [it.types().at(-1), it.entries.at(-1)?.data['by']],
    ['secret.unrotated', 'bob'],
    'nothing was made yet',
  )
  upstream.fault = (act) => (act === 'revoke' ? 'down' : undefined)
  await server.rotate(name, by('ada'))
  await it.settle(server, 2)
  await assert.rejects(server.rollBack(name, '"bob"'), fails('conflict', /rotate again/))
})

test('what it would do is told without doing it', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  const told = await server.dryRun(name)
  assert.equal(told.probe, 'alive')
  assert.equal(told.hindered, null)
  assert.deepEqual(upstream.asked, ['probe', 'find'], 'all that changes nothing')
  upstream.fault = (act) => (act === 'find' ? 'refused' : undefined)
  assert.equal((await server.dryRun(name)).hindered, 'find: the API answered 422')
  await assert.rejects(server.dryRun('prod/other'), fails('not_found'))
})

test('a secret is not brought back by its rotation when it is deleted meanwhile: what was made is ended', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server((point) => {
    if (point === 'ask GET') void it.store.write((tx) => it.vault.change(tx).delete(name))
    return false
  })
  await server.rotate(name, by('ada'))
  await it.settle(server)
  assert.deepEqual([...upstream.alive.keys()], ['k0'])
  assert.equal((await it.rows())[0]?.state, 'rolled_back')
  assert.notEqual((await it.vault.find(name))?.deletedMs, null)
  await assert.rejects(
    server.rotate(name, by('ada')),
    fails('secret_missing', /deleted: mayfly secret restore/),
  )
})

test('a secret that is moved takes along what ends its old value', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  await server.rotate(name, by('ada'))
  await it.settle(server)
  await it.store.write((tx) => it.vault.change(tx).move(name, 'new/key'))
  Object.assign(it.secrets, { 'new/key': it.secrets[name] })
  await server.rotate('new/key', by('ada'))
  // It need not be asked which one it is.
  upstream.fault = (act) => (act === 'identify' ? 'refused' : undefined)
  await it.settle(server)
  assert.deepEqual([...upstream.alive.keys()], ['k2'])
})

test('also what nothing rotates has a status: behind the others, the oldest value first', async (t) => {
  const it = await setup(t, byHttp('https://api.example.com'))
  const { Secret } = await import('../lib/index.ts')
  for (const one of ['by/hand', 'an/other', 'gone']) {
    await it.vault.set(one, new Secret('x'))
    it.clock.ms += 60_000
  }
  await it.store.write((tx) => it.vault.change(tx).delete('gone'))
  const server = it.server()
  const names = async (how?: { unrotated: boolean }) =>
    (await server.status(how)).map(({ secret, rotator }) => [secret, rotator])
  assert.deepEqual(await names(), [[name, 'http']])
  assert.deepEqual(await names({ unrotated: true }), [
    [name, 'http'],
    ['by/hand', undefined],
    ['an/other', undefined],
  ])
  const one = await server.statusOf('by/hand')
  assert.deepEqual([one.version, one.isLate, one.nextMs, one.lastUse], [1, false, undefined, undefined])
  assert.equal(one.madeMs, startMs)
  await assert.rejects(server.statusOf('by/hnd'), fails('not_found', /by\/hand/))
})

test('the old value is set again by whoever holds a copy: refused without force; with it the new one is ended, and nothing stands open', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url), { overlap: '12h' })
  const { Secret } = await import('../lib/index.ts')
  const old = new Secret('value-of-k0-at-first')
  const server = it.server()
  assert.match(
    (await server.beforeSet(name, { value: new Secret('another') }, false)) ?? '',
    /rotated by itself \(http\)/,
  )
  await server.rotate(name, by('ada'))
  await server.sweep()
  for (const given of [{ value: new Secret(`${old.reveal()}\n`) }, { version: 1 }])
    await assert.rejects(
      server.beforeSet(name, given, false),
      fails('conflict', /value of version 1 .* is about to be ended.*--force/),
    )
  await server.beforeSet(name, { value: old }, true)
  await it.vault.set(name, old)
  // Not after an overlap of twelve hours: at once.
  await server.afterSet([name, 'prod/none'])
  await server.sweep()
  const [undone] = await it.rows()
  assert.deepEqual([undone?.state, undone?.failure], ['rolled_back', 'the old value was set again'])
  assert.deepEqual([...upstream.alive.keys()], ['k0'], 'the one in use lives, and no other')
  await server.rotate(name, by('ada'))
  await it.settle(server)
  assert.match(await it.current(), /^value-of-k2/)
  await assert.rejects(server.beforeSet(name, { value: old }, false), fails('conflict', /has been ended/))
})

test('the old value is set again when it is dying: what is dead is said to be, and the new one is not ended beside it', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  upstream.fault = (act) => (act === 'revoke' ? 'after' : undefined)
  await server.rotate(name, by('ada'))
  await it.settle(server, 2)
  assert.equal((await it.rows())[0]?.state, 'retiring')
  const { Secret } = await import('../lib/index.ts')
  await it.vault.set(name, new Secret('value-of-k0-at-first'))
  await it.settle(server, 2)
  const [row] = await it.rows()
  assert.deepEqual([row?.state, row?.proof], ['done', 'probed'])
  assert.match(row?.failure ?? '', /set again, and is dead: mayfly secret restore prod\/key --version 2/)
  assert.deepEqual([...upstream.alive.keys()], ['k1'])
})

test('what cannot be ended is given up by hand: it stands in the log, people are told, and the next rotation begins', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  await assert.rejects(server.forget(name, '"bob"'), fails('conflict', /no rotation/))
  upstream.fault = (act) => (act === 'revoke' ? 'down' : undefined)
  await server.rotate(name, by('ada'))
  await it.settle(server, 2)
  assert.equal((await server.rotate(name, by('ada'))).isNew, false)
  await server.forget(name, '"bob"')
  const entry = it.entries.at(-1)
  assert.deepEqual(
    [entry?.type, entry?.data['by'], entry?.data['state'], entry?.data['reason']],
    [
      'secret.unrotated',
      'bob',
      'retiring',
      'given up by hand in the state retiring: end the value of version 1 at its upstream',
    ],
  )
  assert.equal(it.told.at(-1)?.data['problem'], 'the old value may still be alive')
  assert.match(await it.current(), /^value-of-k1/)
  upstream.fault = () => undefined
  assert.equal((await server.rotate(name, by('ada'))).isNew, true)
  await it.settle(server)
  assert.match(await it.current(), /^value-of-k2/)
})
