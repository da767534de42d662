import { parentPort, workerData } from 'node:worker_threads'
import type { AskKnown, KnownPlace } from './ask-known.ts'
import { createLooker } from './looker.ts'
import type { FromThread, ThreadData, ToThread } from './protocol.ts'
import type { Batch } from './sources/index.ts'

const { settings, nowMs, shared } = workerData as ThreadData
const state = new Int32Array(shared)

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
const tell = (message: FromThread) => parentPort?.postMessage(message)

// While anything holds this thread up, it does not count on.
setInterval(() => Atomics.add(state, 1, 1), 500)

const asked = new Map<number, PromiseWithResolvers<readonly KnownPlace[]>>()
let count = 0
const ask: AskKnown = (name, bytes) => {
  const one = Promise.withResolvers<readonly KnownPlace[]>()
  const id = count++
  asked.set(id, one)
  tell({ kind: 'ask', id, name, bytes: new Uint8Array(bytes) })
  return one.promise.finally(() => asked.delete(id))
}

const look = createLooker(settings, nowMs, {
  findings: (findings) => tell({ kind: 'findings', findings }),
  more: (name, count) => tell({ kind: 'more', name, count }),
  unseen: (unseen) => tell({ kind: 'unseen', unseen }),
  key: (key) => tell({ kind: 'key', key }),
  ...(settings.asksKnown === true ? { known: ask } : {}),
})

async function lookAt(batch: Batch): Promise<void> {
  let bytes = 0
  for (const [index, part] of batch.parts.entries()) {
    Atomics.store(state, 0, index)
    bytes += await look(batch, part)
  }
  tell({ kind: 'done', bytes })
}

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'batch') return void lookAt(message.batch)
  const waiting = asked.get(message.id)
  if (message.kind === 'known') waiting?.resolve(message.places)
  else waiting?.reject(new Error(message.why))
})
