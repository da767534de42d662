import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { test, type TestContext } from 'node:test'
import { identity, openSession, stepRequest } from '../../broker/broker.fixture.ts'
import { attestWorld } from './attestor.fixture.ts'
import type { Asked } from './index.ts'
import { digestOf } from './over.fixture.ts'

const digest = `sha256:${digestOf('a')}`

interface Job {
  readonly repositoryId?: string
  readonly ref?: string
  readonly role?: string
  /** Of each bundle. */
  readonly bytes?: number
}

async function opened(t: TestContext) {
  const world = await attestWorld(t)
  const { it } = world
  let made = 0
  /** So many attestations of the digest, each of a step of its own. */
  async function attested(
    count: number,
    { repositoryId = '1', ref = 'refs/heads/main', role = 'build', bytes = 0 }: Job,
  ) {
    const session = await openSession(it.broker, {
      identity: identity({
        attributes: { repository_id: repositoryId, ref },
        run: { id: String(made), attempt: '1', job: '1' },
      }),
      roles: [role],
    })
    const step = await it.broker.openStep(session, stepRequest({ role }))
    const ids = Array.from({ length: count }, () => `att_${String(made++).padStart(6, '0')}`)
    await it.store.write(async (tx) => {
      for (const [i, id] of ids.entries()) {
        const stepId = i === 0 ? step.id : `${step.id}_${i}`
        if (i > 0) {
          const row = it.store.find('steps', { id: step.id })
          if (row !== undefined)
            await tx
              .insertInto('steps')
              .values({ ...row, id: stepId })
              .execute()
        }
        await tx
          .insertInto('attestations')
          .values({
            ...{ id, run_id: session.runId, step_id: stepId, kind: 'provenance', state: 'signed' },
            ...{
              bundle: gzipSync(JSON.stringify({ bundle: id.padEnd(bytes) })),
              created_ms: made,
              due_ms: null,
            },
          })
          .execute()
        await tx
          .insertInto('attestation_subjects')
          .values({ digest, attestation_id: id, name: null })
          .execute()
      }
    })
    return { ids, runId: session.runId }
  }
  async function pages(asked: Asked) {
    const all: string[][] = []
    for await (const page of world.attestor.about(digest, asked)) all.push(page.map(({ id }) => id))
    return all
  }
  return { attested, pages }
}

for (const when of ['before', 'after'] as const)
  test(`what is looked for is found first, also if a stranger had the digest attested a thousand times ${when}`, async (t) => {
    const { attested, pages } = await opened(t)
    const strangers: Job[] = [{ repositoryId: '666' }, { role: 'lint' }, { ref: 'refs/pull/1/merge' }]
    const bury = async () => {
      for (const job of strangers) await attested(350, job)
    }
    if (when === 'before') await bury()
    const { ids, runId } = await attested(1, {})
    if (when === 'after') await bury()
    const asked: Asked['demands'][] = [
      { repository_id: '1', role: 'build', ref: 'refs/heads/*' },
      { repository_id: ['2', '1'], role: 'build', ref: ['refs/tags/v*', 'refs/heads/main'] },
      { role: 'build', same_run: true },
    ]
    for (const demands of asked)
      assert.deepEqual((await pages({ demands, runId }))[0], ids, JSON.stringify(demands))
  })

test('pages come newest first, are bounded, and what is not meant comes last', async (t) => {
  const { attested, pages } = await opened(t)
  const { ids } = await attested(120, {})
  const other = await attested(1, { repositoryId: '2' })
  const found = await pages({ demands: { repository_id: '1' } })
  assert.deepEqual(
    found.map((page) => page.length),
    [50, 50, 20, 1],
  )
  assert.deepEqual(found.flat(), [...ids.toReversed(), ...other.ids])
  await attested(500, {})
  assert.equal((await pages({ demands: { repository_id: '1' } })).flat().length, 301)
})

test('of large bundles a page has fewer, and still all are found', async (t) => {
  const { attested, pages } = await opened(t)
  const { ids } = await attested(5, { bytes: 3 * 1024 * 1024 })
  const huge = await attested(2, { bytes: 9 * 1024 * 1024, repositoryId: '2' })
  const found = await pages({ demands: { repository_id: '1' } })
  assert.deepEqual(
    found.map((page) => page.length),
    [2, 2, 1, 1, 1],
  )
  assert.deepEqual(found.flat(), [...ids.toReversed(), ...huge.ids.toReversed()])
})

test('a pattern stands for itself but for its stars', async (t) => {
  const { attested, pages } = await opened(t)
  const { ids } = await attested(1, { ref: 'refs/heads/a_b%' })
  await attested(1, { ref: 'refs/heads/axbc' })
  const [first] = await pages({ demands: { ref: 'refs/heads/a_b%' } })
  assert.deepEqual(first, ids)
})
