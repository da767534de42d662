import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from './turns.ts'

/** Works that end when they are told to, in the order in which they began. */
function setup(most: number, waiting: number) {
  const turns = createTurns({ most, waiting })
  const begun: string[] = []
  const ends: (() => void)[] = []
  const full: string[] = []
  const take = (who: string, name: string) =>
    turns.take(
      who,
      async () => {
        begun.push(name)
        await new Promise<void>((end) => ends.push(end))
      },
      async () => void full.push(name),
    )
  const settle = () => new Promise((next) => setImmediate(next))
  const end = async () => {
    ends.shift()?.()
    await settle()
  }
  return { take, begun, full, end, settle }
}

test('whoever asks for much has every other turn while somebody else waits', async () => {
  const { take, begun, end, settle } = setup(1, 100)
  for (const name of ['a1', 'a2', 'a3', 'a4']) void take('a', name)
  for (const name of ['b1', 'b2']) void take('b', name)
  void take('c', 'c1')
  await settle()
  for (let i = 0; i < 7; i++) await end()
  assert.deepEqual(begun, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'])
})

test('the places of whoever has the most come free for others; their own next one is told that it is full', async () => {
  const { take, full, begun, end, settle } = setup(1, 4)
  for (let i = 0; i < 6; i++) void take('a', `a${i}`)
  await settle()
  assert.deepEqual(full, ['a5'])
  for (const name of ['b0', 'b1', 'b2']) void take('b', name)
  await settle()
  // Two of each wait now, and none gives way to the other.
  assert.deepEqual(full, ['a5', 'a4', 'a3', 'b2'])
  for (let i = 0; i < 5; i++) await end()
  assert.deepEqual(begun, ['a0', 'a1', 'b0', 'a2', 'b1'])
  // And all places are free again.
  void take('c', 'c0')
  await settle()
  assert.equal(begun.at(-1), 'c0')
})
