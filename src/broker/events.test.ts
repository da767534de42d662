import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../lib/index.ts'
import { stepFinished, stepStarted } from './events.ts'
import type { Step } from './model.ts'

test('the entry of a step fits into the log, however many grants its role has, and says how many there are', () => {
  const grants = Array.from(
    { length: 3000 },
    (_, i) => `git:push git/octo-org/repository-number-${i}@refs/heads/release/*`,
  )
  const step = {
    id: 'stp_x',
    name: 'x',
    role: 'x',
    tier: 'B',
    expiresMs: 0,
    session: {
      id: 'ses_x',
      runId: 'run_x',
      subject: { issuer: 'x', attributes: { ref: 'r'.repeat(60_000) } },
    },
  } as unknown as Step
  const event = stepStarted(step, {
    name: 'x',
    role: 'x',
    tier: 'B',
    ttlSeconds: 1,
    maxWaitSeconds: 1,
    command: 'c'.repeat(16_000),
    grants,
    egress: [],
    services: [],
  })
  assert.ok(JSON.stringify(event).length < limits.auditEntryBytes)
  assert.equal(event.data['grantsCount'], 3000)
  assert.deepEqual(event.data['egress'], [])
})

test('the entry of an end fits, too, whatever a runner says of it: the large is left out by name, the small stays', () => {
  const step = {
    id: 'stp_x',
    name: 'x',
    role: 'x',
    endReason: 'finished',
    session: { id: 'ses_x', runId: 'run_x', subject: { issuer: 'x', attributes: { ref: 'r'.repeat(500) } } },
  } as unknown as Step
  const denied = Array.from({ length: 60 }, (_, i) => ({
    what: `${i}${'w'.repeat(240)}`,
    count: 1,
    reason: 'r'.repeat(200),
  }))
  const event = stepFinished(
    step,
    {
      reason: 'finished',
      exitCode: 3,
      activity: { granted: [], denied },
      summary: { duration_ms: 5, artifacts: ['\u0001'.repeat(30_000)], left_in_memory: ['é'.repeat(50_000)] },
    },
    { bytes: 1, sha256: 'x' },
  )
  assert.ok(Buffer.byteLength(JSON.stringify(event)) < limits.auditEntryBytes)
  assert.deepEqual(event.data['reported'], {
    exitCode: 3,
    duration_ms: 5,
    omitted: ['left_in_memory', 'artifacts'],
  })
  assert.equal(event.data['denied'], denied)
})
