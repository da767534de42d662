import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../lib/index.ts'
import { stepStarted } from './events.ts'
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
