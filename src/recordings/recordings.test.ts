import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { limits as bounds, type RecordingId, type RunId, type StepId } from '../lib/index.ts'
import { openStore } from '../store/index.ts'
import { createRecordings, type Begun } from './index.ts'

async function openRecordings(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-recordings-'))
  const folder = join(root, 'recordings')
  const store = openStore(join(root, 'mayfly.db'))
  const clock = { aheadMs: 0, nowMs: () => Date.parse('2026-11-28T00:00:00Z') + clock.aheadMs }
  const limits = { keepSeconds: 3_600, maxTotalBytes: 2 * bounds.recordingBytes }
  const make = () => createRecordings({ store, folder, clock, limits: () => limits })
  t.after(async () => {
    await store.close()
    rmSync(root, { recursive: true, force: true })
  })
  const recordings = await make()
  const about = (of = recordings, run = 'run_1'): Begun => ({
    ...{ id: of.next() as RecordingId, run: run as RunId, step: 'stp_1' as StepId, connection: 'web' },
    ...{ operation: 'ssh:shell web/deploy', columns: 80, rows: 24, title: 'ssh:shell web/deploy' },
  })
  return { folder, clock, limits, make, recordings, about }
}

test('a session is on disk from its first moment, as asciicast v2 that its owner alone can read', async (t) => {
  const { folder, clock, recordings, about } = await openRecordings(t)
  const one = about()
  const open = await recordings.begin(one)
  const file = join(folder, `${one.id}.cast`)
  assert.deepEqual([statSync(file).mode & 0o777, statSync(folder).mode & 0o777], [0o600, 0o700])
  const head = { version: 2, width: 80, height: 24, timestamp: 1_795_824_000, title: 'ssh:shell web/deploy' }
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), head)
  clock.aheadMs = 1_234
  await open.write('o', '$ \u001b[1mls\r\n')
  assert.equal(readFileSync(file, 'utf8').split('\n')[1], '[1.234,"o","$ \\u001b[1mls\\r\\n"]')
  await open.write('r', '120x40')
  const { bytes, sha256 } = await open.end()
  const kept = readFileSync(file)
  assert.deepEqual([bytes, sha256], [kept.length, createHash('sha256').update(kept).digest('hex')])
  const [row] = await recordings.list('run_1')
  assert.deepEqual([row?.id, row?.sha256, row?.ended_ms], [one.id, sha256, clock.nowMs()])
  assert.deepEqual(await recordings.list('run_2'), [])
  const read = await recordings.read(one.id)
  assert.ok(read !== undefined && (await text(read)) === kept.toString())
})

test('what does not fit is not taken, and nothing after it', async (t) => {
  const { limits, recordings, about } = await openRecordings(t)
  const open = await recordings.begin(about())
  await open.write('o', 'x'.repeat(bounds.recordingBytes - 1_000))
  await assert.rejects(open.write('o', 'y'.repeat(1_000)), { code: 'limit_exceeded' })
  await assert.rejects(open.write('o', 'z'), { code: 'limit_exceeded' })
  const { bytes } = await open.end()
  assert.ok(bytes <= bounds.recordingBytes)
  const second = await recordings.begin(about())
  limits.maxTotalBytes = bytes + 1_000
  await assert.rejects(second.write('o', 'x'.repeat(2_000)), { code: 'disk_full' })
  await assert.rejects(second.end(), { code: 'disk_full' })
  limits.maxTotalBytes = bytes
  await assert.rejects(recordings.begin(about()), { code: 'disk_full' })
  limits.keepSeconds = 0
  assert.equal(recordings.next(), undefined)
})

test('one that a killed server left open is ended, and what is old is removed', async (t) => {
  const { folder, clock, recordings, make, about } = await openRecordings(t)
  const left = about()
  await (await recordings.begin(left)).write('o', 'hello')
  await recordings.sweep()
  assert.equal(recordings.find(left.id)?.sha256, null)
  const after = await make()
  await after.sweep()
  const file = join(folder, `${left.id}.cast`)
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
  assert.equal(after.find(left.id)?.sha256, sha256)
  clock.aheadMs = 3_600_000
  await after.sweep()
  assert.equal(existsSync(file), false)
  assert.equal(await after.read(left.id), undefined)
  assert.equal((await after.list())[0]?.removed_ms, clock.nowMs())
})
