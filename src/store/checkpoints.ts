import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const entry = new URL(isBundled ? './checkpoint-thread.js' : './checkpoint-thread.ts', import.meta.url)

export interface Checkpoints {
  /** Before the store itself is closed: whoever closes last tidies up. */
  close(): Promise<void>
}

/** A server that writes little has no use for the thread, which takes 10 MB. */
const worthItBytes = 1_048_576
const lookEveryMs = 500

/**
 * Brings the write-ahead log of an open store into its database, four times a second, in a thread of its own: from when
 * there first is something worth it. Without the thread, writes bring their pages over themselves once there are many.
 */
export function startCheckpoints(file: string): Checkpoints {
  let thread: Worker | undefined
  let ended: Promise<void> | undefined
  const looking = setInterval(() => {
    if (sizeOf(`${file}-wal`) < worthItBytes) return
    try {
      const started = new Worker(entry, { workerData: file })
      started.on('error', () => undefined)
      started.unref()
      ended = new Promise<void>((resolve) => started.once('exit', () => resolve()))
      thread = started
      clearInterval(looking)
    } catch {
      // The system has no thread to give just now: looked for again.
    }
  }, lookEveryMs).unref()
  return {
    async close() {
      clearInterval(looking)
      // The process is to stay until it has closed the database.
      thread?.ref()
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      thread?.postMessage('close')
      await ended
    },
  }
}

/** Of a file that cannot be looked at: none, and it is looked for again. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}
