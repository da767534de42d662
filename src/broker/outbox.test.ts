import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  connection,
  delivered,
  grant,
  latch,
  openSession,
  setup,
  stepRequest,
  type Setup,
} from './broker.fixture.ts'

async function endedStep(it: Setup, granted: readonly unknown[] = []) {
  const step = await it.broker.openStep(await openSession(it.broker), stepRequest())
  const lease = await it.broker.lease(step, connection(), grant)
  return {
    step,
    lease,
    end: () => it.broker.endStep(step, { reason: 'finished', activity: { granted, denied: [] } }),
  }
}

const turns = async (count = 50) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('the audit log is down at the end of a step: it is revoked now, and recorded later, exactly once', async (t) => {
  const it = await setup(t)
  const { step, lease, end } = await endedStep(it)
  it.audit.down = true
  await end()
  assert.equal(it.broker.step(step.id), undefined)
  assert.deepEqual(await it.broker.counts(), {
    issued: 1,
    revoked: 1,
    active: 0,
    ending: 0,
    openSteps: 0,
    undelivered: 2,
  })
  it.audit.down = false
  await it.broker.sweep()
  await delivered(it)
  for (let i = 0; i < 3; i++) await it.broker.sweep()
  await turns()
  assert.deepEqual(
    it.audit.ofType('lease.revoked').map(({ subject }) => subject),
    [lease.id],
  )
  assert.deepEqual(
    it.audit.ofType('step.finished').map(({ subject }) => subject),
    [step.id],
  )
})

test('a restart in between loses nothing and doubles nothing', async (t) => {
  const it = await setup(t)
  const { end } = await endedStep(it)
  it.audit.down = true
  await end()
  await turns()
  await it.restart()
  it.audit.down = false
  await it.broker.sweep()
  await delivered(it)
  assert.deepEqual(it.audit.types().toSorted(), [
    'lease.issued',
    'lease.revoked',
    'run.started',
    'session.issued',
    'step.finished',
    'step.started',
  ])
})

test('an answer that is lost: sent again under the same id, entered once', async (t) => {
  const it = await setup(t)
  const { end } = await endedStep(it)
  it.audit.losesAnswers = true
  await end()
  await turns()
  assert.equal((await it.broker.counts()).undelivered, 2)
  const attempts = it.audit.attempts
  it.audit.losesAnswers = false
  await it.broker.sweep()
  await delivered(it)
  assert.ok(it.audit.attempts > attempts)
  assert.equal(it.audit.ofType('lease.revoked').length, 1)
  assert.equal(it.audit.ofType('step.finished').length, 1)
})

test('entries come in the order in which things happened', async (t) => {
  const it = await setup(t)
  const steps = []
  for (let i = 0; i < 12; i++) steps.push(await endedStep(it))
  it.audit.down = true
  for (const { end } of steps) await end()
  it.audit.down = false
  await it.broker.sweep()
  await delivered(it)
  const order = it.audit.entries.filter(({ type }) => type === 'lease.revoked' || type === 'step.finished')
  const expected = steps.flatMap(({ lease, step }) => [lease.id as string, step.id as string])
  assert.deepEqual(
    order.map(({ subject }) => subject),
    expected,
  )
})

test('more entries than one batch', async (t) => {
  const it = await setup(t)
  const session = await openSession(it.broker)
  const steps = await Promise.all(
    Array.from({ length: 450 }, () => it.broker.openStep(session, stepRequest())),
  )
  it.audit.down = true
  await Promise.all(steps.map((step) => it.broker.endStep(step, { reason: 'finished' })))
  assert.equal((await it.broker.counts()).undelivered, 450)
  it.audit.down = false
  await it.broker.sweep()
  await delivered(it)
  assert.equal(new Set(it.audit.ofType('step.finished').map(({ subject }) => subject)).size, 450)
  assert.equal(it.audit.ofType('step.finished').length, 450)
})

test('an entry that the log refuses for good holds back no other', async (t) => {
  const it = await setup(t)
  const poison = await endedStep(it, ['x'.repeat(70_000)])
  const good = await endedStep(it)
  it.audit.down = true
  await poison.end()
  await good.end()
  it.audit.down = false
  await it.broker.sweep()
  await turns()
  assert.deepEqual(
    it.audit.ofType('step.finished').map(({ subject }) => subject),
    [good.step.id],
  )
  assert.equal((await it.broker.counts()).undelivered, 1, 'what was delivered is not sent again and again')
})

test('close: what is under way is finished, and nothing is sent afterwards', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const it = await setup(t)
  const { end } = await endedStep(it)
  const { held, release } = latch()
  it.audit.holds.set('lease.revoked', held)
  it.audit.holds.set('step.finished', held)
  await end()
  await turns()
  it.audit.down = true
  const closing = it.broker.close()
  release()
  await closing
  const attempts = it.audit.attempts
  it.audit.down = false
  for (let i = 0; i < 5; i++) {
    t.mock.timers.tick(1000)
    await turns()
  }
  assert.equal(it.audit.attempts, attempts)
})
