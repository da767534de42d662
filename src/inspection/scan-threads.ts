import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { MayflyError, type Clock } from '../lib/index.ts'
import type { WindowTable } from '../scan/known/index.ts'
import type { ContentScanner, Scanned } from './content-scanner.ts'
import type { Answer, Question } from './scan-thread-entry.ts'

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const entry = new URL(isBundled ? './scan-thread.js' : './scan-thread-entry.ts', import.meta.url)

/** A gigabyte out of an archive takes ten seconds. */
const maxMs = 60_000
const maxMemoryMb = 512
const idleMs = 60_000
/** Of all steps together; who comes then waits, and its upstream with it. */
const maxQueuedBytes = 134_217_728

interface Work {
  readonly name: string
  readonly bytes: Uint8Array
  readonly table: WindowTable | undefined
  resolve(scanned: Scanned): void
  reject(error: Error): void
}

interface Thread {
  readonly worker: Worker
  table: WindowTable | undefined
  work: Work | undefined
  timer: NodeJS.Timeout | undefined
}

/** Threads that scan: none before the first file, and none for long after the last. One that fails at a file is replaced. */
export function createScanThreads({ clock }: { readonly clock: Clock }): ContentScanner {
  const most = Math.max(1, Math.min(4, availableParallelism() - 1))
  const threads = new Set<Thread>()
  const queue: Work[] = []
  const forRoom: (() => void)[] = []
  let [queuedBytes, count] = [0, 0]
  let isClosed = false

  function start(): Thread {
    const worker = new Worker(entry, { resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb } })
    const thread: Thread = { worker, table: undefined, work: undefined, timer: undefined }
    threads.add(thread)
    // Whoever waits for an answer has a socket open. Before it runs, Node does not take this.
    worker.once('online', () => worker.unref())
    worker.on('message', (answer: Answer) => {
      const { work } = thread
      if (work === undefined) return
      finish(thread)
      if ('failed' in answer) work.reject(new MayflyError('thread_failed', `${work.name}: ${answer.failed}`))
      else work.resolve(answer.scanned)
      next()
    })
    worker.on('error', () => lost(thread))
    worker.on('exit', () => lost(thread))
    return thread
  }

  function finish(thread: Thread): void {
    clearTimeout(thread.timer)
    if (thread.work !== undefined) queuedBytes -= thread.work.bytes.length
    thread.work = undefined
    forRoom.shift()?.()
    thread.timer = setTimeout(() => void thread.worker.terminate(), idleMs).unref()
  }

  function lost(thread: Thread): void {
    if (!threads.delete(thread)) return
    const { work } = thread
    finish(thread)
    clearTimeout(thread.timer)
    work?.reject(
      new MayflyError(
        'thread_failed',
        `${work.name}: it takes more time or memory than a file may (${maxMs / 1_000} s, ${maxMemoryMb} MB)`,
      ),
    )
    if (!isClosed) next()
  }

  function next(): void {
    const idle = [...threads].find(({ work }) => work === undefined)
    const [work] = queue
    if (work === undefined || (idle === undefined && threads.size >= most)) return
    queue.shift()
    try {
      give(idle ?? start(), work)
    } catch (cause) {
      // The system may have no thread left to give.
      queuedBytes -= work.bytes.length
      work.reject(new MayflyError('thread_failed', 'no thread can be started to look into it', { cause }))
    }
    next()
  }

  function give(thread: Thread, work: Work): void {
    clearTimeout(thread.timer)
    thread.work = work
    const { name, bytes, table } = work
    const isNew = table !== undefined && table !== thread.table
    const question: Question = { id: count++, name, bytes, nowMs: clock.nowMs(), ...(isNew ? { table } : {}) }
    if (isNew) thread.table = table
    thread.worker.postMessage(question, [bytes.buffer as ArrayBuffer])
    thread.timer = setTimeout(() => void thread.worker.terminate(), maxMs).unref()
  }

  return {
    async scan(name, bytes, table) {
      while (queuedBytes > maxQueuedBytes) await new Promise<void>((room) => forRoom.push(room))
      if (isClosed) throw new MayflyError('server_stopping', 'the server is stopping')
      queuedBytes += bytes.length
      // A copy: what is handed on goes to the thread, and the caller goes on with its own.
      const copy = new Uint8Array(bytes)
      return new Promise((resolve, reject) => {
        queue.push({ name, bytes: copy, table, resolve, reject })
        next()
      })
    },
    async close() {
      isClosed = true
      for (const work of queue.splice(0))
        work.reject(new MayflyError('server_stopping', 'the server is stopping'))
      await Promise.all([...threads].map(({ worker }) => worker.terminate()))
    },
  }
}
