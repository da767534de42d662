import { Worker } from 'node:worker_threads'
import { fromSent, type SentError } from './failures.ts'
import type { Answer, Order, Result, Statement } from './writer-thread.ts'

/** The connection that writes, in a thread of its own. */
export interface Writer {
  /** One statement. Rejects with SQLite's error (`errcode`). */
  run(statement: Statement): Promise<Result>
  /**
   * Groups of statements in one commit, each group all or nothing on its own: for each, why it was not written, if so.
   * Rejects if the disk fails: then nothing is written.
   */
  commit(groups: readonly (readonly Statement[])[]): Promise<(Error | undefined)[]>
  /** Closes the connection and ends the thread. */
  close(): Promise<void>
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const entry = new URL(isBundled ? './store-thread.js' : './writer-thread.ts', import.meta.url)

/** Starts the thread. A database that it cannot open, or its end, rejects whatever waits for it and what comes later. */
export function startWriter(file: string): Writer {
  const thread = new Worker(entry, { workerData: { file } })
  const waiting = new Map<number, Waiting>()
  let sent = 0
  let ended: Error | undefined
  // Only what waits for the disk keeps the process alive.
  thread.unref()

  function end(error: Error): void {
    ended ??= error
    for (const one of waiting.values()) one.reject(ended)
    waiting.clear()
  }
  thread.on('message', (answer: Answer) => {
    waiting.get(answer.id)?.resolve(answer)
    waiting.delete(answer.id)
    if (waiting.size === 0) thread.unref()
  })
  thread.on('error', (error) => end(error instanceof Error ? error : new Error(String(error))))
  thread.on('exit', () => end(new Error('the thread that writes has ended: start Mayfly again')))

  async function ask(order: WithoutId<Order>): Promise<Answer> {
    if (ended !== undefined) throw ended
    const id = sent++
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      thread.ref()
      // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      thread.postMessage({ ...order, id })
    })
    if ('error' in answer) throw fromSent(answer.error)
    return answer
  }

  return {
    async run(statement) {
      const answer = await ask({ kind: 'run', statement })
      return 'result' in answer ? answer.result : unexpected()
    },
    async commit(groups) {
      const answer = await ask({ kind: 'commit', groups })
      return 'outcomes' in answer ? answer.outcomes.map(errorOf) : unexpected()
    },
    async close() {
      try {
        await ask({ kind: 'close' })
      } catch (error) {
        // A thread that has ended has closed what it had.
        if (error !== ended) throw error
      }
      await thread.terminate()
    },
  }
}

type WithoutId<One> = One extends unknown ? Omit<One, 'id'> : never

function errorOf(sent: SentError | undefined): Error | undefined {
  return sent === undefined ? undefined : fromSent(sent)
}

function unexpected(): never {
  throw new Error('the thread that writes gave an answer to another question')
}
