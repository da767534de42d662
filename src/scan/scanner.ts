import { availableParallelism } from 'node:os'
import type { Looked, ScanSettings, Told } from './model.ts'
import type { Batch } from './sources/index.ts'
import { startThread, threadFailed, type ScanThread } from './thread.ts'

/** More would need more memory than a scan may take: each has tables of its own. */
const mostThreads = 4

export interface ScannerOptions {
  readonly settings?: ScanSettings
  readonly threads?: number
  /** By which it is told whether an entry of the allow list, or an ignore comment, still counts. */
  readonly nowMs: number
  /** A thread that one input holds up for longer is ended, and the input is told as unseen; 30 s. */
  readonly maxHeldMs?: number
}

export interface Scanner extends AsyncDisposable {
  /** Looks at all that a source yields, in several threads. Throws what the source throws, and thread_failed. */
  scan(source: AsyncIterable<Batch> | Iterable<Batch>, told: Told): Promise<Looked>
}

/** Its threads are started as there is work for them, and hold up no process when there is none. */
export function createScanner(options: ScannerOptions): Scanner {
  const { settings = {}, nowMs, maxHeldMs = 30_000 } = options
  const most = options.threads ?? Math.min(mostThreads, availableParallelism())
  const threads = createThreads(most, () => startThread({ settings, nowMs, maxHeldMs }))

  /** Goes on behind a part that ended its thread. */
  async function look(batch: Batch, told: Told): Promise<number> {
    let rest = batch
    while (rest.parts.length > 0) {
      const thread = await threads.take()
      const outcome = await thread.look(rest, told).finally(() => threads.giveBack(thread))
      if (outcome.ok) return outcome.bytes
      const part = rest.parts[outcome.part]
      if (part === undefined || threads.areClosed()) throw threadFailed(outcome.why)
      const why = `it ended the thread that looked at it: ${outcome.why}`
      const { name, blob } = part
      told.unseen({ name, code: 'limit', why, ...(blob === undefined ? {} : { blob, member: '' }) })
      rest = { ...rest, parts: rest.parts.slice(outcome.part + 1) }
    }
    return 0
  }

  return {
    async scan(source, told) {
      const looking = new Set<Promise<void>>()
      const failures: unknown[] = []
      let [parts, bytes] = [0, 0]
      // It takes as long to start as Git to say what there is.
      threads.prepare()
      for await (const batch of source) {
        parts += batch.parts.length
        const one = look(batch, told)
          .then((more) => (bytes += more))
          .catch((error: unknown) => failures.push(error))
          .then(() => {
            batch.done?.()
            looking.delete(one)
          })
        looking.add(one)
        // One more is at hand for whoever is done first.
        if (looking.size > most) await Promise.race(looking)
        if (failures.length > 0) break
      }
      await Promise.all(looking)
      if (failures.length > 0) throw failures[0]
      return { parts, bytes }
    },
    [Symbol.asyncDispose]: () => threads.close(),
  }
}

function createThreads(most: number, start: () => ScanThread) {
  const all = new Set<ScanThread>()
  const idle: ScanThread[] = []
  const waiting: ((thread: ScanThread) => void)[] = []
  let closed = false
  const started = () => {
    if (closed) throw threadFailed('the scanner is closed')
    const thread = start()
    all.add(thread)
    return thread
  }
  return {
    prepare(): void {
      if (all.size === 0) idle.push(started())
    },
    async take(): Promise<ScanThread> {
      for (let thread = idle.pop(); thread !== undefined; thread = idle.pop()) {
        if (!thread.hasEnded) return thread
        all.delete(thread)
      }
      if (all.size < most) return started()
      return new Promise((resolve) => waiting.push(resolve))
    },
    giveBack(thread: ScanThread): void {
      const next = waiting.shift()
      if (!thread.hasEnded) return next === undefined ? void idle.push(thread) : next(thread)
      all.delete(thread)
      // Closed as they are they answer that they have ended.
      next?.(closed ? thread : started())
    },
    areClosed: () => closed,
    async close(): Promise<void> {
      closed = true
      await Promise.all(Array.from(all, (thread) => thread.end()))
    },
  }
}
