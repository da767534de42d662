import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAtLeast, isolationOf, isolations, lacksOf } from './isolation.ts'

test('of two ways to isolate one is the stronger, and none is enough for a word that nobody knows', () => {
  for (const [i, one] of isolations.entries())
    for (const [j, least] of isolations.entries())
      assert.equal(isAtLeast(one, least), i <= j, `${one} for ${least}`)
  for (const one of isolations) assert.equal(isAtLeast(one, 'microvm'), false, one)
})

test('what holds less than all namespaces says what it lacks', () => {
  assert.deepEqual(
    isolations.map((one) => lacksOf(one).length > 0),
    [false, true, true, true],
  )
  assert.deepEqual(
    [isolationOf('B'), isolationOf('B', 'podman'), isolationOf('C'), isolationOf('E')],
    [...isolations],
  )
})
