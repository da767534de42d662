import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sha256Hex, systemClock } from '../../lib/index.ts'
import { createMemoryDisk, type MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { endingAt, survivalOf } from '../disk/power-cut.fixture.ts'
import { parseCheckpoint } from '../verify/index.ts'
import { startWitness, type Witness } from './index.ts'
import { historyOf, log } from './witness.fixture.ts'

const [history, other] = [historyOf('true'), historyOf('false')]
const sizes = [60, 120, 200]

async function add(witness: Witness, body: string): Promise<number> {
  const response = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body })
  await response.text()
  return response.status
}

async function start(disk: MemoryDisk, folder: string): Promise<Witness | undefined> {
  const common = {
    host: '127.0.0.1',
    port: 0,
    name: 'w.example',
    clock: systemClock,
    onFork: () => undefined,
  }
  return await startWitness({ ...common, folder, fs: disk.fs, logs: [log.verifierKey] }).catch(
    () => undefined,
  )
}

test('power that is cut at any call of a witness: what it cosigned it remembers, and no second history', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-witness-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const folder = join(root, 'new', 'witness')
  // The lock takes a real folder.
  await mkdir(folder, { recursive: true })
  let [reached, remembered] = [true, 0]
  for (let call = 1; reached; call++) {
    const disk = createMemoryDisk(root)
    const weather = endingAt({ call, done: call % 2 === 0 })
    disk.weather = weather
    const cosigned = await cosignUntilDead(disk, folder)
    reached = weather.ended()
    disk.weather = {}
    disk.cutPower(survivalOf(call % 3 === 0 ? call : 'none'))
    const witness = await start(disk, folder)
    assert.ok(witness !== undefined, `call ${call}`)
    t.after(() => witness.close())
    const shown = await fetch(`${witness.url}/${sha256Hex(log.name)}/checkpoint`)
    const size = shown.ok ? (parseCheckpoint((await shown.text()).split('\n\n')[0] + '\n')?.size ?? 0) : 0
    assert.ok(size >= cosigned, `call ${call}: it cosigned ${cosigned} entries and remembers ${size}`)
    if (cosigned > 0 && cosigned < 200)
      assert.notEqual(await add(witness, await other.request(cosigned, 200)), 200, `call ${call}`)
    if (cosigned > 0) remembered++
    await witness.close()
  }
  assert.ok(remembered > 10)
})

/** The largest size that the witness said it had cosigned. */
async function cosignUntilDead(disk: MemoryDisk, folder: string): Promise<number> {
  const witness = await start(disk, folder)
  if (witness === undefined) return 0
  let cosigned = 0
  for (const size of sizes) {
    if ((await add(witness, await history.request(cosigned, size))) !== 200) break
    cosigned = size
  }
  await witness.close()
  return cosigned
}
