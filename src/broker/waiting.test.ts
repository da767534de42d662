import assert from 'node:assert/strict'
import { test } from 'node:test'
import { code, delivered, openSession, setup, startMs, stepRequest } from './broker.fixture.ts'

const waiting = { roles: ['build', 'release'], ttlSeconds: 60, waitSeconds: 3_600 }

test('a session that waits: each step has the whole time of its role, from its own start', async (t) => {
  const { broker, clock, audit } = await setup(t)
  const session = await openSession(broker, waiting)
  assert.equal(session.expiresMs, startMs + 3_660_000)
  for (const afterSeconds of [0, 1_800, 3_600]) {
    clock.ms = startMs + afterSeconds * 1000
    const step = await broker.openStep(session, stepRequest({ ttlSeconds: 60 }))
    assert.equal(step.expiresMs, clock.ms + 60_000)
    await broker.endStep(step, { reason: 'finished' })
  }
  assert.equal(audit.ofType('session.issued')[0]?.data['waitSeconds'], 3_600)
})

test('no step begins after what the session asked for, nor after what its role allows now', async (t) => {
  const { broker, clock } = await setup(t)
  const session = await openSession(broker, waiting)
  clock.ms = startMs + 61_000
  await assert.rejects(
    broker.openStep(session, stepRequest({ maxWaitSeconds: 60 })),
    code('denied', /may begin 60 s after the job assumed it at most/),
  )
  clock.ms = startMs + 3_600_001
  await assert.rejects(broker.openStep(session, stepRequest({ maxWaitSeconds: 86_400 })), code('denied'))
})

test('a session that does not wait opens nothing later than before', async (t) => {
  const { broker, clock } = await setup(t)
  const session = await openSession(broker, { ttlSeconds: 60 })
  clock.ms = startMs + 60_000
  await assert.rejects(broker.openStep(session, stepRequest({ ttlSeconds: 60 })), code('denied'))
})

test('one whose supervisor is gone ends; one that is seen, or has a step open, stays; also after a restart', async (t) => {
  const it = await setup(t)
  const [seen, silent, busy, plain] = [
    await openSession(it.broker, waiting),
    await openSession(it.broker, waiting),
    await openSession(it.broker, waiting),
    await openSession(it.broker, { ttlSeconds: 3_600 }),
  ]
  const step = await it.broker.openStep(busy, stepRequest({ ttlSeconds: 3_600 }))
  await it.restart()
  const standing = async () =>
    Promise.all(
      [seen, silent, busy, plain].map(async ({ id }) => (await it.broker.session(id)) !== undefined),
    )
  it.clock.ms += 300_000
  await it.broker.seen(seen)
  const open = it.broker.step(step.id)
  assert.ok(open)
  await it.broker.heartbeat(open)
  it.clock.ms += 61_000
  await it.broker.heartbeat(open)
  await it.broker.sweep()
  assert.deepEqual(await standing(), [true, false, true, true])
  await delivered(it)
  assert.deepEqual(
    it.audit.ofType('session.ended').map(({ subject, data }) => [subject, data['reason']]),
    [[silent.id, 'heartbeat_lost']],
  )
})

test('the sessions that wait are known: whose, in which roles, until when', async (t) => {
  const { broker } = await setup(t)
  const session = await openSession(broker, waiting)
  await openSession(broker)
  assert.deepEqual(await broker.waiting(10), [
    { session: session.id, run: session.runId, roles: session.roles, untilMs: startMs + 3_600_000 },
  ])
  await broker.endSession(session, 'finished')
  assert.deepEqual(await broker.waiting(10), [])
})

test('a step that has ended says in which role it was and how long it could have lasted', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker, waiting)
  const step = await it.broker.openStep(session, stepRequest({ ttlSeconds: 2 }))
  it.clock.ms += 2_000
  const end = { reason: 'expired', endedMs: startMs + 2_000, role: 'build', lifetimeSeconds: 2 }
  assert.deepEqual(it.broker.endOf({ step: step.id }), end)
  await it.broker.sweep()
  assert.deepEqual(it.broker.endOf({ step: step.id }), end)
  await delivered(it)
  assert.equal(it.audit.ofType('step.finished')[0]?.data['lifetimeSeconds'], 2)
})
