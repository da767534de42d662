import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Call, systemError, type Weather } from '../disk/memory-disk.fixture.ts'
import { checkLater, type Life, live, memoryScene, type Scene } from './life.fixture.ts'
import { soakRounds } from './log.fixture.ts'
import { runs } from '../../../test/whole.ts'

interface Fault {
  /** The call that fails, by its number. */
  at: number
  code: 'EIO' | 'ENOSPC' | 'EDQUOT'
  /** That call alone, or every one from it on. */
  lasting: boolean
  /** It fails after it was done: only its answer is an error. */
  done: boolean
}

interface Faulty extends Weather {
  /** The call that failed first. */
  hit: () => Call | undefined
  reached: () => boolean
}

function failing({ at, code, lasting, done }: Fault): Faulty {
  let calls = 0
  let hit: Call | undefined
  const fail = (call: Call) => {
    if (calls < at || (calls > at && !lasting)) return
    hit ??= call
    throw systemError(code, call.name, call.path)
  }
  return {
    before(call) {
      calls++
      if (!done) fail(call)
      return undefined
    },
    after: fail,
    hit: () => hit,
    reached: () => calls >= at,
  }
}

const requests = soakRounds === undefined ? [[5], [4, 10, 2], [3]] : [[100], [40, 100, 20], [3]]
const fullDisk = (code: string) => code !== 'EIO'

/** What a fault ended in, against what it should: a refused start or a stopped log, with the right code, naming it. */
function checkFaulty(life: Life, { code }: Fault, hit: Call, when: string): void {
  const error = life.refused ?? life.failed
  // What cannot be closed any more is no loss: all of it was on the disk before.
  if (error === undefined && hit.name === 'close') return
  assert.ok(error !== undefined, `${when}: nobody was told`)
  const codes = fullDisk(code) ? ['disk_full'] : ['audit_unavailable', 'data_folder']
  assert.ok(codes.includes(error.code), `${when}: ${error.code}`)
  assert.match(error.message, fullDisk(code) ? new RegExp(`the disk is full \\(${code}\\)`) : /EIO/, when)
}

const faults: readonly Omit<Fault, 'at'>[] = [
  { code: 'EIO', lasting: false, done: false },
  { code: 'ENOSPC', lasting: true, done: false },
  { code: 'EIO', lasting: true, done: true },
  { code: 'ENOSPC', lasting: false, done: false },
  { code: 'EIO', lasting: false, done: true },
  { code: 'EDQUOT', lasting: true, done: false },
]

/** At every call of a life every fault; in a plain test run one of them at each third call, other ones each time. */
async function failEverywhere(newScene: () => Promise<Scene>): Promise<number> {
  const step = soakRounds === undefined ? runs(3, 1) : 1
  for (let at = 1 + Math.floor(Math.random() * step); ; at += step) {
    const here = soakRounds === undefined ? [faults[Math.floor(at / step) % faults.length]!] : faults
    for (const kind of here) {
      const scene = await newScene()
      const fault = { ...kind, at }
      const weather = failing(fault)
      const life = await live(scene, weather, requests)
      const hit = weather.hit()
      if (!weather.reached()) return at
      // It had failed by itself: most often there is no such file yet.
      if (hit === undefined) continue
      const when = `call ${at}, ${hit.name} ${hit.path}, ${JSON.stringify(kind)}`
      checkFaulty(life, fault, hit, when)
      await checkLater(scene, when)
    }
  }
}

test('any call to the disk fails, in the life of a new log: nothing acknowledged is lost, and it is told', async (t) => {
  const newScene = await memoryScene(t)
  assert.ok((await failEverywhere(async () => newScene())) > 100)
})

test('any call to the disk fails, in the life after a crash within a commit', async (t) => {
  const newScene = await memoryScene(t)
  const calls = await failEverywhere(async () => {
    const scene = newScene()
    await live(scene, {}, [[7]])
    await live(scene, endAtLock(), [[6, 3]])
    assert.equal(scene.disk.names(`${scene.folder}/state/staged`).length, 1)
    return scene
  })
  assert.ok(calls > 100)
})

/** Nothing reaches the disk after the second commit has taken the lock: it stays staged. */
function endAtLock(): Weather {
  let locked = false
  return {
    before({ name, path }) {
      if (locked) throw systemError('EIO', name, path)
      return undefined
    },
    after({ name, path }) {
      if (name === 'rename' && path.endsWith('state/.new')) locked = true
    },
  }
}

test('a disk that takes a few bytes at a time is written to the end', async (t) => {
  const scene = (await memoryScene(t))()
  const short: Weather = { before: ({ name }) => (name === 'write' ? 700 : undefined) }
  assert.deepEqual(await live(scene, short, [[40], [30, 5]]), {})
  await checkLater(scene, 'short writes')
})

test('a disk that fills up in the middle of a write: 507, and what was acknowledged is there', async (t) => {
  const newScene = await memoryScene(t)
  let filled = true
  for (let at = 1; filled; at++) {
    const scene = newScene()
    let writes = 0
    const weather: Weather = {
      before({ name, path }) {
        if (name !== 'write') return undefined
        if (++writes > at) throw systemError('ENOSPC', name, path)
        return writes === at ? 20 : undefined
      },
    }
    const life = await live(scene, weather, requests)
    filled = writes > at
    assert.equal((life.refused ?? life.failed)?.code, filled ? 'disk_full' : undefined)
    await checkLater(scene, `full at write ${at}`)
  }
})
