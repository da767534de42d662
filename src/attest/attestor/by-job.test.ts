import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../../lib/index.ts'
import { attestWorld, filesSummary } from './attestor.fixture.ts'

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
