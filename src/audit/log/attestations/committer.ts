import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../../lib/index.ts'
import type { FileSystem } from '../../disk/index.ts'
import type { Signer } from '../../sign/index.ts'
import type { LogSource } from '../../verify/index.ts'
import {
  buildCommit,
  type Commit,
  type Cosign,
  finishCommit,
  lockCommit,
  pathsOf,
  publishNote,
  type Published,
  stageCommit,
} from '../commit.ts'
import type { DurableEntry } from '../appender.ts'
import type { FailureSwitch } from '../failure.ts'
import type { KeyWindow } from '../key-window.ts'
import type { Wal } from '../wal.ts'
import {
  type IncludeJob,
  type IncludeOutcome,
  type Leaf,
  planIncludes,
  prefixedOf,
  takeIncludes,
} from './group.ts'
import { proverOf } from './proofs.ts'

export interface CommitterDeps {
  readonly fs: FileSystem
  readonly folder: string
  readonly source: LogSource
  readonly signer: Signer
  readonly wal: Wal
  readonly window: KeyWindow
  readonly published: Published
  readonly start: { readonly lastTimeMs: number; readonly durable: readonly DurableEntry[] }
  readonly clock: Clock
  readonly failure: FailureSwitch
  /** The log's own line with the time; witnesses are asked later. */
  readonly timed: Cosign
  /** Told of each checkpoint that was published. */
  readonly onPublished: (note: string) => void
  readonly queueEntries: number
}

export interface Committer {
  /** Resolves once the entries are under a signed checkpoint that outlives any crash, or none was taken. Never rejects. */
  include(leaves: readonly Leaf[]): Promise<IncludeOutcome>
  /** Publishes what a start found durable and not yet published. Never rejects. */
  publishFound(): Promise<void>
  /** Publishes the newest checkpoint again, with these lines, unless there is a newer one. Never rejects. */
  publishAgain(note: string, lines: Cosign): Promise<void>
  note(): string
  size(): number
  lastTimeMs(): number
  drain(): Promise<void>
}

/** A kept checkpoint is what a verifier compares the tree with: one a second says as much as one for each signing. */
const keepEveryMs = 1_000

/**
 * One commit at a time; whatever waits meanwhile goes into the next one. There is no timer: the first that comes goes at once.
 * Answers leave when the lock is taken: from then on the log is bound to the commit, and a restart completes it.
 */
export function createCommitter(deps: CommitterDeps): Committer {
  const { fs, folder, signer, wal, window, failure } = deps
  const queue: IncludeJob[] = []
  const tasks: (() => Promise<void>)[] = []
  let { published } = deps
  let { lastTimeMs } = deps.start
  let keptMs = Number.NEGATIVE_INFINITY
  let waiting = 0
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    // What arrives in the same turn of the event loop joins the group.
    await setImmediate()
    while (queue.length > 0 || tasks.length > 0) {
      const task = tasks.shift()
      if (task === undefined) await commitJobs(takeIncludes(queue))
      else await task().catch((error: unknown) => failure.fail('publishing the attestation log', error))
    }
    running = undefined
  }

  async function commitJobs(jobs: readonly IncludeJob[]): Promise<void> {
    try {
      const stopped = failure.current()
      if (stopped === undefined) await include(jobs)
      else refuse(jobs, stopped)
    } catch (error) {
      refuse(jobs, failure.fail('writing the attestation log', error))
    }
    for (const { leaves } of jobs) waiting -= leaves.length
  }

  async function include(jobs: readonly IncludeJob[]): Promise<void> {
    const plan = planIncludes(jobs, window, published.tree.size)
    if (plan.fresh.length === 0) return await answer(plan.answers, published, undefined)
    lastTimeMs = Math.max(lastTimeMs, deps.clock.nowMs())
    const base = published
    const durable = plan.fresh.map(({ entry, leafHash }) => ({ prefixed: prefixedOf(entry), leafHash }))
    const commit = await buildCommit(base, durable, signer)
    const records = plan.fresh.map(({ key, entry }) => ({ key, entry }))
    await both(wal.append(base.tree.size, lastTimeMs, records), stageCommit(fs, folder, commit))
    await answer(plan.answers, commit.next, commit, lockCommit(fs, folder, base, commit))
    for (const [i, { key, leafHash }] of plan.fresh.entries())
      window.add(key, { index: base.tree.size + i, leafHash: leafHash.toBase64(), timeMs: lastTimeMs })
    await finish(commit)
  }

  async function finish(commit: Commit): Promise<void> {
    published = commit.next
    const nowMs = deps.clock.nowMs()
    const keep = Math.abs(nowMs - keptMs) >= keepEveryMs
    if (keep) keptMs = nowMs
    const { note, tree } = commit.next
    await finishCommit(fs, folder, commit.name, note, pathsOf(commit), deps.timed, { keep })
    await wal.dropBefore(tree.size)
    window.forgetBefore(wal.firstIndex())
    deps.onPublished(note)
  }

  /** Gives every job its proofs, which are made while the disk takes the lock. */
  async function answer(
    answers: readonly { job: IncludeJob; indexes: readonly number[] }[],
    { tree, note = '' }: Published,
    commit: Commit | undefined,
    locked: Promise<void> = Promise.resolve(),
  ): Promise<void> {
    locked.catch(() => undefined)
    const prove = proverOf(deps.source, tree.size, commit?.files ?? [])
    const head = { treeSize: tree.size, rootHash: tree.root(), checkpoint: note }
    const proven = []
    for (const { job, indexes } of answers) {
      const entries = []
      for (const index of indexes) entries.push({ index, hashes: await prove(index) })
      proven.push({ job, entries })
    }
    await locked
    for (const { job, entries } of proven) job.resolve({ ok: true, ...head, entries })
  }

  /** Between two commits. */
  function inTurn(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      tasks.push(async () => await task().finally(resolve))
      running ??= run()
    })
  }

  return {
    include(leaves) {
      const stopped = failure.current()
      if (stopped !== undefined) return Promise.resolve(failed(stopped))
      if (waiting + leaves.length > deps.queueEntries) return Promise.resolve({ ok: false, reason: 'busy' })
      waiting += leaves.length
      return new Promise((resolve) => {
        queue.push({ leaves, resolve })
        running ??= run()
      })
    },
    publishFound: () =>
      inTurn(async () => {
        if (deps.start.durable.length === 0 || published.tree.size !== deps.published.tree.size) return
        const commit = await buildCommit(published, deps.start.durable, signer)
        await stageCommit(fs, folder, commit)
        await lockCommit(fs, folder, published, commit)
        await finish(commit)
      }),
    publishAgain: (note, lines) =>
      inTurn(async () => {
        if (failure.current() !== undefined || note !== published.note) return
        await publishNote(fs, folder, note, lines, { again: true })
      }),
    note: () => published.note ?? '',
    size: () => published.tree.size,
    lastTimeMs: () => lastTimeMs,
    drain: async () => await running,
  }
}

/** Both to their end: of one that fails the other must not go on writing after the log has stopped. */
async function both(...work: readonly Promise<unknown>[]): Promise<void> {
  for (const one of await Promise.allSettled(work)) if (one.status === 'rejected') throw one.reason
}

function refuse(jobs: readonly IncludeJob[], failure: { status: 503 | 507; reason: string }): void {
  for (const job of jobs) job.resolve(failed(failure))
}

function failed({ status, reason }: { status: 503 | 507; reason: string }): IncludeOutcome {
  return { ok: false, reason: 'failed', status, message: reason }
}
