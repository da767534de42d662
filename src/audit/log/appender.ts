import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../lib/index.ts'
import type { FailureSwitch } from './failure.ts'
import { type AppendOutcome, type Group, type Job, type NewEntry, planGroup, takeJobs } from './group.ts'
import type { KeyWindow } from './key-window.ts'
import type { PeopleStore } from './people-store.ts'
import type { Wal } from './wal.ts'

/** An entry that is durable and not yet published: `prefixed` as its bundle holds it. */
export interface DurableEntry {
  prefixed: Buffer
  leafHash: Uint8Array
}

export interface QueueLimits {
  /** Entries that wait for the disk; one more is answered `busy`. */
  queueEntries: number
  queueBytes: number
  /** Bytes that are durable but not yet published. */
  unpublishedBytes: number
}

export interface Appender {
  /** Resolves when all of the entries are durable, or none was taken. Never rejects. */
  append(entries: NewEntry[]): Promise<AppendOutcome>
  /** What is durable and not yet released, in order. */
  durable(): readonly DurableEntry[]
  /** Forgets the first `count` durable entries: they are published. */
  release(count: number): void
  /** Of the newest entry that is durable; 0 before the first. */
  lastTimeMs(): number
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>
}

export interface AppenderDeps {
  wal: Wal
  people: PeopleStore
  window: KeyWindow
  /** The answer to every job of a group; made while the disk works, and handed out once it is done. */
  answer: (group: Group) => Promise<{ job: Job; outcome: AppendOutcome }[]>
  /** Told of each entry once it is on the disk, in order, before anybody has the answer. */
  onDurable?: (entry: DurableEntry) => void
  clock: Clock
  failure: FailureSwitch
  limits: QueueLimits
  /** What a person calls the log, if it is not the audit log. */
  log?: string
  /** Where to go on: from what was read back at the start. */
  start: { nextIndex: number; lastTimeMs: number; durable: DurableEntry[] }
}

/** Group commit: whatever waits while one write is under way goes into the next one, in order of arrival. */
export function createAppender(deps: AppenderDeps): Appender {
  const { wal, people, window, failure, limits, start } = deps
  const queue: Job[] = []
  let waiting = { entries: 0, bytes: 0 }
  let { nextIndex, lastTimeMs, durable } = start
  let unpublishedBytes = durable.reduce((sum, entry) => sum + entry.prefixed.length, 0)
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    // What arrives in the same turn of the event loop joins the group.
    await setImmediate()
    while (queue.length > 0) {
      const jobs = takeJobs(queue)
      await commit(jobs)
      for (const job of jobs) {
        waiting = { entries: waiting.entries - job.entries.length, bytes: waiting.bytes - job.bytes }
      }
    }
    running = undefined
  }

  async function commit(jobs: readonly Job[]): Promise<void> {
    const stopped = failure.current()
    if (stopped !== undefined) return refuse(jobs, stopped)
    // Time in the log never runs backwards, whatever the machine's clock does.
    lastTimeMs = Math.max(lastTimeMs, deps.clock.nowMs())
    try {
      const named = jobs.flatMap(({ entries }) => entries.flatMap(({ sealed = [] }) => sealed))
      const keys = await people.keysOf(named.map(({ person }) => person))
      const group = planGroup(jobs, window, keys, nextIndex, lastTimeMs)
      await write(group)
    } catch (error) {
      refuse(jobs, failure.fail(`writing ${deps.log ?? 'the audit log'}`, error))
    }
  }

  async function write(group: Group): Promise<void> {
    const named = group.fresh.flatMap(({ key, sealed = [] }, i) =>
      sealed.length === 0 ? [] : [{ index: nextIndex + i, id: key, sealed }],
    )
    // First the names: an entry that is durable never lacks them.
    if (named.length > 0) await people.keep(named)
    // Receipts are signed while the disk works; none leaves before it is done.
    const [prefixed, outcomes] = await Promise.all([
      group.fresh.length === 0 ? [] : wal.append(nextIndex, group.timeMs, group.fresh),
      deps.answer(group),
    ])
    for (const [i, { key, leafHash }] of group.fresh.entries()) {
      const bytes = prefixed[i] as Buffer
      const entry = { prefixed: bytes, leafHash: Buffer.from(leafHash, 'base64') }
      durable.push(entry)
      deps.onDurable?.(entry)
      window.add(key, { index: nextIndex++, leafHash, timeMs: group.timeMs })
      unpublishedBytes += bytes.length
    }
    for (const { job, outcome } of outcomes) job.resolve(outcome)
  }

  return {
    append(entries) {
      const stopped = failure.current()
      if (stopped !== undefined) return Promise.resolve(failed(stopped))
      const bytes = entries.reduce((sum, { entry }) => sum + entry.length, 0)
      const full =
        waiting.entries + entries.length > limits.queueEntries ||
        waiting.bytes + bytes > limits.queueBytes ||
        unpublishedBytes > limits.unpublishedBytes
      if (full) return Promise.resolve({ ok: false, reason: 'busy' })
      waiting = { entries: waiting.entries + entries.length, bytes: waiting.bytes + bytes }
      return new Promise((resolve) => {
        queue.push({ entries, bytes, resolve })
        running ??= run()
      })
    },
    durable: () => durable,
    release(count) {
      for (const entry of durable.slice(0, count)) unpublishedBytes -= entry.prefixed.length
      durable = durable.slice(count)
    },
    lastTimeMs: () => lastTimeMs,
    drain: async () => await running,
  }
}

function refuse(jobs: readonly Job[], failure: { status: 503 | 507; reason: string }): void {
  for (const job of jobs) job.resolve(failed(failure))
}

function failed({ status, reason }: { status: 503 | 507; reason: string }): AppendOutcome {
  return { ok: false, reason: 'failed', status, message: reason }
}
