import { Worker } from 'node:worker_threads'

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const entry = new URL(isBundled ? './checkpoint-thread.js' : './checkpoint-thread.ts', import.meta.url)

export interface Checkpoints {
  /** Before the store itself is closed: whoever closes last tidies up. */
  close(): Promise<void>
}

/** Brings the write-ahead log of an open store into its database, four times a second, in a thread of its own. */
export function startCheckpoints(file: string): Checkpoints {
  const thread = new Worker(entry, { workerData: file })
  // Without it, writes bring their pages over themselves once there are many.
  thread.on('error', () => undefined)
  thread.unref()
  const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()))
  return {
    async close() {
      // The process is to stay until it has closed the database.
      thread.ref()
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      thread.postMessage('close')
      await ended
    },
  }
}
