import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCancellation } from './cancellation.ts'

test('the first signal asks and gives the exit code, a later one does not wait; an echo of the first is none', () => {
  const clock = { ms: 0, nowMs: () => clock.ms }
  const cancellation = createCancellation(clock)
  assert.equal(cancellation.asked.aborted, false)
  cancellation.request('SIGINT')
  clock.ms = 20
  cancellation.request('SIGINT')
  assert.deepEqual([cancellation.asked.aborted, cancellation.now.aborted], [true, false])
  clock.ms = 7_500
  cancellation.request('SIGPIPE')
  assert.equal(cancellation.now.aborted, false)
  cancellation.request('SIGTERM')
  assert.deepEqual([cancellation.now.aborted, cancellation.exitCode()], [true, 130])
})
