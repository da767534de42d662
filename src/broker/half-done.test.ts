import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connection, delivered, grant, latch, openSession, setup, stepRequest } from './broker.fixture.ts'

test('a session whose end could not be written ends at the next sweep, for the reason that it had, step or no step', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  it.disk.full = true
  await assert.rejects(it.broker.revoke({ all: true }, 'revoked_by:root'), { code: 'disk_full' })
  assert.equal(await it.broker.session(session.id), undefined, 'it is over all the same')
  await assert.rejects(it.broker.sweep())
  it.disk.full = false
  await it.broker.sweep()
  await delivered(it)
  assert.deepEqual(
    it.audit.ofType('session.ended').map(({ data }) => data['reason']),
    ['revoked_by:root'],
  )
  await it.restart()
  assert.equal(await it.broker.session(session.id), undefined)
})

test('numbers that entries never got are told of every run, also if one of them cannot be written at first', async (t) => {
  const it = await setup(t)
  for (const run of ['run_A', 'run_B']) it.audit.numbers!.giveUp(run, it.audit.numbers!.take(run))
  it.disk.full = true
  await assert.rejects(it.broker.sweep(), { code: 'disk_full' })
  it.disk.full = false
  await it.broker.sweep()
  await delivered(it)
  const told = it.audit.ofType('entries.lost').map(({ run }) => run)
  assert.deepEqual(new Set(told), new Set(['run_A', 'run_B']))
})

for (const restarts of [false, true])
  test(`a lease that was written after the end of its step is revoked by the sweep${restarts ? ', after a restart too' : ''}`, async (t) => {
    const it = await setup(t)
    const session = await openSession(it.broker)
    const step = await it.broker.openStep(session, stepRequest())
    const { held, release } = latch()
    it.audit.holds.set('lease.issued', held)
    const before = it.audit.attempts
    const leasing = it.broker.lease(step, connection(), grant)
    const refused = assert.rejects(leasing)
    while (it.audit.attempts === before) await new Promise((next) => setImmediate(next))
    await it.broker.endStep(step, { reason: 'finished', exitCode: 0 })
    // The lease's own row is written; what would revoke it at once is not.
    const { writeAll } = it.store
    it.store.writeAll = async (build) => {
      await writeAll(build)
      it.disk.full = true
    }
    release()
    await refused
    it.store.writeAll = writeAll
    it.disk.full = false
    assert.equal((await it.broker.counts()).active, 1)
    if (restarts) await it.restart()
    await it.broker.sweep()
    await delivered(it)
    assert.equal((await it.broker.counts()).active, 0)
    const revoked = it.audit.ofType('lease.revoked')
    assert.deepEqual(
      revoked.map(({ run, data }) => [run, data['step'], data['reason']]),
      [[session.runId, step.id, 'finished']],
    )
    await it.broker.sweep()
    await delivered(it)
    assert.equal(it.audit.ofType('lease.revoked').length, 1)
  })
