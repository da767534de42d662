import { availableParallelism } from 'node:os'
import { MayflyError, type Clock } from '../lib/index.ts'
import type { WindowTable } from '../scan/known/index.ts'
import type { ContentScanner, Scanned, ScanStream } from './content-scanner.ts'
import { startScanThread, type ScanThread } from './scan-thread.ts'

/** Of all steps together; who comes then waits, and its upstream with it. */
const maxQueuedBytes = 134_217_728
/** Of one stream that the thread has not taken yet. */
const maxAheadBytes = 2_097_152
/** More go on at once than steps can mean; the threads share them. */
const maxStreams = 256

/**
 * Threads that scan: none before the first file, and none for long after the last. A file that a thread dies of counts as one that
 * cannot be looked at; what else it had is scanned by another one, where all of it is here yet.
 */
export function createScanThreads({ clock }: { readonly clock: Clock }): ContentScanner {
  const most = Math.max(1, Math.min(4, availableParallelism() - 1))
  const threads = new Set<ScanThread>()
  const forRoom: (() => void)[] = []
  let [queuedBytes, streams] = [0, 0]
  let isClosed = false

  /** The one that has the least to do. */
  function threadFor(): ScanThread {
    const [least] = [...threads].toSorted((a, b) => a.load() - b.load())
    if (least !== undefined && (least.load() === 0 || threads.size >= most)) return least
    try {
      const started = startScanThread({ nowMs: () => clock.nowMs(), lost: () => threads.delete(started) })
      threads.add(started)
      return started
    } catch (cause) {
      // The system may have no thread left to give.
      throw new MayflyError('thread_failed', 'no thread can be started to look into it', { cause })
    }
  }

  async function roomFor(bytes: number): Promise<() => void> {
    while (queuedBytes > maxQueuedBytes) await new Promise<void>((room) => forRoom.push(room))
    if (isClosed) throw new MayflyError('server_stopping', 'the server is stopping')
    queuedBytes += bytes
    return () => {
      queuedBytes -= bytes
      for (const room of forRoom.splice(0)) room()
    }
  }

  async function scanWhole(name: string, bytes: Buffer, table: WindowTable | undefined): Promise<Scanned> {
    const giveBack = await roomFor(bytes.length)
    try {
      // A copy: what is handed on goes to the thread, and the caller goes on with its own.
      const first = threadFor().begin({ name, table, bytes: new Uint8Array(bytes) })
      const outcome = await first.scanned
      if (outcome !== 'lost beside another') return outcome
      const again = await threadFor().begin({ name, table, bytes: new Uint8Array(bytes) }).scanned
      if (again !== 'lost beside another') return again
      throw new MayflyError(
        'thread_failed',
        `${name}: the threads that look into files end at others: try again`,
      )
    } finally {
      giveBack()
    }
  }

  function stream(name: string, table: WindowTable | undefined): ScanStream {
    if (isClosed) throw new MayflyError('server_stopping', 'the server is stopping')
    if (streams >= maxStreams)
      throw new MayflyError('limit_exceeded', 'too many files are looked into at once')
    streams++
    const going = threadFor().begin({ name, table })
    const ended = going.scanned.finally(() => streams--)
    ended.catch(() => undefined)
    return {
      async write(piece) {
        going.piece(new Uint8Array(piece))
        if (going.ahead() > maxAheadBytes) await going.taken(maxAheadBytes)
      },
      async end() {
        going.end()
        const scanned = await ended
        if (scanned !== 'lost beside another') return scanned
        throw new MayflyError(
          'thread_failed',
          `${name}: the thread that looked into it ended at another file: try again`,
        )
      },
      leave: () => going.end(),
    }
  }

  return {
    scan: scanWhole,
    stream,
    async close() {
      isClosed = true
      for (const room of forRoom.splice(0)) room()
      await Promise.all([...threads].map((thread) => thread.close()))
    },
  }
}
