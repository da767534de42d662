import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { MayflyError, type Clock, type RunId, type StepId } from '../lib/index.ts'
import { insertRow, type Store } from '../store/index.ts'
import type { LogLimits } from './log-limits.ts'
import type { LogStorage } from './log-storage.ts'
import { createRetention } from './retention.ts'

/** What is kept of a log, or was at some moment: how many plain bytes, and their SHA-256 in hex. */
export interface LogDigest {
  readonly bytes: number
  readonly sha256: string
}

export interface Taken {
  /** What there is now: from there on the next piece goes. */
  readonly size: number
  /** Why there is nothing more to send, if so. */
  readonly full?: string
}

/** The logs of steps: what their runners send while they run, and what is read of it. */
export interface StepLogs {
  /**
   * Takes a piece that begins at `offset`; one that begins elsewhere than where the log ends is left, and `size` says where that
   * is. Throws `disk_full`, `store_failed`, and `revoked` for a log that is closed.
   */
  put(step: { id: StepId; run: RunId }, offset: number, bytes: Buffer): Promise<Taken>
  /** What there is of it now; undefined if nothing. */
  digest(step: StepId): Promise<LogDigest | undefined>
  /** Its plain bytes from `from` on, as far as there are any now; undefined if nothing is kept. */
  read(step: StepId, from: number): Promise<Readable | undefined>
  /** Seals what has ended, removes what is too old or too much. Called every second. */
  sweep(): Promise<void>
  /** Removes the logs of these steps, whose bytes people want gone; returns how many. Those that still run are left. */
  remove(steps: readonly StepId[]): Promise<number>
}

interface OpenLog {
  size: number
  readonly hash: Hash
  /** One piece after the other: a runner that sends two at once has one of them left. */
  last: Promise<unknown>
}

export async function createStepLogs(deps: {
  store: Store
  storage: LogStorage
  clock: Clock
  limits: () => LogLimits
}): Promise<StepLogs> {
  const { store, storage, clock, limits } = deps
  const open = new Map<StepId, Promise<OpenLog>>()
  /** Being sealed: nothing is added to them any more. */
  const closing = new Set<StepId>()
  let openBytes = 0
  const retention = await createRetention({ ...deps, openBytes: () => openBytes, close })

  async function close(step: StepId): Promise<void> {
    closing.add(step)
    await (
      await open.get(step)?.catch(() => undefined)
    )?.last
    forget(step)
  }

  function forget(step: StepId): void {
    const log = open.get(step)
    open.delete(step)
    log?.then(
      ({ size }) => (openBytes -= size),
      () => undefined,
    )
  }

  function opened(step: StepId, run?: RunId): Promise<OpenLog> {
    const known = open.get(step)
    if (known !== undefined) return known
    const opening = load(step, run)
    open.set(step, opening)
    opening.catch(() => open.delete(step))
    return opening
  }

  /** After a restart, or a piece that was written in part, what is on disk is read once. */
  async function load(step: StepId, run: RunId | undefined): Promise<OpenLog> {
    const row = store.find('step_logs', { step_id: step })
    if (closing.has(step) || (row !== undefined && row.sealed_ms !== null)) throw closed()
    if (row === undefined && run !== undefined)
      await store.writeAll(() => [insertRow('step_logs', newRow(step, run, clock.nowMs()))])
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of (await storage.readOpen(step, 0)) ?? []) {
      hash.update(chunk as Buffer)
      size += (chunk as Buffer).length
    }
    openBytes += size
    return { size, hash, last: Promise.resolve() }
  }

  function inTurn<T>(log: OpenLog, work: () => Promise<T>): Promise<T> {
    const mine = log.last.then(work, work)
    log.last = mine.catch(() => undefined)
    return mine
  }

  async function add(step: StepId, log: OpenLog, offset: number, bytes: Buffer): Promise<Taken> {
    const { maxStepBytes, maxTotalBytes } = limits()
    if (offset !== log.size) return { size: log.size }
    if (log.size + bytes.length > maxStepBytes)
      return { size: log.size, full: `logs.max_step allows ${maxStepBytes} bytes` }
    if (retention.sealedBytes() + openBytes + bytes.length > maxTotalBytes)
      throw new MayflyError(
        'disk_full',
        `the logs that the server keeps have reached logs.max_total (${maxTotalBytes} bytes)`,
      )
    openBytes += bytes.length
    try {
      await storage.put(step, bytes)
    } catch (error) {
      openBytes -= bytes.length
      forget(step)
      throw error
    }
    log.hash.update(bytes)
    log.size += bytes.length
    return { size: log.size }
  }

  return {
    async put({ id: step, run }, offset, bytes) {
      if (limits().keepSeconds === 0) return { size: 0, full: 'the policy says logs.keep: none' }
      const log = await opened(step, run)
      return await inTurn(log, () => {
        if (closing.has(step)) throw closed()
        return add(step, log, offset, bytes)
      })
    },
    async digest(step) {
      const row = store.find('step_logs', { step_id: step })
      if (row === undefined) return undefined
      if (row.sealed_ms !== null) return row.sha256 === null ? undefined : digestOf(row.bytes, row.sha256)
      const log = await opened(step)
      return await inTurn(log, async () => digestOf(log.size, log.hash.copy().digest('hex')))
    },
    async read(step, from) {
      // It may be sealed, and the open one removed, between the two looks.
      for (const _ of [1, 2]) {
        const row = store.find('step_logs', { step_id: step })
        if (row === undefined || row.removed_ms !== null) return undefined
        const found =
          row.sha256 === null
            ? await storage.readOpen(step, from)
            : await storage.readSealed(step, row.sha256, from)
        if (found !== undefined) return found
      }
      return undefined
    },
    sweep: () => retention.sweep(),
    remove: (steps) => retention.removeAll(steps),
  }
}

function newRow(step: StepId, run: RunId, nowMs: number) {
  return {
    step_id: step,
    run_id: run,
    opened_ms: nowMs,
    sealed_ms: null,
    bytes: 0,
    stored_bytes: 0,
    sha256: null,
    claimed_ms: null,
    removed_ms: null,
    remove_reason: null,
  }
}

function digestOf(bytes: number, sha256: string): LogDigest {
  return { bytes, sha256 }
}

function closed(): MayflyError {
  return new MayflyError('revoked', 'the log of this step is closed')
}
