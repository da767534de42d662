import { parentPort, workerData } from 'node:worker_threads'
import { createLooker } from './looker.ts'
import type { FromThread, ThreadData, ToThread } from './protocol.ts'

const { settings, nowMs, shared } = workerData as ThreadData
const state = new Int32Array(shared)

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
const tell = (message: FromThread) => parentPort?.postMessage(message)

// While anything holds this thread up, it does not count on.
setInterval(() => Atomics.add(state, 1, 1), 500)

const look = createLooker(settings, nowMs, {
  findings: (findings) => tell({ kind: 'findings', findings }),
  more: (name, count) => tell({ kind: 'more', name, count }),
  unseen: (unseen) => tell({ kind: 'unseen', unseen }),
})

async function lookAt({ batch }: ToThread): Promise<void> {
  let bytes = 0
  for (const [index, part] of batch.parts.entries()) {
    Atomics.store(state, 0, index)
    bytes += await look(batch, part)
  }
  tell({ kind: 'done', bytes })
}

parentPort?.on('message', (message: ToThread) => void lookAt(message))
