import assert from 'node:assert/strict'
import { test } from 'node:test'
import { personal } from '../audit/client/index.ts'
import { sealPeople } from '../audit/people/index.ts'
import { setup } from './broker.fixture.ts'
import { createPeople } from './people.ts'

test('somebody who is looked up while they are forgotten is somebody new afterwards', async (t) => {
  const { store, vaultKey, clock } = await setup(t)
  const people = createPeople({ store, vaultKey, clock })
  const before = await people.find('github:1', 'github:mona')
  // Forgotten by a process that has not met them: what is looked up meanwhile is read from the store.
  const again = createPeople({ store, vaultKey, clock })
  const forgetting = again.forget('github:1')
  assert.equal((await again.find('github:1', undefined)).person, before.person)
  await forgetting
  assert.notEqual((await again.find('github:1', undefined)).person, before.person)
})

test('a name that waits for the log is forgotten with its person; the entry stays the same bytes', async (t) => {
  const { store, vaultKey, clock, broker, audit } = await setup(t)
  const people = createPeople({ store, vaultKey, clock })
  audit.down = true
  const data = {
    by: personal('github:1', 'mona', 'github:mona'),
    others: [{ by: personal('github:2', 'nora') }, { by: personal('github:1', 'mona') }],
  }
  await broker.outbox.write(async (_, add) => add([{ type: 'approval.granted', subject: 'apr_1', data }]))
  const waiting = async () => {
    const { id, event } = await store.read.selectFrom('outbox').selectAll().executeTakeFirstOrThrow()
    return { id, event, data: (JSON.parse(event) as { data: Record<string, unknown> }).data }
  }
  const { id } = await waiting()
  const before = await sealPeople(data, id, people)
  await people.forget('github:1')
  const left = await waiting()
  assert.doesNotMatch(left.event, /mona|github:1/)
  const after = await sealPeople(left.data, id, people)
  assert.equal(JSON.stringify(after.data), JSON.stringify(before.data))
  const nora = (await people.find('github:2', undefined)).person
  assert.deepEqual(
    after.sealed.map(({ person }) => person),
    [nora],
  )
  assert.deepEqual(await people.known('github:1'), [])
})
