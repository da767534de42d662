import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import {
  MayflyError,
  newOrderedId,
  systemCode,
  type Clock,
  type RecordingId,
  type RunId,
  type StepId,
} from '../lib/index.ts'
import { insertRow, type Store, type Tables } from '../store/index.ts'
import type { CastEvent, CastHead } from './asciicast.ts'
import { createCastFile } from './open-recording.ts'

/** Whose session it is, and what. */
export interface Begun extends Omit<CastHead, 'startedMs'> {
  readonly id: RecordingId
  readonly run: RunId
  readonly step: StepId
  readonly connection: string
  readonly operation: string
}

/** Throws `disk_full`, `store_failed`, and `limit_exceeded` once it is too long; then nothing more is taken. */
export interface OpenRecording {
  write(event: CastEvent, text: string): Promise<void>
  /** Nothing is added afterwards. */
  end(): Promise<{ readonly bytes: number; readonly sha256: string }>
}

export type RecordingRow = Tables['recordings']

export interface Recordings {
  /** The id of one that may begin now; undefined where the policy says that none are made. */
  next(): RecordingId | undefined
  /** It has begun once this resolves. Throws `disk_full` and `store_failed`: then there is none, and no session may begin. */
  begin(about: Begun): Promise<OpenRecording>
  /** The newest first, as many as are shown at once; of one run, if it is named. */
  list(run?: string): Promise<RecordingRow[]>
  find(id: string): RecordingRow | undefined
  /** The bytes of its file that there are now; undefined if there is none (any more). */
  read(id: string): Promise<Readable | undefined>
  /** Ends those that a server left open that was killed, and removes what is too old. */
  sweep(): Promise<void>
}

const shownAtOnce = 1_000
const atOnce = 8
const leftAfterMs = 60_000

/** Files `ID.cast` in a folder that is its owner's alone. */
export async function createRecordings(deps: {
  store: Store
  folder: string
  clock: Clock
  limits: () => { readonly keepSeconds: number; readonly maxTotalBytes: number }
}): Promise<Recordings> {
  const { store, clock, limits } = deps
  /** Those that this process writes: no other does. */
  const open = new Set<string>()
  let openBytes = 0
  let sweeping: Promise<void> | undefined
  const fileOf = (id: string) => join(deps.folder, `${id}.cast`)
  let endedBytes = await countEnded()

  async function countEnded(): Promise<number> {
    const row = await store.read
      .selectFrom('recordings')
      .select((e) => e.fn.sum<number | null>('bytes').as('bytes'))
      .where('removed_ms', 'is', null)
      .executeTakeFirst()
    return row?.bytes ?? 0
  }

  function take(bytes: number): void {
    const { maxTotalBytes } = limits()
    if (endedBytes + openBytes + bytes > maxTotalBytes)
      throw new MayflyError(
        'disk_full',
        `the recordings that the server keeps have reached recordings.max_total (${maxTotalBytes} bytes)`,
      )
    openBytes += bytes
  }

  async function begin(about: Begun): Promise<OpenRecording> {
    const { id, run, step, connection, operation, ...shape } = about
    const startedMs = clock.nowMs()
    await mkdir(deps.folder, { recursive: true, mode: 0o700 })
    let taken = 0
    const file = await createCastFile(fileOf(id), { ...shape, startedMs }, (bytes) => {
      take(bytes)
      taken += bytes
    })
    const row = { id, run_id: run, step_id: step, connection, operation, started_ms: startedMs }
    open.add(id)
    const close = () => {
      if (open.delete(id)) openBytes -= taken
    }
    try {
      await store.writeAll(() => [
        insertRow('recordings', { ...row, ended_ms: null, bytes: 0, sha256: null, removed_ms: null }),
      ])
    } catch (error) {
      await file.end().catch(() => undefined)
      await rm(fileOf(id), { force: true }).catch(() => undefined)
      close()
      throw error
    }
    return {
      write: (event, text) => file.write(clock.nowMs() - startedMs, event, text),
      async end() {
        try {
          const digest = await file.end()
          await ended(id, digest)
          return digest
        } finally {
          close()
        }
      },
    }
  }

  async function ended(id: string, { bytes, sha256 }: { bytes: number; sha256: string }): Promise<void> {
    await store.writeAll((tables) => [
      tables.updateTable('recordings').set({ ended_ms: clock.nowMs(), bytes, sha256 }).where('id', '=', id),
    ])
    endedBytes += bytes
  }

  /** What another server writes belongs to a step that runs. */
  async function endLeft(): Promise<void> {
    const left = await store.read
      .selectFrom('recordings')
      .leftJoin('steps', 'steps.id', 'recordings.step_id')
      .select('recordings.id')
      .where('recordings.ended_ms', 'is', null)
      .where('removed_ms', 'is', null)
      .where((e) => e.or([e('steps.id', 'is', null), e('steps.ended_ms', '<', clock.nowMs() - leftAfterMs)]))
      .limit(atOnce)
      .execute()
    for (const { id } of left) if (!open.has(id)) await ended(id, await digestOf(fileOf(id)))
  }

  async function removeOld(): Promise<void> {
    const { keepSeconds } = limits()
    const old = await store.read
      .selectFrom('recordings')
      .select(['id', 'bytes'])
      .where('removed_ms', 'is', null)
      .where('ended_ms', 'is not', null)
      .where('started_ms', '<=', clock.nowMs() - keepSeconds * 1000)
      .limit(atOnce)
      .execute()
    for (const { id } of old) {
      await rm(fileOf(id), { force: true })
      await store.writeAll((tables) => [
        tables.updateTable('recordings').set({ removed_ms: clock.nowMs() }).where('id', '=', id),
      ])
    }
    if (old.length > 0) endedBytes = await countEnded()
  }

  return {
    begin,
    next: () => (limits().keepSeconds === 0 ? undefined : newOrderedId<RecordingId>('rec', clock.nowMs())),
    async list(run) {
      const all = store.read.selectFrom('recordings').selectAll().orderBy('id', 'desc').limit(shownAtOnce)
      return await (run === undefined ? all : all.where('run_id', '=', run)).execute()
    },
    find: (id) => store.find('recordings', { id }),
    async read(id) {
      const row = store.find('recordings', { id })
      if (row === undefined || row.removed_ms !== null) return undefined
      return (await isThere(fileOf(row.id))) ? createReadStream(fileOf(row.id)) : undefined
    },
    sweep: () =>
      (sweeping ??= (async () => {
        await endLeft()
        await removeOld()
      })().finally(() => (sweeping = undefined))),
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** Of what a server that was killed has left of it. */
async function digestOf(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  if (await isThere(file))
    for await (const chunk of createReadStream(file)) {
      hash.update(chunk as Buffer)
      bytes += (chunk as Buffer).length
    }
  return { bytes, sha256: hash.digest('hex') }
}
