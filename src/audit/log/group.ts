import { setImmediate } from 'node:timers/promises'
import { type Signer, signReceipt, signReceiptList } from '../sign/index.ts'
import type { SealedNames } from '../people/index.ts'
import type { Receipt } from '../verify/index.ts'
import type { KeyWindow, KnownEntry } from './key-window.ts'

/** An entry that a request hands in; `leafHash` is base64. */
export interface NewEntry {
  key: string
  entry: Buffer
  leafHash: string
  /** Names that stand beside it. */
  sealed?: readonly SealedNames[]
}

export type AppendOutcome =
  | { ok: true; receipts: Receipt[]; signature: string }
  | { ok: false; reason: 'busy' }
  | { ok: false; reason: 'conflict'; key: string }
  /** The log holds another key of this person than the one that came with their names. */
  | { ok: false; reason: 'other_key'; person: string }
  | { ok: false; reason: 'failed'; status: 503 | 507; message: string }

/** A request that waits for the disk. */
export interface Job {
  entries: NewEntry[]
  bytes: number
  resolve: (outcome: AppendOutcome) => void
}

/** What one write to the log will hold, and the jobs that wait for it. */
export interface Group {
  timeMs: number
  fresh: NewEntry[]
  answers: { job: Job; known: KnownEntry[] }[]
}

const groupEntries = 4_096
const groupBytes = 8_388_608

/** Takes from the queue what the next write will hold. */
export function takeJobs(queue: Job[]): Job[] {
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

/**
 * Gives new entries their numbers and repeated ones what they had; a job with a false repeat, or with another key of a
 * person than `keys` or a job before it has, takes no part.
 */
export function planGroup(
  jobs: readonly Job[],
  window: KeyWindow,
  keys: ReadonlyMap<string, string>,
  firstIndex: number,
  timeMs: number,
): Group {
  const group: Group = { timeMs, fresh: [], answers: [] }
  const inGroup = new Map<string, KnownEntry>()
  const personKeys = new Map(keys)
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
    const person = takeKeys(fresh, personKeys)
    if (person !== undefined) {
      job.resolve({ ok: false, reason: 'other_key', person })
      continue
    }
    for (const [key, entry] of inJob) inGroup.set(key, entry)
    group.fresh.push(...fresh)
    group.answers.push({ job, known })
  }
  return group
}

/** Adds the keys that come with these entries to the known ones; if one is another than is known, none, and says whose. */
function takeKeys(fresh: readonly NewEntry[], known: Map<string, string>): string | undefined {
  const taken = new Map<string, string>()
  for (const { person, key } of fresh.flatMap(({ sealed = [] }) => sealed)) {
    if ((known.get(person) ?? taken.get(person) ?? key) !== key) return person
    taken.set(person, key)
  }
  for (const [person, key] of taken) known.set(person, key)
  return undefined
}

/** The answer to every job of the group; not to leave before the group is on the disk. */
export async function signGroup(
  group: Group,
  signer: Signer,
): Promise<{ job: Job; outcome: AppendOutcome }[]> {
  const outcomes: { job: Job; outcome: AppendOutcome }[] = []
  let signed = 0
  for (const { job, known } of group.answers) {
    const receipts: Receipt[] = []
    for (const entry of known) {
      receipts.push(signReceipt(entry, signer))
      // Near 1 ms of signatures, then a turn of the event loop: the disk's answer must not wait for them all.
      if (++signed % 32 === 0) await setImmediate()
    }
    outcomes.push({ job, outcome: { ok: true, receipts, signature: signReceiptList(receipts, signer) } })
  }
  return outcomes
}
