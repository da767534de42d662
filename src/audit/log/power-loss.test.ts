import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkLater, live, memoryScene, type Scene } from './life.fixture.ts'
import { soakRounds } from './log.fixture.ts'
import { type End, endingAt, survivalOf } from '../disk/power-cut.fixture.ts'
import { runs } from '../../../test/whole.ts'

/** Two groups, and in the soak enough for a full tile: most of the time goes into signatures. */
const requests = soakRounds === undefined ? [[9], [4, 10, 2]] : [[100], [40, 100, 20]]

async function liveAndEnd(scene: Scene, end: End, groups: readonly (readonly number[])[]): Promise<boolean> {
  const weather = endingAt(end)
  await live(scene, weather, groups)
  if (end.left !== 'kill') scene.disk.cutPower(survivalOf(end.left))
  return weather.ended()
}

test('power that is cut at any call of a new log: what is not fsynced is gone, and nothing is missed', async (t) => {
  const newScene = await memoryScene(t)
  let reached = true
  for (let call = 1; reached; call++) {
    const left = (['none', call, 'all', call] as const)[call % 4]!
    const scene = newScene()
    reached = await liveAndEnd(scene, { call, done: call % 3 === 0, left }, requests)
    await checkLater(scene, `call ${call}, left ${left}`)
  }
})

test('what a killed log left in the cache alone is on the disk once the next one has started', async (t) => {
  const newScene = await memoryScene(t)
  let reached = true
  for (let call = 1; reached; call++) {
    const scene = newScene()
    const kill: End = { call, done: true, left: 'kill' }
    reached = await liveAndEnd(scene, kill, requests)
    assert.deepEqual(await live(scene, {}, []), {})
    scene.disk.cutPower(survivalOf(call % 2 === 0 ? 'none' : call))
    await checkLater(scene, `killed at call ${call}`)
  }
})

const end: fc.Arbitrary<End> = fc.record({
  call: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 250 })),
  done: fc.boolean(),
  left: fc.oneof(fc.constantFrom('kill' as const, 'none' as const, 'all' as const), fc.nat()),
})
const groups = fc.array(fc.array(fc.integer({ min: 1, max: 130 }), { minLength: 1, maxLength: 3 }), {
  maxLength: 3,
})

test('any row of kills and power cuts, whatever of the unsynced survives', async (t) => {
  const newScene = await memoryScene(t)
  const life = fc.record({ end, groups })
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async (lives) => {
      const scene = newScene()
      for (const one of lives) await liveAndEnd(scene, one.end, one.groups)
      await checkLater(scene, 'after all')
    }),
    {
      numRuns: soakRounds === undefined ? runs(20, 60) : soakRounds * 3,
      endOnFailure: soakRounds === undefined,
    },
  )
})
