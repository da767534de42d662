import { parentPort } from 'node:worker_threads'
import { loadLibrary, readSql } from './read.ts'
import type { Reading, Unread } from './reading.ts'

export interface Question {
  readonly id: number
  readonly sql: string
}

export interface Answer {
  readonly id: number
  readonly reading: Reading | Unread
}

const library = await loadLibrary()

parentPort?.on('message', ({ id, sql }: Question) => {
  // What it throws ends the thread, and the parser with it.
  const answer: Answer = { id, reading: readSql(library, sql) }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(answer)
})
