import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcomeOf } from './index.ts'

test('a step has succeeded that ended by itself with exit code 0, whatever else its supervisor says', () => {
  const finished = { reason: 'finished', exitCode: 0 }
  const told = (outcome: object, endReason = 'finished') =>
    outcomeOf({ endReason }, { ...finished, ...outcome })
  assert.equal(told({}), 'success')
  assert.equal(told({ summary: { duration_ms: 1 } }), 'success')
  assert.equal(told({ exitCode: 1 }), 'failure')
  assert.equal(told({ exitCode: undefined }), 'failure')
  assert.equal(told({ summary: { signal: 'KILL' } }), 'failure')
  assert.equal(told({ summary: { limit: 'memory' } }), 'failure')
  assert.equal(told({}, 'cancelled'), 'cancel')
  assert.equal(told({}, 'timed_out'), 'error')
})
