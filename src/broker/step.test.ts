import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { Secret } from '../lib/index.ts'
import {
  code,
  connection,
  delivered,
  grant,
  heartbeatSeconds,
  latch,
  openSession,
  secretValue,
  setup,
  stepRequest,
  type Setup,
} from './broker.fixture.ts'

async function withStep(it: Setup, ttlSeconds = 900) {
  const session = await openSession(it.broker)
  const step = await it.broker.openStep(session, stepRequest({ ttlSeconds }))
  return { session, step }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

// --- Steps.

test('a step is recorded before it is stored, and lives no longer than its session', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker, { ttlSeconds: 60 })
  it.events.length = 0
  const append = it.audit.client.append
  it.audit.client.append = async (event) => {
    const receipt = await append(event)
    it.events.push(event.type)
    return receipt
  }
  const step = await it.broker.openStep(session, stepRequest({ ttlSeconds: 900, command: 'npm publish' }))
  assert.deepEqual(it.events, ['step.started', 'write'])
  assert.equal(step.expiresMs, session.expiresMs)
  assert.equal(it.broker.step(step.id), step)
  assert.deepEqual(it.audit.ofType('step.started')[0]?.data['reported'], {
    isolation: 'B',
    command: 'npm publish',
  })
})

test('a role ends its ttl after the session began, though another role of the session lasts longer', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker, { roles: ['build', 'release'], ttlSeconds: 3600 })
  it.clock.ms += 200_000
  const short = await it.broker.openStep(session, stepRequest({ role: 'release', ttlSeconds: 300 }))
  assert.equal(short.expiresMs, session.createdMs + 300_000)
  it.clock.ms += 100_000
  const recorded = it.audit.entries.length
  await assert.rejects(
    it.broker.openStep(session, stepRequest({ role: 'release', ttlSeconds: 300 })),
    /role "release" lasts 300 s from when the job assumed it/,
  )
  assert.equal(it.audit.entries.length, recorded)
  const long = await it.broker.openStep(session, stepRequest({ role: 'build', ttlSeconds: 3600 }))
  assert.equal(long.expiresMs, session.expiresMs)
})

test('the audit log is down: no step', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  it.audit.down = true
  await assert.rejects(it.broker.openStep(session, stepRequest()), code('audit_unavailable'))
  assert.deepEqual(await it.store.read.selectFrom('steps').selectAll().execute(), [])
  assert.equal((await it.broker.counts()).openSteps, 0)
})

test('refused: a step in a session that has ended', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  await it.broker.endSession(session, 'finished')
  await assert.rejects(it.broker.openStep(session, stepRequest()), code('revoked'))
})

test('the end of a step: gate first, then leases, then the record', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  const lease = await it.broker.lease(step, connection(), grant)
  it.events.length = 0
  it.broker.onStepEnd((one) => {
    it.events.push(`gate ${one.id} ${one.endReason}`)
    assert.equal(it.broker.step(one.id), undefined)
  })
  // A runner that lies about more than itself changes nothing but what it is said to have said.
  const summary = { durationMs: 12, role: 'release', session: 'ses_other' }
  await it.broker.endStep(step, { reason: 'finished', exitCode: 3, summary })
  assert.equal(it.events[0], `gate ${step.id} finished`)
  assert.ok(it.events.slice(1).every((event) => event === 'write'))
  await delivered(it)
  const job = { issuer: 'github', repository_id: '1296269' }
  const revoked = it.audit.ofType('lease.revoked')
  assert.deepEqual(
    revoked.map(({ subject, data }) => [subject, data]),
    [[lease.id, { step: step.id, role: 'build', job, connection: 'github', reason: 'finished' }]],
  )
  assert.deepEqual(it.audit.ofType('step.finished')[0]?.data, {
    session: step.session.id,
    step: step.id,
    role: 'build',
    job,
    name: 'test',
    reason: 'finished',
    outcome: 'failure',
    reported: { exitCode: 3, ...summary },
  })
  const row = await it.store.read.selectFrom('steps').selectAll().executeTakeFirstOrThrow()
  assert.deepEqual([row.end_reason, row.exit_code], ['finished', 3])
})

test('ended twice, and many times at once, is ended once', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  await it.broker.lease(step, connection(), grant)
  let gates = 0
  it.broker.onStepEnd(() => gates++)
  await Promise.all(Array.from({ length: 5 }, (_, i) => it.broker.endStep(step, { reason: `reason-${i}` })))
  await it.broker.endStep(step, { reason: 'again' })
  await delivered(it)
  assert.equal(gates, 1)
  assert.equal(it.audit.ofType('step.finished').length, 1)
  assert.equal(it.audit.ofType('lease.revoked').length, 1)
  assert.equal(step.endReason, 'reason-0')
})

test('heartbeats keep a step; three missed end it and its session, and revoke', async (t) => {
  const it = await setup(t)
  const { step, session } = await withStep(it)
  await it.broker.lease(step, connection(), grant)
  for (let i = 0; i < 5; i++) {
    it.clock.ms += 3 * heartbeatSeconds * 1000
    await it.broker.sweep()
    assert.ok(it.broker.step(step.id))
    await it.broker.heartbeat(step)
  }
  it.clock.ms += 3 * heartbeatSeconds * 1000 + 1
  await it.broker.sweep()
  assert.equal(it.broker.step(step.id), undefined)
  assert.equal(await it.broker.session(session.id), undefined)
  assert.equal((await it.broker.counts()).active, 0)
  await delivered(it)
  assert.equal(it.audit.ofType('step.finished')[0]?.data['reason'], 'heartbeat_lost')
  assert.equal(it.audit.ofType('lease.revoked')[0]?.data['reason'], 'heartbeat_lost')
  await assert.rejects(it.broker.lease(step, connection(), grant), code('revoked', /heartbeat_lost/))
})

test('a step ends at its expiry, before any sweep; the sweep revokes', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it, 60)
  await it.broker.lease(step, connection(), grant)
  it.clock.ms += 59_999
  assert.ok(it.broker.step(step.id))
  it.clock.ms += 1
  assert.equal(it.broker.step(step.id), undefined)
  await it.broker.sweep()
  await delivered(it)
  assert.equal(it.audit.ofType('lease.revoked')[0]?.data['reason'], 'expired')
})

test('refused: a lease for a step that has expired, before any sweep', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it, 60)
  await it.broker.lease(step, connection('known'), grant)
  it.clock.ms += 60_000
  await assert.rejects(it.broker.lease(step, connection('fresh'), grant), code('revoked', /expired/))
  await assert.rejects(it.broker.lease(step, connection('known'), grant), code('revoked', /expired/))
})

test('the store is full: the sweep still closes the gate of every step that is over', async (t) => {
  const it = await setup(t)
  const steps = [(await withStep(it)).step, (await withStep(it)).step, (await withStep(it, 10)).step]
  const closed = new Set<string>()
  it.broker.onStepEnd(({ id }) => closed.add(id))
  it.clock.ms += 3 * heartbeatSeconds * 1000 + 1
  it.disk.full = true
  await it.broker.sweep().catch(() => undefined)
  assert.deepEqual(closed, new Set(steps.map(({ id }) => id)))
})

test('the store is full at the end of a step: the gate is closed, and the sweep ends it once there is space', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  await it.broker.lease(step, connection(), grant)
  it.disk.full = true
  await assert.rejects(it.broker.endStep(step, { reason: 'finished' }), code('disk_full'))
  assert.equal(it.broker.step(step.id), undefined)
  await assert.rejects(it.broker.lease(step, connection(), grant), code('revoked'))
  it.disk.full = false
  await it.broker.sweep()
  await delivered(it)
  assert.equal((await it.broker.counts()).active, 0)
  assert.equal(it.audit.ofType('step.finished')[0]?.data['reason'], 'finished')
})

test('the store was full at the end of a step: how it ended is not forgotten', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  it.disk.full = true
  await assert.rejects(
    it.broker.endStep(step, { reason: 'finished', exitCode: 7, summary: { durationMs: 12 } }),
    code('disk_full'),
  )
  it.disk.full = false
  await it.broker.sweep()
  await delivered(it)
  const data = it.audit.ofType('step.finished')[0]?.data
  assert.deepEqual(data?.['reported'], { exitCode: 7, durationMs: 12 })
})

// --- Leases.

test('a lease: recorded, stored, then handed out; the same one every time', async (t) => {
  const it = await setup(t)
  const { step, session } = await withStep(it)
  it.events.length = 0
  const [lease, same] = await Promise.all([
    it.broker.lease(step, connection(), grant),
    it.broker.lease(step, connection(), 'other'),
  ])
  assert.equal(lease, same)
  assert.equal(await it.broker.lease(step, connection(), grant), lease)
  assert.equal(lease.authorization?.reveal(), `Bearer ${secretValue}`)
  assert.equal(lease.expiresMs, step.expiresMs)
  const [entry, ...more] = it.audit.ofType('lease.issued')
  assert.deepEqual(more, [])
  assert.deepEqual(
    [entry?.subject, entry?.run, entry?.data['grant'], entry?.data['secret'], entry?.data['secretVersion']],
    [lease.id, session.runId, grant, 'deploy', '1'],
  )
  await it.store.write(() => Promise.resolve())
  assert.equal((await it.vault.find('deploy'))?.usedBy, session.runId)
  assert.notEqual((await it.broker.lease(step, connection('other'), grant)).id, lease.id)
  assert.deepEqual(await it.broker.counts(), {
    issued: 2,
    revoked: 0,
    active: 2,
    ending: 0,
    openSteps: 1,
    undelivered: 0,
  })
})

test('what a registry mints is recorded and stored as a lease, ends with its step, and is none of a step that has ended', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  const minted = {
    grant: 'npm:publish npm/a',
    kind: 'trusted_publishing',
    expiresMs: step.expiresMs + 1,
  } as const
  await it.broker.leaseMinted(step, connection(), minted)
  const [entry] = it.audit.ofType('lease.issued')
  assert.deepEqual(
    [entry?.data['kind'], entry?.data['grant'], entry?.data['secret'], entry?.data['expires']],
    ['trusted_publishing', minted.grant, undefined, new Date(minted.expiresMs).toISOString()],
  )
  assert.equal((await it.broker.counts()).active, 1)
  await it.broker.endStep(step, { reason: 'finished' })
  await it.broker.idle()
  const { active, ending } = await it.broker.counts()
  assert.deepEqual([active, ending], [0, 1], 'nobody can take it back before its time')
  await assert.rejects(it.broker.leaseMinted(step, connection(), minted), code('revoked'))
  it.clock.ms = minted.expiresMs + 31_000
  await it.broker.sweep()
  await it.broker.idle()
  await delivered(it)
  assert.equal(it.audit.ofType('lease.revoked')[0]?.data['proof'], 'expired')
})

test('steps do not share leases', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  const [a, b] = [
    await it.broker.openStep(session, stepRequest()),
    await it.broker.openStep(session, stepRequest()),
  ]
  assert.notEqual(
    (await it.broker.lease(a, connection(), grant)).id,
    (await it.broker.lease(b, connection(), grant)).id,
  )
  await it.broker.endStep(a, { reason: 'finished' })
  assert.equal((await it.broker.counts()).active, 1)
})

test('HTTP Basic: user and password, encoded', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  await it.vault.set('pair', new Secret('user:pä:ss\n'))
  const lease = await it.broker.lease(
    step,
    connection('a', { credential: { scheme: 'basic', secret: 'pair' } }),
    grant,
  )
  assert.equal(
    Buffer.from(lease.authorization?.reveal().slice('Basic '.length) ?? '', 'base64').toString(),
    'user:pä:ss',
  )
})

test('refused: no credential, no secret, a secret of another form; nothing is recorded', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  await it.vault.set('two-lines', new Secret('a\r\nX-Evil: b'))
  const refusals = [
    [connection('a', { credential: undefined }), 'bad_input'],
    [connection('b', { credential: { scheme: 'bearer', secret: 'nowhere' } }), 'secret_missing'],
    [connection('c', { credential: { scheme: 'basic', secret: 'deploy' } }), 'bad_input'],
    [connection('d', { credential: { scheme: 'bearer', secret: 'two-lines' } }), 'bad_input'],
  ] as const
  for (const [target, expected] of refusals) {
    await assert.rejects(it.broker.lease(step, target, grant), code(expected), target.name)
  }
  assert.equal(it.audit.ofType('lease.issued').length, 0)
  await it.vault.set('nowhere', new Secret('now-there'))
  assert.equal(
    (await it.broker.lease(step, refusals[1][0], grant)).authorization?.reveal(),
    'Bearer now-there',
  )
})

test('the audit log is down: no lease, no row; the next try may have one', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  it.audit.down = true
  await assert.rejects(it.broker.lease(step, connection(), grant), code('audit_unavailable'))
  assert.equal((await it.broker.counts()).issued, 0)
  it.audit.down = false
  assert.ok(await it.broker.lease(step, connection(), grant))
})

test('the store is full: no lease', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  it.disk.full = true
  await assert.rejects(it.broker.lease(step, connection(), grant), code('disk_full'))
})

test('killed while the lease is being recorded: it is revoked, recorded as that, and never handed out', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  const { held, release } = latch()
  it.audit.holds.set('lease.issued', held)
  const leasing = Promise.allSettled([
    it.broker.lease(step, connection(), grant),
    it.broker.lease(step, connection(), grant),
  ])
  while (it.audit.attempts < 3) await turn()
  await it.broker.endStep(step, { reason: 'cancelled' })
  release()
  for (const one of await leasing)
    assert.ok(one.status === 'rejected' && code('revoked', /cancelled/)(one.reason))
  await delivered(it)
  const counts = await it.broker.counts()
  assert.deepEqual([counts.issued, counts.active], [1, 0])
  assert.deepEqual(
    it.audit.ofType('lease.revoked').map(({ subject }) => subject),
    it.audit.ofType('lease.issued').map(({ subject }) => subject),
  )
})

test('killed at any moment of the issue: no lease is handed out after the end, none is left active', async (t) => {
  const it = await setup(t)
  for (let ticks = 0; ticks < 60; ticks++) {
    const { step } = await withStep(it)
    const leasing = it.broker.lease(step, connection(), grant).then(
      () => step.endReason,
      () => 'refused',
    )
    for (let i = 0; i < ticks; i++) await Promise.resolve()
    if (ticks % 3 === 0) await turn()
    const ending = it.broker.endStep(step, { reason: 'cancelled' })
    const endReason = await leasing
    assert.ok(
      endReason === undefined || endReason === 'refused',
      `handed out after ${endReason}, ${ticks} ticks`,
    )
    await ending
  }
  assert.equal((await it.broker.counts()).active, 0)
})

test('a secret is in no entry, no row but the vault’s, and no error', async (t) => {
  const it = await setup(t)
  const { step } = await withStep(it)
  const lease = await it.broker.lease(step, connection(), grant)
  const error: unknown = await it.broker
    .lease(step, connection('c', { credential: { scheme: 'basic', secret: 'deploy' } }), grant)
    .catch((e: unknown) => e)
  await it.broker.endStep(step, { reason: 'finished' })
  await delivered(it)
  const rows = [
    await it.store.read.selectFrom('leases').selectAll().execute(),
    await it.store.read.selectFrom('steps').selectAll().execute(),
    await it.store.read.selectFrom('sessions').selectAll().execute(),
  ]
  const base64 = Buffer.from(secretValue).toString('base64')
  for (const thing of [it.audit.entries, rows, error, lease, step]) {
    const text = `${inspect(thing, { depth: null })} ${JSON.stringify(thing)}`
    assert.equal(text.includes(secretValue) || text.includes(base64), false)
  }
})
