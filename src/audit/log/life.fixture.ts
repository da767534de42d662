import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { FatalError } from '../../lib/index.ts'
import { leafHash, type LogSource, readEntries, type Receipt, verifyLog } from '../verify/index.ts'
import type { AuditLogOptions } from './index.ts'
import { entriesOf, postEntries, startLog, temporaryFolder } from './log.fixture.ts'
import { createMemoryDisk, type MemoryDisk, type Weather } from '../disk/memory-disk.fixture.ts'

type Entries = ReturnType<typeof entriesOf>

/** A log's disk, and what clients and readers hold of the log, whatever becomes of it. */
export interface Scene {
  disk: MemoryDisk
  folder: string
  /** What was acknowledged, to be sent again, and its receipts. */
  answered: { entries: Entries; receipts: Receipt[] }[]
  /** Requests without an answer: their client sends them again. */
  unanswered: Entries[]
  /** Every checkpoint that was ever readable, if only between two calls to the disk. */
  known: Set<string>
  /** The number of the next new entry. */
  next: number
}

/** The lock is SQLite's and takes a real folder; everything else of the log is on the disk in memory. */
export async function memoryScene(t: TestContext): Promise<() => Scene> {
  const root = await temporaryFolder(t)
  // Two levels that are not there yet: their names have to become durable too.
  const folder = join(root, 'new', 'log')
  await mkdir(join(folder, 'state'), { recursive: true })
  return () => ({
    disk: createMemoryDisk(root),
    folder,
    answered: [],
    unanswered: [],
    known: new Set(),
    next: 0,
  })
}

/** How a life went: `refused` is why the log did not start, `failed` why it stopped. */
export interface Life {
  refused?: FatalError
  failed?: FatalError
}

/**
 * One life of a log in this weather: it starts, takes groups of requests, those of a group at once, each of as many
 * entries as its number says, and closes. Sends first what got no answer in the lives before.
 */
export async function live(
  scene: Scene,
  weather: Weather,
  groups: readonly (readonly number[])[],
  options: Partial<AuditLogOptions> = {},
): Promise<Life> {
  const { disk, folder } = scene
  disk.weather = watched(scene, weather)
  const faults: FatalError[] = []
  const onFatal = (error: FatalError) => void faults.push(error)
  const log = await startLog(folder, { fs: disk.fs, onFatal, ...options }).catch((error: unknown) => {
    assert.ok(error instanceof FatalError, String(error))
    assert.match(error.message, /^.*\S.*$/)
    return error
  })
  if (log instanceof FatalError) return { refused: log }
  let stopped: FatalError | undefined
  try {
    const first = scene.unanswered.splice(0)
    await Promise.all(first.map((entries) => post(scene, log.url, entries)))
    for (const group of groups) {
      await Promise.all(
        group.map((count) => post(scene, log.url, entriesOf(scene.next, (scene.next += count)))),
      )
    }
    stopped = faults[0]
  } finally {
    await log.close()
  }
  if (stopped !== undefined) assert.match(stopped.message, /^(?:writing|publishing) the audit log failed: .+/)
  return faults[0] === undefined ? {} : { failed: faults[0] }
}

function watched({ disk, folder, known }: Scene, weather: Weather): Weather {
  const look = () => {
    const note = disk.read(join(folder, 'checkpoint'))?.toString()
    if (note !== undefined) known.add(note)
  }
  return {
    before: (call) => weather.before?.(call),
    after(call) {
      look()
      weather.after?.(call)
    },
  }
}

async function post(scene: Scene, url: string, entries: Entries): Promise<void> {
  const { status, body } = await postEntries(url, entries)
  if (status === 200) {
    scene.answered.push({ entries, receipts: body.receipts })
    return
  }
  scene.unanswered.push(entries)
  assert.ok(status === 503 || status === 507, `${status}: ${JSON.stringify(body)}`)
  assert.equal(body.error, status === 507 ? 'disk_full' : 'audit_unavailable')
  assert.match(body.message, /^(?:writing|publishing) the audit log failed: .+ until it is restarted$/)
}

/**
 * A healthy restart: it has to be one without a word, to give every receipt again, and to take every request that had no
 * answer, once. Then the whole log is verified against every checkpoint that was ever readable.
 */
export async function checkLater(scene: Scene, when: string): Promise<void> {
  const { disk, folder, answered, known } = scene
  const before = answered.splice(0)
  scene.unanswered.push(...before.map(({ entries }) => entries))
  const life = await live(scene, {}, [[3]])
  assert.deepEqual(life, {}, when)
  const again = new Map(answered.map(({ entries, receipts }) => [entries, receipts]))
  for (const { entries, receipts } of before) assert.deepEqual(again.get(entries), receipts, when)
  const key = disk.read(join(folder, 'key.vkey'))?.toString() ?? ''
  const receipts = answered.flatMap((one) => one.receipts)
  // Each was compared with its repetition, signature and all; the slow check of signatures is for some of them.
  const some = receipts.filter((_, i) => i % 29 === 0)
  const verdict = await verifyLog(sourceOf(scene), key, { known: [...known], receipts: some })
  assert.ok(verdict.ok, `${when}: ${JSON.stringify(verdict)}`)
  const hashes = new Map(receipts.map((receipt) => [receipt.index, receipt.leafHash]))
  for await (const { index, bytes } of readEntries(sourceOf(scene))) {
    assert.equal(hashes.get(index), leafHash(bytes).toBase64(), `${when}: entry ${index}`)
    hashes.delete(index)
  }
  // Every entry once: what got no answer at first was sent again, and may have been there already.
  assert.deepEqual([hashes.size, verdict.size], [0, scene.next], when)
}

function sourceOf({ disk, folder }: Scene): LogSource {
  return {
    name: folder,
    read: async (path) => disk.read(join(folder, path)),
    list: async (path) => disk.names(join(folder, path)),
  }
}
