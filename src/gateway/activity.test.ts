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
  for (let i = 0; i < 300; i++) activity.denied(step, `p${i}`, `p${i} is not pinned`, 'x'.repeat(5_000))
  const { lines, next, more } = activity.refusals(step, 2)
  assert.deepEqual([lines.length, next, more], [198, 200, 102])
  assert.equal(lines[0]?.length, 1_000)
  assert.equal(activity.refusals(step, next).more, 0)
})

test('one reason for many things is told five times, and counted', () => {
  const activity = createActivityRecord()
  for (let i = 0; i < 20; i++) activity.denied(step, `npm:install p${i}`, 'no grant', `refused p${i}`)
  activity.denied(step, 'git:read x', 'another reason', 'refused x')
  const { lines, next, more } = activity.refusals(step, 0)
  assert.deepEqual(lines, ['refused p0', 'refused p1', 'refused p2', 'refused p3', 'refused p4', 'refused x'])
  assert.deepEqual([next, more], [6, 15])
})
