import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../lib/index.ts'
import { type Receipt, type Signer, signReceipt, signReceiptList } from '../verify/index.ts'
import type { FailureSwitch } from './failure.ts'
import type { KeyWindow, KnownEntry } from './key-window.ts'
import type { Wal } from './wal.ts'

/** An entry that a request hands in; `leafHash` is base64. */
export interface NewEntry {
  key: string
  entry: Buffer
  leafHash: string
}

/** An entry that is durable and not yet published: `prefixed` as its bundle holds it. */
export interface DurableEntry {
  prefixed: Buffer
  leafHash: Buffer
}

export type AppendOutcome =
  | { ok: true; receipts: Receipt[]; signature: string }
  | { ok: false; reason: 'busy' }
  | { ok: false; reason: 'conflict'; key: string }
  | { ok: false; reason: 'failed'; status: 503 | 507; message: string }

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
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>
}

export interface AppenderDeps {
  wal: Wal
  window: KeyWindow
  signer: Signer
  clock: Clock
  failure: FailureSwitch
  limits: QueueLimits
  /** Where to go on: from what was read back at the start. */
  start: { nextIndex: number; lastTimeMs: number; durable: DurableEntry[] }
}

interface Job {
  entries: NewEntry[]
  bytes: number
  resolve: (outcome: AppendOutcome) => void
}

/** What one write to the log will hold, and the jobs that wait for it. */
interface Group {
  timeMs: number
  fresh: NewEntry[]
  answers: { job: Job; known: KnownEntry[] }[]
}

const groupEntries = 4_096
const groupBytes = 8_388_608

/** Group commit: whatever waits while one write is under way goes into the next one, in order of arrival. */
export function createAppender(deps: AppenderDeps): Appender {
  const { wal, window, signer, failure, limits, start } = deps
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
    const group = planGroup(jobs, window, nextIndex, lastTimeMs)
    try {
      // Receipts are signed while the disk works; none leaves before it is done.
      const [prefixed, outcomes] = await Promise.all([
        group.fresh.length === 0 ? [] : wal.append(nextIndex, group.timeMs, group.fresh),
        signGroup(group, signer),
      ])
      for (const [i, { key, leafHash }] of group.fresh.entries()) {
        const bytes = prefixed[i] as Buffer
        durable.push({ prefixed: bytes, leafHash: Buffer.from(leafHash, 'base64') })
        window.add(key, { index: nextIndex++, leafHash, timeMs: group.timeMs })
        unpublishedBytes += bytes.length
      }
      for (const { job, outcome } of outcomes) job.resolve(outcome)
    } catch (error) {
      refuse(jobs, failure.fail('writing the audit log', error))
    }
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
    drain: async () => await running,
  }
}

function takeJobs(queue: Job[]): Job[] {
  let entries = 0
  let bytes = 0
  let count = 0
  for (const job of queue) {
    entries += job.entries.length
    bytes += job.bytes
    if (count > 0 && (entries > groupEntries || bytes > groupBytes)) break
    count++
  }
  return queue.splice(0, count)
}

/** Gives new entries their numbers and repeated ones what they had; a job with a false repeat takes no part. */
function planGroup(jobs: readonly Job[], window: KeyWindow, firstIndex: number, timeMs: number): Group {
  const group: Group = { timeMs, fresh: [], answers: [] }
  const inGroup = new Map<string, KnownEntry>()
  for (const job of jobs) {
    const inJob = new Map<string, KnownEntry>()
    const fresh: NewEntry[] = []
    const known: KnownEntry[] = []
    let conflict: string | undefined
    for (const one of job.entries) {
      const { key, leafHash } = one
      let entry = window.get(key) ?? inGroup.get(key) ?? inJob.get(key)
      if (entry === undefined) {
        entry = { index: firstIndex + group.fresh.length + fresh.length, leafHash, timeMs }
        inJob.set(key, entry)
        fresh.push(one)
      }
      if (entry.leafHash !== leafHash) conflict ??= key
      known.push(entry)
    }
    if (conflict !== undefined) {
      job.resolve({ ok: false, reason: 'conflict', key: conflict })
      continue
    }
    for (const [key, entry] of inJob) inGroup.set(key, entry)
    group.fresh.push(...fresh)
    group.answers.push({ job, known })
  }
  return group
}

async function signGroup(group: Group, signer: Signer): Promise<{ job: Job; outcome: AppendOutcome }[]> {
  const outcomes: { job: Job; outcome: AppendOutcome }[] = []
  let signed = 0
  for (const { job, known } of group.answers) {
    const receipts: Receipt[] = []
    for (const entry of known) {
      receipts.push(signReceipt(entry, signer))
      // Near 2 ms of signatures, then a turn of the event loop: the disk's answer must not wait for them all.
      if (++signed % 64 === 0) await setImmediate()
    }
    outcomes.push({ job, outcome: { ok: true, receipts, signature: signReceiptList(receipts, signer) } })
  }
  return outcomes
}

function refuse(jobs: readonly Job[], failure: { status: 503 | 507; reason: string }): void {
  for (const job of jobs) job.resolve(failed(failure))
}

function failed({ status, reason }: { status: 503 | 507; reason: string }): AppendOutcome {
  return { ok: false, reason: 'failed', status, message: reason }
}
