import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemError, type Weather } from '../../disk/memory-disk.fixture.ts'
import { type End, endingAt, survivalOf } from '../../disk/power-cut.fixture.ts'
import { soakRounds } from '../log.fixture.ts'
import { checkLater, live, newScene, type Scene } from './life.fixture.ts'

/** In a plain test run every so many-th call of a life, each run other ones; in the soak all of them. */
const step = soakRounds === undefined ? 7 : 1
const first = 1 + Math.floor(Math.random() * step)

async function liveAndEnd(
  scene: Scene,
  end: End,
  groups: readonly number[],
  rotate: boolean,
): Promise<boolean> {
  const weather = endingAt(end)
  await live(scene, weather, groups, rotate)
  if (end.left !== 'kill') scene.disk.cutPower(survivalOf(end.left))
  return weather.ended()
}

test('power that is cut at a call of a new log: every checkpoint that left holds, every entry has its number', async () => {
  let reached = true
  for (let call = first; reached; call += step) {
    const left = (['none', call, 'all', 'kill'] as const)[(call / step) & 3]!
    const scene = newScene()
    reached = await liveAndEnd(scene, { call, done: call % 3 === 0, left }, [3, 5], call % 2 === 0)
    await checkLater(scene, `call ${call}, left ${left}`)
  }
})

const end: fc.Arbitrary<End> = fc.record({
  call: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 300 })),
  done: fc.boolean(),
  left: fc.oneof(fc.constantFrom('kill' as const, 'none' as const, 'all' as const), fc.nat()),
})
const life = fc.record({
  end,
  groups: fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 4 }),
  rotate: fc.boolean(),
})

test('any row of kills and power cuts, whatever of the unsynced survives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async (lives) => {
      const scene = newScene()
      for (const one of lives) await liveAndEnd(scene, one.end, one.groups, one.rotate)
      await checkLater(scene, 'after all')
    }),
    { numRuns: soakRounds === undefined ? 12 : soakRounds * 3, endOnFailure: soakRounds === undefined },
  )
})

test('any call to the disk fails: it is told, nothing that was answered is lost', async () => {
  let reached = true
  for (let at = first; reached; at += step) {
    let calls = 0
    let hit = ''
    const full = (at / step) % 2 < 1
    const weather: Weather = {
      before({ name, path }) {
        if (++calls < at || (calls > at && !full)) return undefined
        hit ||= name
        throw systemError(full ? 'ENOSPC' : 'EIO', name, path)
      },
    }
    const scene = newScene()
    const fault = await live(scene, weather, [2, 3], at % 2 === 0)
    reached = calls >= at
    // What cannot be closed any more was on the disk before; and the key of a rotation that failed stays the old one.
    if (reached && hit !== 'close' && fault !== undefined)
      assert.ok(
        full ? fault.code === 'disk_full' : /EIO/.test(fault.message),
        `${at} ${hit}: ${fault.message}`,
      )
    await checkLater(scene, `call ${at} (${hit}) fails`)
  }
})
