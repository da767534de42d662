import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createRoom } from './room.ts'

test('one step that sends without end waits, and leaves the others their room', async () => {
  const room = createRoom({ bytes: 100, bytesOfOne: 30 })
  const order: string[] = []
  const take = (name: string, bytes: number, of: string | undefined) =>
    room.take(bytes, of).then((giveBack) => {
      order.push(name)
      return giveBack
    })
  const first = await take('first', 31, 'stp_1')
  const second = take('second', 10, 'stp_1')
  const other = await take('other', 10, 'stp_2')
  await take('nobody', 40, undefined)
  await turn()
  assert.deepEqual(order, ['first', 'other', 'nobody'])
  first()
  const giveBack = await second
  other()
  // All of it is taken: 110 of 100 bytes.
  await take('large', 60, 'stp_3')
  const last = take('last', 1, 'stp_4')
  await turn()
  assert.deepEqual(order.slice(3), ['second', 'large'])
  giveBack()
  await last
  assert.deepEqual(order.slice(5), ['last'])
})

test('who waits when the room is closed is told so', async () => {
  const room = createRoom({ bytes: 100, bytesOfOne: 30 })
  await room.take(101, 'stp_1')
  const refused = assert.rejects(room.take(1, 'stp_2'), /the server is stopping/)
  room.close()
  await refused
  await assert.rejects(room.take(1, 'stp_3'), /the server is stopping/)
})
