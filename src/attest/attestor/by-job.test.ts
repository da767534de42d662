import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../../lib/index.ts'
import { attestWorld, filesSummary } from './attestor.fixture.ts'

test('a server that was killed with the token: it is given up when the token ends, and says why and what to do', async (t) => {
  const world = await attestWorld(t)
  const untilMs = world.it.clock.ms + 300_000
  const tokens = new Map<string, number>()
  const noToken = () =>
    Promise.reject(new MayflyError('bad_token', 'no identity token for sigstore is held of this step'))
  world.attestor = world.another({
    signer: noToken,
    signUntilMs: (step) => tokens.get(step) ?? null,
  })
  const step = await world.openStep()
  tokens.set(step.id, untilMs)
  await world.it.broker.endStep(step, { reason: 'finished', exitCode: 0, summary: filesSummary() })
  const without = await world.endedStep({ summary: filesSummary() })
  const { attestor } = world
  await attestor.work()
  const [{ failure = '' } = {}] = (await attestor.states({ stepId: step.id, state: 'due' })).states.filter(
    ({ attempts }) => attempts > 0,
  )
  assert.match(failure, new RegExp(`It is given up at ${new Date(untilMs).toISOString()}`))
  const given = await attestor.handed(without.id, 0)
  assert.equal(given.pending, false, 'nobody was handed one')
  assert.match(given.failures.join(), /None came with the end of the step. Run the step again/)
  world.it.clock.ms = untilMs - 1_000
  await attestor.work()
  assert.equal((await attestor.handed(step.id, 0)).pending, true)
  world.it.clock.ms = untilMs + 1_000
  await attestor.work()
  const { failures, pending } = await attestor.handed(step.id, 0)
  assert.equal(pending, false)
  assert.match(failures.join(), /was handed one was stopped, or could not sign by .*Run the step again/)
})

test('what only the job’s own token can sign waits for it, and is given up once no token of then can be good', async (t) => {
  const world = await attestWorld(t)
  const asked: string[] = []
  const tokens = new Set<string>()
  const attestor = world.another({
    async signer(stepId) {
      asked.push(stepId)
      if (tokens.has(stepId)) return world.fake.signer
      throw new MayflyError('bad_token', 'no identity token for sigstore is held of this step')
    },
  })
  const [one, other] = [
    await world.endedStep({ summary: filesSummary() }),
    await world.endedStep({ summary: filesSummary() }),
  ]
  tokens.add(one.id)
  assert.equal((await attestor.handed(one.id, 5_000)).bundles.length, 2)
  assert.equal((await attestor.handed(other.id, 1_000)).pending, true)
  assert.deepEqual(new Set(asked), new Set([one.id, other.id]))
  world.it.clock.ms += 5 * 60_000
  await attestor.work()
  assert.equal((await attestor.handed(other.id, 0)).pending, true, 'another server may have its token')
  world.it.clock.ms += 11 * 60_000
  await attestor.work()
  const { failures, pending } = await attestor.handed(other.id, 0)
  assert.equal(pending, false)
  assert.match(failures[0] ?? '', /no identity token for sigstore is held/)
  await attestor.close()
})
