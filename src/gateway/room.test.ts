import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRoom } from './room.ts'

test('one step has half of the room at most, all together no more than there is, and what is given back counts once', () => {
  const reserve = createRoom(100)
  const [one, other, third] = [{}, {}, {}]
  const giveBack = reserve(50, one)
  assert.equal(reserve(1, one), undefined)
  assert.ok(reserve(50, other) !== undefined)
  assert.equal(reserve(1, third), undefined)
  giveBack?.()
  giveBack?.()
  assert.equal(reserve(51, third), undefined)
  assert.ok(reserve(50, third) !== undefined)
  assert.equal(reserve(1, one), undefined)
})
