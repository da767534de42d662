import { Worker } from 'node:worker_threads'
import { MayflyError, messageOf } from '../lib/index.ts'
import type { Answer, Question } from './check-thread-entry.ts'
import type { Checks } from './checks.ts'

export interface CheckThread extends Checks {
  /** Whatever still waits is rejected, and what comes later. */
  close(): Promise<void>
}

interface Waiting {
  resolve(found: never): void
  reject(error: MayflyError): void
}

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const usualEntry = new URL(isBundled ? './check-thread.js' : './check-thread-entry.ts', import.meta.url)

/**
 * Checks signatures in a thread of its own: they are near a quarter of what an exchange costs, and the thread that serves
 * requests goes on meanwhile. What is asked in one turn of the event loop goes in one message. A thread that ended
 * rejects what waited for it, and the next question starts another.
 */
export function startCheckThread(entry = usualEntry): CheckThread {
  let closed = false
  let count = 0
  let asked: Question[] = []
  const waiting = new Map<number, Waiting>()
  let thread: Worker | undefined = start()

  function start(): Worker {
    const started = new Worker(entry)
    // Whoever waits for an answer has a socket open.
    started.unref()
    started.on('message', (answers: readonly Answer[]) => {
      for (const { id, found } of answers) {
        waiting.get(id)?.resolve(found as never)
        waiting.delete(id)
      }
    })
    started.on('error', (error) => end(messageOf(error)))
    started.on('exit', () => end('it ended'))
    const end = (why: string) => {
      if (thread !== started) return
      thread = undefined
      fail(why)
    }
    return started
  }

  function fail(why: string): void {
    const error = new MayflyError(
      'thread_failed',
      `the thread that checks signatures failed: ${why}; try again`,
    )
    for (const one of waiting.values()) one.reject(error)
    waiting.clear()
    asked = []
  }

  function send(): void {
    if (asked.length === 0) return
    try {
      thread ??= start()
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      thread.postMessage(asked)
      asked = []
    } catch (error) {
      // The system may have no thread left to give.
      fail(messageOf(error))
    }
  }

  function ask<T>(question: (id: number) => Question): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (closed)
        return reject(
          new MayflyError('thread_failed', 'this server is stopping: its signatures are checked no more'),
        )
      const id = count++
      waiting.set(id, { resolve, reject })
      if (asked.push(question(id)) === 1) setImmediate(send)
    })
  }

  return {
    proof: (...asked) => ask((id) => ({ id, check: 'proof', asked })),
    token: (...asked) => ask((id) => ({ id, check: 'token', asked })),
    async close() {
      closed = true
      fail('it was stopped')
      // The process is to stay until it has ended.
      thread?.ref()
      await thread?.terminate()
    },
  }
}
