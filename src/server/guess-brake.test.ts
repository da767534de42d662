import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGuessBrake } from './guess-brake.ts'

test('each wrong guess after the third waits longer, a minute at most; of others nobody waits', () => {
  let now = 0
  const brake = createGuessBrake({ nowMs: () => now })
  const waits: number[] = []
  for (let i = 0; i < 10; i++) {
    brake.wrong('a')
    waits.push(brake.waits('a'))
    now += brake.waits('a') * 1000
    assert.equal(brake.waits('a'), 0)
  }
  assert.deepEqual(waits, [0, 0, 2, 4, 8, 16, 32, 60, 60, 60])
  assert.equal(brake.waits('b'), 0)
  brake.right('a')
  brake.wrong('a')
  assert.equal(brake.waits('a'), 0)
})
