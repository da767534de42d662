import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  code,
  connection,
  delivered,
  grant,
  heartbeatSeconds,
  identity,
  latch,
  openSession,
  setup,
  startMs,
  stepRequest,
} from './broker.fixture.ts'
import type { Step } from './index.ts'

const request = (one = identity()) => ({
  identity: one,
  roles: ['build'],
  jkt: 'jkt',
  ttlSeconds: 900,
  requestId: 'req_1',
})

test('a session: recorded, then stored, then found', async (t) => {
  const { broker, audit } = await setup(t)
  const session = await openSession(broker, { roles: ['build', 'release'], jkt: 'thumb', ttlSeconds: 60 })
  assert.deepEqual(await broker.session(session.id), session)
  assert.equal(session.expiresMs, startMs + 60_000)
  assert.equal(session.actor, 'github:repo:octo/app:ref:refs/heads/main')
  const [first, entry] = audit.entries
  assert.equal(first?.type, 'run.started')
  assert.equal(entry?.type, 'session.issued')
  assert.equal(entry?.subject, session.id)
  assert.equal(entry?.run, session.runId)
  assert.deepEqual(entry?.data['roles'], ['build', 'release'])
})

test('refused: a token that was used, also after a restart', async (t) => {
  const it = await setup(t)
  const used = identity()
  await openSession(it.broker, { identity: used })
  assert.deepEqual(await it.broker.openSession(request(used)), { ok: false, reason: 'replayed' })
  await it.restart()
  assert.deepEqual(await it.broker.openSession(request(used)), { ok: false, reason: 'replayed' })
  assert.equal(it.audit.ofType('session.issued').length, 1)
})

test('refused: a used token whose session has ended', async (t) => {
  const { broker } = await setup(t)
  const used = identity()
  await broker.endSession(await openSession(broker, { identity: used }), 'finished')
  assert.deepEqual(await broker.openSession(request(used)), { ok: false, reason: 'replayed' })
})

test('the same jti of another issuer is another token', async (t) => {
  const { broker } = await setup(t)
  const one = identity({ tokenId: 'same' })
  await openSession(broker, { identity: one })
  await openSession(broker, { identity: { ...one, issuerUrl: 'https://gitlab.com' } })
})

test('a token sent many times at once opens one session', async (t) => {
  const { broker, store } = await setup(t)
  const one = identity()
  const results = await Promise.all(Array.from({ length: 10 }, () => broker.openSession(request(one))))
  assert.equal(results.filter(({ ok }) => ok).length, 1)
  assert.equal((await store.read.selectFrom('sessions').select('id').execute()).length, 1)
})

test('a token sent many times at once is recorded as issued once', async (t) => {
  const { broker, audit } = await setup(t)
  const one = identity()
  await Promise.all(Array.from({ length: 10 }, () => broker.openSession(request(one))))
  assert.equal(audit.ofType('session.issued').length, 1)
})

test('a used token is remembered as long as it could be accepted, and then forgotten', async (t) => {
  const { broker, store, clock } = await setup(t)
  const used = identity()
  await openSession(broker, { identity: used, ttlSeconds: 3600 })
  const remembered = async () => (await store.read.selectFrom('spent_tokens').selectAll().execute()).length
  // 30 s of clock skew are granted to a token after its `exp`.
  clock.ms = (used.expiresSeconds + 31) * 1000
  await broker.sweep()
  assert.equal(await remembered(), 1)
  clock.ms = (used.expiresSeconds + 61) * 1000
  await broker.sweep()
  assert.equal(await remembered(), 0)
})

test('the audit log is down: no session, nothing stored, and the token is good for another try', async (t) => {
  const { broker, audit, store, events } = await setup(t)
  const one = identity()
  audit.down = true
  await assert.rejects(broker.openSession(request(one)), code('audit_unavailable'))
  assert.deepEqual(events, [])
  assert.deepEqual(await store.read.selectFrom('sessions').selectAll().execute(), [])
  audit.down = false
  assert.equal((await broker.openSession(request(one))).ok, true)
})

test('the store is full: no session', async (t) => {
  const { broker, disk } = await setup(t)
  const one = identity()
  disk.full = true
  await assert.rejects(broker.openSession(request(one)), code('disk_full'))
  disk.full = false
  assert.equal((await broker.openSession(request(one))).ok, true)
})

test('one run for all sessions of a job; another for another attempt, job, repository or issuer', async (t) => {
  const { broker } = await setup(t)
  const run = { id: '77', attempt: '1', job: '3' }
  const runs = [
    identity({ run }),
    identity({ run }),
    identity({ run: { ...run, attempt: '2' } }),
    identity({ run: { ...run, job: '4' } }),
    identity({ run: { ...run, id: '7', attempt: '71' } }),
    identity({ run, repositoryId: '2' }),
    identity({ run, issuerUrl: 'https://gitlab.com' }),
  ]
  const ids: string[] = []
  for (const one of runs) ids.push((await openSession(broker, { identity: one })).runId)
  assert.equal(ids[0], ids[1])
  assert.equal(new Set(ids).size, runs.length - 1)
})

test('a session ends at its expiry, before any sweep; the sweep records it', async (t) => {
  const it = await setup(t)
  const { broker, clock, audit, store } = it
  const session = await openSession(broker, { ttlSeconds: 60 })
  clock.ms += 59_999
  assert.ok(await broker.session(session.id))
  clock.ms += 1
  assert.equal(await broker.session(session.id), undefined)
  await broker.sweep()
  await delivered(it)
  assert.deepEqual(
    audit.ofType('session.ended').map(({ subject, data }) => [subject, data['reason']]),
    [[session.id, 'expired']],
  )
  assert.equal(
    (await store.read.selectFrom('sessions').select('end_reason').executeTakeFirst())?.end_reason,
    'expired',
  )
})

test('a session that nobody asked for since the restart expires too', async (t) => {
  const it = await setup(t)
  await openSession(it.broker, { ttlSeconds: 60 })
  await it.restart()
  it.clock.ms += 60_000
  await it.broker.sweep()
  await delivered(it)
  assert.deepEqual(it.audit.types(), ['run.started', 'session.issued', 'session.ended', 'run.finished'])
})

test('a restart keeps sessions, steps and leases', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker, { roles: ['build', 'release'], jkt: 'thumb' })
  const step = await it.broker.openStep(session, stepRequest({ name: 'deploy', ttlSeconds: 300 }))
  const lease = await it.broker.lease(step, connection(), grant)
  await it.restart()
  assert.deepEqual(await it.broker.session(session.id), session)
  const again = it.broker.step(step.id)
  assert.deepEqual(again, step)
  assert.deepEqual(await it.broker.counts(), {
    issued: 1,
    revoked: 0,
    active: 1,
    ending: 0,
    openSteps: 1,
    undelivered: 0,
  })
  assert.ok(again)
  await it.broker.endStep(again, { reason: 'finished', exitCode: 0 })
  await delivered(it)
  assert.deepEqual(
    it.audit.ofType('lease.revoked').map(({ subject }) => subject),
    [lease.id],
  )
  assert.equal((await it.broker.counts()).active, 0)
})

test('what has ended stays ended over a restart', async (t) => {
  const it = await setup(t)
  const [one, two] = [await openSession(it.broker), await openSession(it.broker)]
  const step = await it.broker.openStep(one, stepRequest())
  await it.broker.endStep(step, { reason: 'finished' })
  await it.broker.endSession(two, 'finished')
  await it.restart()
  assert.equal(it.broker.step(step.id), undefined)
  assert.equal(await it.broker.session(two.id), undefined)
  assert.ok(await it.broker.session(one.id))
})

test('a restart gives supervisors time for their next heartbeat', async (t) => {
  const it = await setup(t)
  const step = await it.broker.openStep(await openSession(it.broker), stepRequest())
  it.clock.ms += 60_000
  await it.restart()
  await it.broker.sweep()
  assert.ok(it.broker.step(step.id))
  it.clock.ms += 3 * heartbeatSeconds * 1000 + 1
  await it.broker.sweep()
  assert.equal(it.broker.step(step.id), undefined)
})

test('a crash between the end of a session and that of its step: the next start ends the step', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  const step = await it.broker.openStep(session, stepRequest())
  await it.broker.lease(step, connection(), grant)
  await it.store.write((tx) =>
    tx.updateTable('sessions').set({ ended_ms: startMs, end_reason: 'revoked' }).execute(),
  )
  await it.restart()
  await it.broker.sweep()
  await delivered(it)
  const row = await it.store.read.selectFrom('steps').select('ended_ms').executeTakeFirstOrThrow()
  assert.notEqual(row.ended_ms, null)
  assert.equal((await it.broker.counts()).active, 0)
})

test('a session that is asked for at any moment of its revocation, after a restart, opens no step', async (t) => {
  const it = await setup(t)
  for (let moment = 0; moment < 160; moment++) {
    const { id } = await openSession(it.broker)
    await it.restart()
    const revoking = it.broker.revoke({ session: id }, 'stolen')
    // Turns of the event loop, and within the last of them so many microtasks.
    for (let i = 0; i < Math.floor(moment / 40); i++) await new Promise((resolve) => setImmediate(resolve))
    for (let i = 0; i < moment % 40; i++) await Promise.resolve()
    const session = await it.broker.session(id)
    await revoking
    assert.equal(await it.broker.session(id), undefined, `stands again, moment ${moment}`)
    if (session !== undefined)
      await assert.rejects(it.broker.openStep(session, stepRequest()), code('revoked'), `moment ${moment}`)
  }
})

test('a session revoked while its step is being recorded opens no step', async (t) => {
  const { broker, audit, store } = await setup(t)
  const session = await openSession(broker)
  const { held, release } = latch()
  audit.holds.set('step.started', held)
  const opening = broker.openStep(session, stepRequest())
  await broker.revoke({ session: session.id }, 'stolen')
  release()
  await assert.rejects(opening, code('revoked', /stolen/))
  assert.deepEqual(await store.read.selectFrom('steps').selectAll().execute(), [])
})

test('a session revoked while its step is being stored opens no step, and none is left open', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  const opening = it.broker.openStep(session, stepRequest())
  opening.catch(() => undefined)
  while (it.events.length < 2) await new Promise((resolve) => process.nextTick(resolve))
  await it.broker.revoke({ session: session.id }, 'stolen')
  await assert.rejects(opening, code('revoked', /stolen/))
  const rows = await it.store.read.selectFrom('steps').select('ended_ms').execute()
  assert.ok(rows.every(({ ended_ms }) => ended_ms !== null))
  assert.equal((await it.broker.counts()).openSteps, 0)
})

// --- Revocation.

async function three(it: Awaited<ReturnType<typeof setup>>) {
  const run = { id: '99', attempt: '1', job: '1' }
  const one = await openSession(it.broker, { roles: ['build'] })
  const two = await openSession(it.broker, { roles: ['build', 'release'], identity: identity({ run }) })
  const other = await openSession(it.broker, { roles: ['release'], identity: identity({ run }) })
  const steps: Step[] = []
  for (const session of [one, two, other]) {
    const step = await it.broker.openStep(session, stepRequest())
    await it.broker.lease(step, connection(), grant)
    steps.push(step)
  }
  const standing = async () => {
    const found = await Promise.all([one, two, other].map(({ id }) => it.broker.session(id)))
    assert.deepEqual(
      found.map((session) => session !== undefined),
      steps.map(({ id }) => it.broker.step(id) !== undefined),
    )
    return found.map((session) => session !== undefined)
  }
  return { one, two, other, steps, standing }
}

test('revoke by session', async (t) => {
  const it = await setup(t)
  const { two, standing } = await three(it)
  assert.equal(await it.broker.revoke({ session: two.id }, 'operator'), 1)
  assert.deepEqual(await standing(), [true, false, true])
})

test('revoke by run', async (t) => {
  const it = await setup(t)
  const { two, standing } = await three(it)
  assert.equal(await it.broker.revoke({ run: two.runId }, 'operator'), 2)
  assert.deepEqual(await standing(), [true, false, false])
})

test('revoke by role', async (t) => {
  const it = await setup(t)
  const { standing } = await three(it)
  assert.equal(await it.broker.revoke({ role: 'build' }, 'operator'), 2)
  assert.deepEqual(await standing(), [false, false, true])
})

test('revoke by issuer, by repository (id or name) and by commit; another issuer’s repository of that name stays', async (t) => {
  const it = await setup(t)
  const open = (issuer: string, repository_id: string, commit: string, repository = 'octo/app') =>
    openSession(it.broker, {
      identity: identity({ issuer, attributes: { subject: 's', repository_id, repository, commit } }),
    })
  const matches = [
    [{ repository: '1' }, [true, true, false, false]],
    [{ repository: 'octo/app' }, [true, true, true, false]],
    [{ commit: 'b' }, [false, true, false, true]],
    [{ issuer: 'gitlab' }, [false, false, false, true]],
    [{ issuer: 'github', repository: '1' }, [true, true, false, false]],
    [{ repository: '' }, [false, false, false, false]],
  ] as const
  for (const [match, expected] of matches) {
    const sessions = [
      await open('github', '1', 'a'),
      await open('github', '1', 'b'),
      await open('github', '2', 'a'),
      await open('gitlab', '3', 'b', 'octo/other'),
    ]
    const count = await it.broker.revoke(match, 'operator')
    assert.equal(count, expected.filter(Boolean).length, JSON.stringify(match))
    assert.deepEqual(
      sessions.map(({ endReason }) => endReason !== undefined),
      expected,
    )
    await it.broker.revoke({ all: true }, 'operator')
  }
})

test('revoke all, also after a restart; each lease is revoked and recorded once', async (t) => {
  const it = await setup(t)
  const { standing, steps } = await three(it)
  await it.restart()
  assert.equal(await it.broker.revoke({ all: true }, 'operator'), 3)
  assert.deepEqual(await standing(), [false, false, false])
  await delivered(it)
  assert.equal((await it.broker.counts()).active, 0)
  assert.equal(it.audit.ofType('lease.revoked').length, 3)
  assert.deepEqual(
    new Set(it.audit.ofType('step.finished').map(({ subject }) => subject)),
    new Set(steps.map(({ id }) => id)),
  )
  assert.equal(it.audit.ofType('step.finished').length, 3)
  assert.equal(it.audit.ofType('session.ended').length, 3)
  assert.equal(await it.broker.revoke({ all: true }, 'operator'), 0)
})

test('revoke nothing that matches nothing', async (t) => {
  const it = await setup(t)
  const { standing } = await three(it)
  for (const match of [{ run: 'run_x' }, { session: 'ses_x' }, { role: 'buil' }, { role: '' }]) {
    assert.equal(await it.broker.revoke(match, 'operator'), 0)
  }
  assert.deepEqual(await standing(), [true, true, true])
})

test('revoke: every gate closes before anything is written', async (t) => {
  const it = await setup(t)
  await three(it)
  it.events.length = 0
  it.broker.onStepEnd(() => it.events.push('gate'))
  await it.broker.revoke({ all: true }, 'operator')
  assert.deepEqual(it.events.slice(0, 4), ['gate', 'gate', 'gate', 'write'])
  assert.equal(it.events.filter((event) => event === 'gate').length, 3)
})

test('revoke while the store is full: it is told, and the gates are closed all the same', async (t) => {
  const it = await setup(t)
  const { standing } = await three(it)
  const closed: string[] = []
  it.broker.onStepEnd(({ id }) => closed.push(id))
  it.disk.full = true
  await assert.rejects(it.broker.revoke({ all: true }, 'operator'), code('disk_full'))
  assert.equal(closed.length, 3)
  assert.deepEqual(await standing(), [false, false, false])
})

test('revoke while the audit log is down: it is done, and recorded later', async (t) => {
  const it = await setup(t)
  const { standing } = await three(it)
  it.audit.down = true
  assert.equal(await it.broker.revoke({ all: true }, 'operator'), 3)
  assert.deepEqual(await standing(), [false, false, false])
  assert.equal((await it.broker.counts()).active, 0)
  it.audit.down = false
  await it.broker.sweep()
  await delivered(it)
  assert.equal(it.audit.ofType('session.ended').length, 3)
})
