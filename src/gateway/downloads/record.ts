import { MayflyError, newId, type StepId } from '../../lib/index.ts'
import type { AuditClient } from '../../audit/client/index.ts'
import {
  stepEvent,
  type SeenFile,
  type Step,
  type StoredFirstSeen,
  type StoredStepMaterials,
} from '../../broker/index.ts'
import { keptOf, nextBatch } from './record-parts.ts'
import type { Accepted, Done, Downloaded, Given, Waits } from './recorded.ts'

/** Something is on its way to a step. */
export interface Carried {
  /** The step may get the end of it. Rejects if the store cannot be written: it must not. */
  readonly ready: Promise<void>
  /** It is added, or did not come. */
  done(): void
}

/**
 * The record of what steps downloaded: hundreds of files are a few entries. That a step may have what its lockfile pins is
 * durable before the first of them; which ones it had is written every second, and before its end. So is what upstreams took. That
 * something is not written yet is in the store before the step has it: a server that is killed then leaves that behind, and the
 * step's provenance says that it may lack something.
 */
export interface DownloadRecord {
  /** Before a file goes to the step; it is added before `done`. */
  carry(step: Step): Carried
  /** Adds what the step is about to be given as a whole. Rejects if the store cannot be written: it must not be given then. */
  give(step: Step, connection: string, given: readonly Given[]): Promise<void>
  /** `seen`: where the store has it, if it does, which learns that the log has it, too. */
  add(step: Step, connection: string, file: Downloaded, seen: SeenFile | undefined): void
  /** What an upstream took, which is written at once. */
  accepted(step: Step, connection: string, done: Accepted): void
  /** Writes what waits; resolves when it is durable. Rejects if it cannot be written: it waits on then. */
  flush(step: Step): Promise<void>
  /** The same once what is on its way has arrived, or was cut off, for a moment: the step's tools are gone. */
  settle(step: Step): Promise<void>
  /** Throws `audit_unavailable` while what was downloaded cannot be recorded: no more is given then. */
  assertWritable(step: Step): void
  /** The step is over: what waits is written, and the rest forgotten. */
  end(step: Step): void
}

const intervalMs = 1_000
/** The connections of tools that are gone are closed by then. */
const arriveMs = 1_000
/** Files that wait because the log is away; more are not given out. */
const maxWaiting = 10_000

/** What an entry of each type calls its list. */
const membersOf: Readonly<Record<Done['type'], string>> = {
  'packages.downloaded': 'packages',
  'packages.published': 'packages',
  'git.pushed': 'refs',
  fetched: 'commits',
  'operations.done': 'operations',
}

interface Waiting {
  readonly done: Waits[]
  /** Those of them that the store does not have yet. */
  readonly unkept: Waits[]
  /** How many are on their way to the step. */
  carrying: number
  /** The store knows, or will, that something is owed to it. */
  marked: Promise<void> | undefined
  /** One at a time: who waits for it knows that all from before are there, too. */
  keeping: Promise<void>
  writing: Promise<void> | undefined
  failed: boolean
  timer: NodeJS.Timeout | undefined
}

export function createDownloadRecord(deps: {
  audit: AuditClient
  firstSeen?: StoredFirstSeen | undefined
  materials?: StoredStepMaterials | undefined
}): DownloadRecord {
  const steps = new Map<StepId, Waiting>()
  /** This process: what it forgets by dying is nobody else's. */
  const carrier = newId<string>('car')

  function of(step: Step): Waiting {
    const known = steps.get(step.id) ?? {
      ...{ done: [], unkept: [], keeping: Promise.resolve(), carrying: 0, marked: undefined },
      ...{ writing: undefined, failed: false, timer: undefined },
    }
    steps.set(step.id, known)
    return known
  }

  /** For the step's provenance, which must not lack what it had because the log is away. */
  function keep(step: Step, waiting: Waiting): Promise<void> {
    const kept = waiting.keeping.then(() => keepNew(step, waiting))
    waiting.keeping = kept.catch(() => undefined)
    return kept
  }

  async function keepNew(step: Step, waiting: Waiting): Promise<void> {
    const { unkept, marked } = waiting
    const fresh = unkept.splice(0)
    // Whatever goes to the step from here on marks it anew, by a write that comes after this one.
    const settles = marked !== undefined && waiting.carrying === 0
    if (fresh.length === 0 && !settles) return
    if (settles) waiting.marked = undefined
    try {
      await deps.materials?.keep(step, keptOf(fresh), settles ? carrier : undefined)
    } catch (error) {
      unkept.unshift(...fresh)
      if (settles) waiting.marked ??= marked
      throw error
    }
  }

  function carry(step: Step): Carried {
    const waiting = of(step)
    waiting.carrying++
    const marked = (waiting.marked ??= deps.materials?.carry(step, carrier) ?? Promise.resolve())
    marked.catch(() => {
      if (waiting.marked === marked) waiting.marked = undefined
    })
    let isOver = false
    return {
      ready: marked,
      done() {
        if (isOver) return
        isOver = true
        waiting.carrying--
        // What did not come is not owed.
        if (waiting.carrying === 0) later(step, waiting)
      },
    }
  }

  async function settle(step: Step): Promise<void> {
    const until = performance.now() + arriveMs
    while ((steps.get(step.id)?.carrying ?? 0) > 0 && performance.now() < until)
      await new Promise((next) => setTimeout(next, 10))
    await flush(step)
  }

  function wait(step: Step, one: Waits): Waiting {
    const waiting = of(step)
    waiting.done.push(one)
    waiting.unkept.push(one)
    return waiting
  }

  async function writeAll(step: Step, waiting: Waiting): Promise<void> {
    while (waiting.done.length > 0) {
      const batch = nextBatch(waiting.done)
      const [first] = batch
      if (first === undefined) return
      const { type, connection } = first
      const members = batch.map(({ item }) => item)
      // First: what the log has must be in the step's provenance, too.
      await keep(step, waiting)
      if (type !== 'fetched')
        await deps.audit.append(stepEvent(step, type, { connection, [membersOf[type]]: members }))
      waiting.done.splice(0, batch.length)
      waiting.failed = false
      const seen = batch.flatMap((one) =>
        one.type === 'packages.downloaded' && one.item.first === true && one.seen !== undefined
          ? [one.seen]
          : [],
      )
      // The next one who has such a file is the first in the log again, if this fails.
      if (seen.length > 0) await deps.firstSeen?.recorded(seen).catch(() => undefined)
    }
  }

  async function flush(step: Step): Promise<void> {
    const waiting = steps.get(step.id)
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    waiting.timer = undefined
    const writing = write(step, waiting)
    // What came since that began is in the store as well when this has ended, even if the log takes none of it.
    const kept = keep(step, waiting)
    await Promise.allSettled([kept, writing])
    await kept
    await writing
  }

  function write(step: Step, waiting: Waiting): Promise<void> {
    waiting.writing ??= writeAll(step, waiting)
      .catch((error: unknown) => {
        waiting.failed = true
        later(step, waiting)
        throw error
      })
      .finally(() => (waiting.writing = undefined))
    return waiting.writing
  }

  function later(step: Step, waiting: Waiting): void {
    waiting.timer ??= setTimeout(() => void flush(step).catch(() => undefined), intervalMs).unref()
  }

  return {
    flush,
    settle,
    carry,
    async give(step, connection, given) {
      const carried = carry(step)
      try {
        await carried.ready
        for (const one of given)
          wait(
            step,
            one.type === 'fetched' ? { ...one, connection } : { ...one, connection, seen: undefined },
          )
      } finally {
        carried.done()
      }
    },
    add(step, connection, file, seen) {
      later(step, wait(step, { type: 'packages.downloaded', connection, item: file, seen }))
    },
    accepted(step, connection, done) {
      const waiting = wait(step, { ...done, connection })
      // What a connection came to is known once it is closed, which its step's end may have done.
      if (step.endReason !== undefined) return this.end(step)
      if (done.type === 'operations.done') later(step, waiting)
      else flush(step).catch(() => undefined)
    },
    assertWritable(step) {
      const waiting = steps.get(step.id)
      if (waiting?.failed === true || (waiting?.done.length ?? 0) > maxWaiting)
        throw new MayflyError(
          'audit_unavailable',
          'what the step downloads cannot be recorded now: is the audit log there? Try again when it is',
        )
    },
    end(step) {
      flush(step)
        .catch(() => undefined)
        .finally(() => steps.delete(step.id))
    },
  }
}
