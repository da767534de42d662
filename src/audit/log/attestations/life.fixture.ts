import assert from 'node:assert/strict'
import { join } from 'node:path'
import { FatalError, systemClock } from '../../../lib/index.ts'
import { createMemoryDisk, type MemoryDisk, type Weather } from '../../disk/memory-disk.fixture.ts'
import {
  leafHash,
  type LogSource,
  parseVerifierKey,
  verifyCheckpoint,
  verifyInclusion,
  verifyLog,
} from '../../verify/index.ts'
import { type Attestations, openAttestations } from './open.ts'

/** The log's disk, and what signers and readers hold of the log, whatever becomes of it. */
export interface Scene {
  disk: MemoryDisk
  /** What was answered, by its text: its number for good. */
  held: Map<string, number>
  /** Without an answer: sent again. */
  unanswered: string[]
  /** Checkpoints that left, in answers or by `checkpoint`. */
  known: Set<string>
  /** Timestamp chains that somebody was told. */
  chains: Set<string>
  key: string
  next: number
}

const folder = '/disk/new/attestations'

export function newScene(): Scene {
  return {
    disk: createMemoryDisk('/disk'),
    held: new Map(),
    unanswered: [],
    known: new Set(),
    chains: new Set(),
    key: '',
    next: 0,
  }
}

/** One life in this weather: sends first what got no answer, then groups at once, rotates the timestamps' key if asked, and ends. */
export async function live(
  scene: Scene,
  weather: Weather,
  groups: readonly number[],
  rotate = false,
): Promise<FatalError | undefined> {
  const { disk } = scene
  disk.weather = {
    before: (call) => weather.before?.(call),
    after(call) {
      const note = disk.read(join(folder, 'checkpoint'))?.toString()
      if (note !== undefined) scene.known.add(note)
      weather.after?.(call)
    },
  }
  let fault: FatalError | undefined
  const log = await openAttestations({
    ...{ fs: disk.fs, folder, clock: systemClock, newestMs: () => 0, publishIntervalMs: 3_600_000 },
    onFatal: (error) => (fault = error),
    onAlarm: () => Promise.resolve(),
  }).catch((error: unknown) => {
    assert.ok(error instanceof FatalError, String(error))
    return error
  })
  if (log instanceof FatalError) return log
  if (scene.key !== '') assert.equal(log.verifierKey, scene.key)
  scene.key = log.verifierKey
  try {
    for (const { chain } of log.authority.chains()) scene.chains.add(chain.join(''))
    await send(scene, log, scene.unanswered.splice(0))
    for (const count of groups)
      await Promise.all(Array.from({ length: count }, () => send(scene, log, [`entry ${scene.next++}`])))
    if (rotate) await log.authority.rotate().catch(() => undefined)
    else for (const { chain } of log.authority.chains()) scene.chains.add(chain.join(''))
  } finally {
    await log.close()
  }
  return fault
}

async function send(scene: Scene, log: Attestations, texts: readonly string[]): Promise<void> {
  if (texts.length === 0) return
  const outcome = await log.include(texts.map((text) => Buffer.from(text)))
  if (!outcome.ok) {
    assert.equal(outcome.reason, 'failed')
    scene.unanswered.push(...texts)
    return
  }
  const { treeSize: size, rootHash: root, checkpoint, entries } = outcome
  scene.known.add(checkpoint)
  for (const [i, { index, hashes }] of entries.entries()) {
    const text = texts[i] ?? ''
    const leaf = leafHash(Buffer.from(text))
    assert.ok(verifyInclusion({ index, size, leaf, root }, hashes), text)
    assert.equal(scene.held.get(text) ?? index, index, text)
    scene.held.set(text, index)
  }
}

/**
 * A healthy restart takes everything again, each entry at the number that somebody was told, and publishes a tree that has
 * every checkpoint that ever left as its beginning.
 */
export async function checkLater(scene: Scene, when: string): Promise<void> {
  scene.unanswered.push(...scene.held.keys())
  assert.equal(await live(scene, {}, [2]), undefined, when)
  const source: LogSource = {
    name: folder,
    read: async (path) => scene.disk.read(join(folder, path)),
    list: async (path) => scene.disk.names(join(folder, path)),
  }
  const verdict = await verifyLog(source, scene.key, { known: [...scene.known] })
  assert.ok(verdict.ok, `${when}: ${JSON.stringify(verdict)}`)
  // Each once, however often it was sent.
  assert.deepEqual([verdict.size, scene.held.size], [scene.next, scene.next], when)
  assert.deepEqual(
    [...scene.held.values()].sort((a, b) => a - b),
    [...Array(scene.next).keys()],
    when,
  )
  const verifier = parseVerifierKey(scene.key)
  for (const note of scene.known) assert.ok(verifier && (await verifyCheckpoint(note, verifier)).ok, when)
  const chains = scene.disk.names(join(folder, 'state', 'timestamp')).filter((name) => name.endsWith('.pem'))
  const listed = new Set(
    chains.map((name) => scene.disk.read(join(folder, 'state', 'timestamp', name))?.toString()),
  )
  for (const chain of scene.chains) assert.ok(listed.has(chain), `${when}: a chain that was told is gone`)
}
