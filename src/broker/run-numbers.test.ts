import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRunsCheck, formatEntry } from '../audit/verify/index.ts'
import {
  connection,
  delivered,
  grant,
  identity,
  openSession,
  setup,
  stepRequest,
  type Setup,
} from './broker.fixture.ts'

/** What `mayfly audit check` says of the entries so far. */
function check(it: Setup, entries = it.audit.entries) {
  const runs = createRunsCheck()
  for (const [i, event] of entries.entries()) {
    const known = { id: event.id ?? String(i), source: '/s', subject: event.subject ?? 'x' }
    const time = event.time ?? new Date(it.clock.ms).toISOString()
    runs.add(i, Buffer.from(formatEntry({ ...event, ...known, time })))
  }
  const { finished, open, problems } = runs.verdict()
  return { finished, open: open.length, problems: problems.map(({ kind, message }) => `${kind}: ${message}`) }
}

async function wholeRun(it: Setup) {
  const session = await openSession(it.broker)
  const step = await it.broker.openStep(session, stepRequest())
  await it.broker.lease(step, connection(), grant)
  await it.broker.endStep(step, { reason: 'finished', exitCode: 0 })
  await it.broker.endSession(session, 'finished')
  await delivered(it)
  return session
}

test('a run begins, its entries are numbered, and its last one is its end', async (t) => {
  const it = await setup(t)
  await wholeRun(it)
  assert.deepEqual(
    it.audit.entries.map(({ type, seq }) => [type, seq]),
    [
      ['run.started', 0],
      ['session.issued', 1],
      ['step.started', 2],
      ['lease.issued', 3],
      ['lease.revoked', 4],
      ['step.finished', 5],
      ['session.ended', 6],
      ['run.finished', 7],
    ],
  )
  assert.deepEqual(check(it), { finished: 1, open: 0, problems: [] })
})

test('an entry that is taken out of the outbox before it is delivered leaves a gap', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  const step = await it.broker.openStep(session, stepRequest())
  await it.broker.lease(step, connection(), grant)
  it.audit.down = true
  await it.broker.endStep(step, { reason: 'finished', exitCode: 0 })
  await it.store.write((tx) => tx.deleteFrom('outbox').where('event', 'like', '%step.finished%').execute())
  it.audit.down = false
  await it.broker.endSession(session, 'finished')
  await it.broker.sweep()
  await delivered(it)
  assert.match(check(it).problems.join(), /^gap: number 5 is missing/)
})

test('a run goes on after a restart and in a second session; its numbers do, too', async (t) => {
  const it = await setup(t)
  const first = await wholeRun(it)
  await it.restart()
  const second = await openSession(it.broker, { identity: identity() })
  assert.equal(second.runId, first.runId)
  await it.broker.endSession(second, 'finished')
  await delivered(it)
  assert.deepEqual(
    it.audit.entries.slice(8).map(({ type, seq }) => [type, seq]),
    [
      ['session.issued', 8],
      ['session.ended', 9],
      ['run.finished', 10],
    ],
  )
  assert.deepEqual(check(it), { finished: 1, open: 0, problems: [] })
})

test('two sessions of one run: it ends with the last of them', async (t) => {
  const it = await setup(t)
  const [one, two] = [await openSession(it.broker), await openSession(it.broker)]
  await it.broker.endSession(one, 'finished')
  await delivered(it)
  assert.equal(it.audit.ofType('run.finished').length, 0)
  await it.broker.endSession(two, 'finished')
  await delivered(it)
  assert.equal(it.audit.ofType('run.started').length, 1)
  assert.equal(it.audit.ofType('run.finished').length, 1)
  assert.deepEqual(check(it).problems, [])
})

test('numbers whose entry got no receipt are said to be lost, and are no gap', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  it.audit.down = true
  await assert.rejects(it.broker.openStep(session, stepRequest()))
  it.audit.down = false
  await it.broker.sweep()
  await it.broker.endSession(session, 'finished')
  await delivered(it)
  assert.deepEqual(it.audit.ofType('entries.lost')[0]?.data, { numbers: [2] })
  assert.deepEqual(check(it), { finished: 1, open: 0, problems: [] })
})

test('more lost numbers than an entry has room for are all said', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  it.audit.down = true
  const opened = Array.from({ length: 1_200 }, () => it.broker.openStep(session, stepRequest()))
  assert.ok((await Promise.allSettled(opened)).every(({ status }) => status === 'rejected'))
  it.audit.down = false
  await it.broker.sweep()
  await it.broker.endSession(session, 'finished')
  await delivered(it)
  assert.equal(it.audit.ofType('entries.lost').length, 2)
  assert.deepEqual(check(it), { finished: 1, open: 0, problems: [] })
})

test('a transaction that fails gives its numbers up; what follows is no gap', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  const step = await it.broker.openStep(session, stepRequest())
  await it.broker.lease(step, connection(), grant)
  it.disk.full = true
  await assert.rejects(it.broker.endStep(step, { reason: 'finished' }))
  it.disk.full = false
  await it.broker.sweep()
  await it.broker.endSession(session, 'finished')
  await it.broker.sweep()
  await delivered(it)
  assert.deepEqual(check(it).problems, [])
})
