import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { FatalError, messageOf } from '../../lib/index.ts'
import { type FileSystem, lockFolder, readIfThere, replaceFile, systemFs } from '../disk/index.ts'
import { createExporter, type ExportFormat } from '../export/index.ts'
import {
  type Checkpoint,
  createTileHashes,
  type LogSource,
  parseEntry,
  proveConsistency,
  readEntries,
  textOf,
  type Verifier,
  verifyCheckpoint,
  verifyConsistency,
} from '../verify/index.ts'
import { type Cursor, openCursor } from './cursor.ts'
import type { Sink, SinkEntry } from './sink.ts'

export interface ForwarderOptions {
  source: LogSource
  verifier: Verifier
  /** Cursors stand here, one file for each sink. */
  folder: string
  sinks: Readonly<Record<string, { sink: Sink; format: ExportFormat }>>
  tell: (line: string) => void
  pollMs?: number
  /** The longest pause after failures; it begins at `pollMs` and doubles. */
  maxPauseMs?: number
  fs?: FileSystem
}

export interface Forwarder {
  /** What each sink has yet to get, by its name. */
  behind(): Record<string, number>
  /** Rejects when the log is not to be believed any more, or a cursor cannot be written. */
  failed: Promise<never>
  close(): Promise<void>
}

const batchEntries = 256

/** Starts pushing. Throws a FatalError `data_folder` for cursors in use, damaged, or of another log. */
export async function startForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const { source, verifier, folder, tell, fs = systemFs, pollMs = 500, maxPauseMs = 60_000 } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = lockFolder(folder, 'the forwarder')
  const stopping = new AbortController()
  const { signal } = stopping
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const cursors: [name: string, Cursor][] = []
  try {
    for (const name of Object.keys(options.sinks))
      cursors.push([name, await openCursor(fs, folder, name, verifier.name)])
  } catch (error) {
    lock.release()
    throw error
  }
  const watch = createWatch(source, verifier, join(folder, 'checkpoint'), fs)
  let published: Checkpoint | undefined
  const size = () => published?.size ?? 0

  /** One look at the log for all sinks; what it says is believed only if it extends what it said before. */
  async function follow(): Promise<void> {
    for (let quiet = true; !signal.aborted; await pause(pollMs, signal)) {
      try {
        published = await watch()
        quiet = true
      } catch (error) {
        if (error instanceof FatalError) return failed.reject(error)
        if (quiet) tell(`the audit log cannot be read, and is tried again: ${messageOf(error)}`)
        quiet = false
      }
    }
  }

  async function push(name: string, cursor: Cursor): Promise<void> {
    const { sink, format } = options.sinks[name]!
    for (let failures = 0; !signal.aborted;) {
      if (cursor.next() >= size()) {
        await pause(pollMs, signal)
        continue
      }
      const problem = await pushBatch(cursor, sink, format).catch(messageOf)
      if (problem === undefined) {
        if (failures > 0) tell(`sink ${name} takes entries again, from ${cursor.next()} on`)
        failures = 0
        continue
      }
      if (signal.aborted) return
      if (failures++ === 0)
        tell(`sink ${name} takes nothing, entry ${cursor.next()} waits and is tried again: ${problem}`)
      await pause(Math.min(pollMs * 2 ** failures, maxPauseMs), signal)
    }
  }

  async function pushBatch(cursor: Cursor, sink: Sink, format: ExportFormat): Promise<string | undefined> {
    const from = cursor.next()
    const batch: SinkEntry[] = []
    if (published === undefined) return undefined
    const range = { from, to: from + batchEntries, under: published }
    for await (const one of readEntries(source, range)) batch.push(sinkEntry(one, format))
    if (signal.aborted) return undefined
    const { delivered, problem } = await sink.deliver(batch, signal)
    if (delivered > 0)
      await cursor.moveTo(from + delivered).catch((error: unknown) => {
        failed.reject(error)
        stopping.abort()
      })
    return problem
  }

  const running = [follow(), ...cursors.map(([name, cursor]) => push(name, cursor))]
  return {
    behind: () =>
      Object.fromEntries(cursors.map(([name, cursor]) => [name, Math.max(0, size() - cursor.next())])),
    failed: failed.promise,
    async close() {
      stopping.abort()
      await Promise.all(running)
      for (const { sink } of Object.values(options.sinks)) sink.close()
      lock.release()
    },
  }
}

function sinkEntry({ index, bytes }: { index: number; bytes: Uint8Array }, format: ExportFormat): SinkEntry {
  const entry = parseEntry(bytes)
  // What this version cannot read is handed on all the same.
  const line = createExporter(entry === undefined ? 'ndjson' : format, {})(index, bytes) ?? ''
  const { type = 'unknown', time = '', run } = entry ?? {}
  // The log takes such ids only, but does not read entries: one that no header can hold would hold up its sink for good.
  const id = /^[\x21-\x7e]{1,128}$/.test(entry?.id ?? '') ? (entry?.id ?? '') : `entry-${index}`
  return { index, id, type, time, run, line }
}

/** Gives the log's checkpoint at each call, once it is verified and extends the last one, which is kept. */
function createWatch(
  source: LogSource,
  verifier: Verifier,
  path: string,
  fs: FileSystem,
): () => Promise<Checkpoint> {
  let last: Checkpoint | undefined
  return async () => {
    last ??= await readBack()
    const note = await source.read('checkpoint')
    if (note === undefined) throw new Error('it has no checkpoint')
    const next = await open(note)
    if (next === undefined)
      throw new FatalError(
        'audit_corrupt',
        `the checkpoint of ${source.name} is not signed by ${verifier.name}`,
      )
    if (last !== undefined) await extend(last, next)
    if (next.size !== last?.size) await replaceFile(fs, path, Buffer.from(note), 0o600)
    last = next
    return next
  }

  /** What was believed before the last end. One that cannot be read would let any log through: it is refused. */
  async function readBack(): Promise<Checkpoint | undefined> {
    const note = await readIfThere(fs, path)
    const kept = await open(note)
    if (note === undefined || kept !== undefined) return kept
    throw new FatalError(
      'audit_corrupt',
      `${path} is not a checkpoint signed by ${verifier.name}: restore it, or remove it to believe the log as it is now`,
    )
  }

  async function open(note: Uint8Array | undefined): Promise<Checkpoint | undefined> {
    const verdict = note === undefined ? undefined : await verifyCheckpoint(textOf(note), verifier)
    return verdict?.ok === true ? verdict.checkpoint : undefined
  }

  async function extend(older: Checkpoint, newer: Checkpoint): Promise<void> {
    const hashes = createTileHashes(source, newer.size)
    const proof = older.size > newer.size ? [] : await proveConsistency(hashes, older.size, newer.size)
    const claim = { oldSize: older.size, newSize: newer.size, oldRoot: older.root, newRoot: newer.root }
    if (verifyConsistency(claim, proof)) return
    throw new FatalError(
      'audit_corrupt',
      `${source.name} does not extend the ${older.size} entries it had: it was rolled back, rewritten or forked; nothing is forwarded`,
    )
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
}
