import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { limits } from '../lib/index.ts'
import { createStepStates } from './step-states.ts'
import { stubBroker } from './stubs.fixture.ts'

test('who leaves before it is admitted takes no place of its step, and one that leaves later gives its own back', async () => {
  const states = createStepStates({ openSocket: () => Promise.reject(new Error('nothing is dialled')) })
  const step = stubBroker().open('a key')
  for (let i = 0; i < limits.tunnelsPerStep; i++) {
    const left = new PassThrough().destroy()
    await once(left, 'close')
    assert.equal(states.admitTunnel(step, left), false)
  }
  const open = Array.from({ length: limits.tunnelsPerStep }, () => new PassThrough())
  for (const socket of open) assert.equal(states.admitTunnel(step, socket), true)
  assert.equal(states.openSockets(), open.length)
  assert.equal(states.admitTunnel(step, new PassThrough()), false)
  const [first] = open
  first?.destroy()
  await once(first ?? new PassThrough(), 'close')
  assert.equal(states.admitTunnel(step, new PassThrough()), true)
})
