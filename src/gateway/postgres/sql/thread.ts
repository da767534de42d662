import { Worker } from 'node:worker_threads'
import type { Answer, Question } from './thread-entry.ts'
import { tooComplex, type Reading, type Unread } from './reading.ts'

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const entry = new URL(isBundled ? './sql-thread.js' : './thread-entry.ts', import.meta.url)

/** One megabyte of SQL takes some hundred milliseconds. */
const maxMs = 20_000
const maxMemoryMb = 512
/** A thread that nobody needs ends, and its memory with it: a WebAssembly's never shrinks. */
const idleMs = 30_000

/** More statements wait at once than there can be steps that mean well. */
const maxWaiting = 1_000

interface Waiting extends Question {
  resolve(reading: Reading | Unread): void
}

/** Reads texts one after the other in a thread; one that it fails at is refused, and the next has a thread that is new. */
export function createSqlThread(): { read(sql: string): Promise<Reading | Unread> } {
  const waiting: Waiting[] = []
  let thread: Worker | undefined
  let timer: NodeJS.Timeout | undefined
  let count = 0

  function start(): Worker {
    const started = new Worker(entry, { resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb } })
    // Whoever waits for an answer has a socket open. Before it runs, Node does not take this.
    started.once('online', () => started.unref())
    started.on('message', ({ id, reading }: Answer) => {
      if (started !== thread || waiting[0]?.id !== id) return
      waiting.shift()?.resolve(reading)
      next()
    })
    started.on('error', () => failed(started))
    started.on('exit', () => failed(started))
    return started
  }

  function failed(one: Worker): void {
    if (one !== thread) return
    thread = undefined
    waiting.shift()?.resolve(tooComplex)
    next()
  }

  function next(): void {
    clearTimeout(timer)
    const [first] = waiting
    if (first === undefined) {
      timer = setTimeout(() => {
        const idle = thread
        thread = undefined
        void idle?.terminate()
      }, idleMs).unref()
      return
    }
    try {
      thread ??= start()
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      thread.postMessage({ id: first.id, sql: first.sql } satisfies Question)
      timer = setTimeout(() => void thread?.terminate(), maxMs).unref()
    } catch {
      // The system may have no thread left to give.
      waiting.shift()?.resolve(tooComplex)
      next()
    }
  }

  return {
    read: (sql) =>
      new Promise((resolve) => {
        if (waiting.length >= maxWaiting) return resolve(tooComplex)
        if (waiting.push({ id: count++, sql, resolve }) === 1) next()
      }),
  }
}
