import { parentPort, workerData } from 'node:worker_threads'
import type { Answer, Question } from './scan-thread-entry.ts'
import { createWorks, type Shared } from './work.ts'

// In place of the thread that scans, since no file is known that ends it: it ends at what is called "bomb", as one does that has no
// memory left; it says nothing more once it has bytes of what is called "silent" (of a piece it has said that it took it); and of all
// else it says after its end how many bytes there were.
const works = createWorks(workerData as Shared, () => performance.now())
const bytesOf = new Map<number, number>()
const silent = new Set<number>()

function answer(one: Answer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(one)
}

function beSilent(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

function end(id: number): void {
  const name = `${bytesOf.get(id) ?? 0} bytes`
  answer({
    ...{ kind: 'scanned', id },
    scanned: {
      ...{ findings: [], more: 0, sureMore: 0, keys: [], candidates: [], spans: [] },
      unseen: [{ name, why: '' }],
    },
  })
}

parentPort?.on('message', (question: Question) => {
  if (question.kind === 'forget') return
  const { id, kind } = question
  const work = works(id)
  work.resume()
  if (kind === 'begin' && question.name === 'bomb') process.exit(1)
  if (kind === 'begin' && question.name === 'silent') silent.add(id)
  if (kind !== 'end') bytesOf.set(id, (bytesOf.get(id) ?? 0) + (question.bytes?.length ?? 0))
  if (kind === 'piece') answer({ kind: 'taken', id, bytes: question.bytes.length })
  if (silent.has(id) && bytesOf.get(id) !== 0) beSilent()
  if (kind === 'end' || (kind === 'begin' && question.bytes !== undefined)) end(id)
  work.pause()
})
