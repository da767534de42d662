import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  code,
  connection,
  delivered,
  grant,
  openSession,
  secondBroker,
  setup,
  stepRequest,
} from './broker.fixture.ts'
import type { Step } from './index.ts'

const success = { reason: 'finished', exitCode: 0, summary: { duration_ms: 7 } }

type World = Awaited<ReturnType<typeof opened>>

async function opened(t: Parameters<typeof setup>[0]) {
  const said: string[] = []
  const it = await setup(
    t,
    {},
    {
      atEnd: async (step, outcome) => async () =>
        void said.push(`${step.endReason} ${outcome.exitCode ?? '-'}`),
    },
  )
  const session = await openSession(it.broker)
  const step = await it.broker.openStep(session, stepRequest())
  return { it, session, step, said }
}

async function endsOf({ it }: World): Promise<unknown[]> {
  await delivered(it)
  return it.audit.ofType('step.finished').map(({ data }) => [data['reason'], data['outcome']])
}

function rowOf({ it }: World, { id }: Step) {
  const row = it.store.find('steps', { id })
  return [row?.end_reason, row?.exit_code]
}

test('once it is decided that a step has finished, a revocation closes its gate and changes nothing of its end', async (t) => {
  const world = await opened(t)
  const { it, step, said } = world
  assert.equal(await it.broker.decideEnd(step, success), true)
  // What is signed and attached meanwhile is done with its leases.
  assert.ok((await it.broker.lease(step, connection(), grant)).authorization !== undefined)
  assert.equal(await it.broker.revoke({ all: true }, 'revoked_by:root'), 1)
  assert.equal(it.broker.isOpen(step), false)
  await assert.rejects(it.broker.lease(step, connection(), grant), code('revoked'))
  await it.broker.endStep(step, success)
  assert.deepEqual(await endsOf(world), [['finished', 'success']])
  assert.deepEqual(rowOf(world, step), ['finished', 0])
  assert.deepEqual(said, ['finished 0'])
  assert.equal(it.audit.ofType('session.ended')[0]?.data['reason'], 'revoked_by:root')
  assert.equal((await it.broker.counts()).active, 0)
})

test('a revocation that came first is what stands, also while it is being written', async (t) => {
  const world = await opened(t)
  const { it, step } = world
  const revoking = it.broker.revoke({ all: true }, 'revoked_by:root')
  while (step.endReason === undefined) await new Promise((next) => setImmediate(next))
  assert.equal(await it.broker.decideEnd(step, success), false)
  await it.broker.endStep(step, success)
  await revoking
  assert.deepEqual(await endsOf(world), [['revoked_by:root', 'error']])
  assert.equal(await it.broker.decideEnd(step, success), false)
})

test('of a revocation and an end that come in the same moment one wins, and everything says the same', async (t) => {
  for (const first of ['decide', 'revoke'] as const) {
    const world = await opened(t)
    const { it, step, said } = world
    const acts = {
      decide: () => it.broker.decideEnd(step, success),
      revoke: () => it.broker.revoke({ all: true }, 'revoked_by:root'),
    }
    const [one, other] = first === 'decide' ? [acts.decide, acts.revoke] : [acts.revoke, acts.decide]
    const both = [one(), other()]
    await Promise.all(both)
    const isOurs = (await both[first === 'decide' ? 0 : 1]) === true
    await it.broker.endStep(step, success)
    const stands = isOurs ? ['finished', 'success'] : ['revoked_by:root', 'error']
    assert.deepEqual(await endsOf(world), [stands], first)
    assert.equal(rowOf(world, step)[0], stands[0])
    assert.deepEqual(said.at(-1), isOurs ? 'finished 0' : 'revoked_by:root -')
  }
})

test('two servers on one store agree: whichever end is in the store first', async (t) => {
  for (const first of ['decide', 'revoke'] as const) {
    const world = await opened(t)
    const { it, step } = world
    const other = await secondBroker(t, it)
    const revoke = () => other.revoke({ all: true }, 'revoked_by:root')
    if (first === 'revoke') await revoke()
    assert.equal(await it.broker.decideEnd(step, success), first === 'decide')
    if (first === 'decide') await revoke()
    assert.equal(it.broker.isOpen(step), false, 'what is done for it meanwhile is cut')
    await it.broker.endStep(step, success)
    const stands = first === 'decide' ? ['finished', 'success'] : ['revoked_by:root', 'error']
    assert.deepEqual(await endsOf(world), [stands], first)
    assert.equal(rowOf(world, step)[0], stands[0])
  }
})

test('without a decision, too, an end is the one that another server wrote for the session before', async (t) => {
  const world = await opened(t)
  const { it, step, session, said } = world
  await it.store.writeAll((tables) => [
    tables
      .updateTable('sessions')
      .set({ ended_ms: it.clock.ms, end_reason: 'revoked_by:root' })
      .where('id', '=', session.id),
  ])
  await it.broker.endStep(step, success)
  assert.deepEqual(await endsOf(world), [['revoked_by:root', 'error']])
  assert.deepEqual(said, ['revoked_by:root -'], 'what is signed is gathered again')
})

test('a server that is killed after the decision ends the step as it was decided', async (t) => {
  const world = await opened(t)
  const { it, step } = world
  await it.broker.decideEnd(step, success)
  it.clock.ms += 3_600_000
  await it.restart()
  assert.equal(it.broker.step(step.id), undefined, 'nothing more is given to it')
  await it.broker.sweep()
  assert.deepEqual(await endsOf(world), [['finished', 'success']])
  assert.deepEqual(rowOf(world, step), ['finished', 0])
  const [entry] = it.audit.ofType('step.finished')
  assert.deepEqual(entry?.data['reported'], { exitCode: 0, duration_ms: 7 })
})

test('a decision that cannot be written is none', async (t) => {
  const world = await opened(t)
  const { it, step } = world
  it.disk.full = true
  await assert.rejects(it.broker.decideEnd(step, success), code('disk_full'))
  it.disk.full = false
  await it.broker.revoke({ all: true }, 'revoked_by:root')
  assert.deepEqual(await endsOf(world), [['revoked_by:root', 'error']])
})
