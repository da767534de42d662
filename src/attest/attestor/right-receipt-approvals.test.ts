import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSession, stepRequest } from '../../broker/broker.fixture.ts'
import { attestWorld } from './attestor.fixture.ts'
import { fakePeople } from './over.fixture.ts'
import { rightReceipt } from './right-receipt.fixture.ts'

test('each yes that a step needed, for its session or for what it did, is shown by its entry', async (t) => {
  const world = await attestWorld(t)
  const { broker, audit, store } = world.it
  const session = await openSession(broker)
  const who = 'google:114'
  const { person } = await fakePeople.find(who, who)
  const approve = async (
    id: string,
    operation?: { step: string; operations: string[]; approvers: string },
  ) => {
    const { index: entry } = await audit.client.append({
      ...{ type: 'approval.granted', run: session.runId, subject: id },
      data: { by: { person }, complete: true, bound: { ...(operation === undefined ? {} : { operation }) } },
    })
    await store.write(async (tx) => {
      await tx
        .insertInto('approvals')
        .values({
          ...{ id, code_hash: id, jkt: session.jkt, state: 'used', identity: '{}' },
          ...{ roles: JSON.stringify(session.roles), policy_version: 7, grants_digest: '', issuer: 'google' },
          ...{ run_id: session.runId, repository_id: null, repository: null, commit_id: null },
          ...{ created_ms: session.createdMs, expires_ms: session.expiresMs, ended_ms: session.createdMs },
          ...{ end_reason: 'used', operation: operation === undefined ? null : JSON.stringify(operation) },
          ...{ step_id: operation?.step ?? null, operation_key: null },
        })
        .execute()
      const login = JSON.stringify({ issuer: 'google', subject: '114' })
      await tx
        .insertInto('approval_votes')
        .values({
          ...{ approval_id: id, person: 'x', name: 'x', reason: null, login, entry },
          created_ms: session.createdMs,
        })
        .execute()
    })
  }
  await approve('apr_session')
  const step = await broker.openStep(session, stepRequest({ policyVersion: 7 }))
  await approve('apr_operation', { step: step.id, operations: ['git:push a'], approvers: 'managers' })
  // Of another session that the same job asked for: it allows nothing here.
  await approve('apr_later')
  await broker.endStep(step, { reason: 'finished', exitCode: 0 })
  const { predicate, checked } = await rightReceipt(t, world, step.id)
  assert.deepEqual(
    checked.entries.map(({ entry }) => entry.type),
    ['session.issued', 'approval.granted', 'step.started', 'approval.granted', 'step.finished'],
  )
  const said = predicate.approvals.map(({ of, people }) => `${String(of)}: ${String(people)}`)
  assert.deepEqual(new Set(said), new Set([`session: ${person}`, `git:push a: ${person}`]))
  assert.ok(!checked.unproved.some((place) => place.startsWith('approvals')), checked.unproved.join())
})
