import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StepId } from '../lib/index.ts'
import { createActivityRecord } from './activity.ts'

const step = 'stp_1' as StepId

test('refusals: each kind once, from where the supervisor has seen them, 200 at most and then a number', () => {
  const activity = createActivityRecord()
  let woken = 0
  activity.onRefusal(() => woken++)
  for (const id of ['1', '2']) activity.denied(step, 'git:push x', 'no grant', `refused x (req_${id})`)
  activity.denied(step, 'git:push y', 'no grant', 'refused y (req_3)')
  assert.deepEqual(activity.refusals(step, 0), {
    lines: ['refused x (req_1)', 'refused y (req_3)'],
    next: 2,
    more: 0,
  })
  assert.deepEqual(activity.refusals(step, 2), { lines: [], next: 2, more: 0 })
  assert.equal(woken, 3)
  for (let i = 0; i < 300; i++) activity.denied(step, `npm:install p${i}`, 'no', 'x'.repeat(5_000))
  const { lines, next, more } = activity.refusals(step, 2)
  assert.deepEqual([lines.length, next, more], [198, 200, 102])
  assert.equal(lines[0]?.length, 1_000)
  assert.equal(activity.refusals(step, next).more, 0)
})
