import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditClient, AuditEvent } from '../audit/client/index.ts'
import { createRefusals } from './refusals.ts'

function open() {
  const events: AuditEvent[] = []
  const clock = { ms: 1_000_000, nowMs: () => clock.ms }
  const audit = {
    append: async (event: AuditEvent) => void events.push(event),
  } as unknown as AuditClient
  const refusals = createRefusals({ audit, clock })
  const refuse = (source: string, reason = 'bad') =>
    refusals.record(source, { type: 'session.refused', data: { reason } })
  return { events, clock, refusals, refuse }
}

test('one source that is refused without end has 30 entries, and leaves room for the others', async () => {
  const { events, refusals, refuse } = open()
  for (let i = 0; i < 1_000; i++) await refuse('loud')
  for (let i = 0; i < 20; i++) await refuse('quiet', 'other')
  assert.equal(events.length, 50)
  assert.equal(events.filter(({ data }) => data['reason'] === 'other').length, 20)
  await refusals.close()
  const { count, reason, refusals: named } = events.at(-1)?.data ?? {}
  assert.deepEqual([count, reason], [970, 'counted'])
  assert.deepEqual(named, [{ type: 'session.refused', source: 'loud', reason: 'bad', count: 970 }])
})

test('of many sources together a hundred are written at once, one more each second, and all are counted', async () => {
  const { events, clock, refusals, refuse } = open()
  for (let i = 0; i < 5_000; i++) await refuse(`source ${i}`)
  assert.equal(events.length, 100)
  clock.ms += 10_000
  for (let i = 0; i < 50; i++) await refuse(`later ${i}`)
  assert.equal(events.length, 110)
  await refusals.close()
  const { count, refusals: named } = (events.at(-1)?.data ?? {}) as { count: number; refusals: unknown[] }
  assert.deepEqual([count, named.length], [4_940, 50])
  await refusals.close()
  assert.equal(events.length, 111)
})
