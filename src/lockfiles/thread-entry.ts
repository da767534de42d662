import { parentPort, workerData } from 'node:worker_threads'
import { MayflyError, messageOf, type ErrorCode } from '../lib/index.ts'
import { unpackLockfiles } from './bundle.ts'
import type { PinList } from './pin.ts'
import { readLockfiles } from './read.ts'

/** What the thread made of the text that it was started with. */
export type LockfileAnswer =
  | { readonly ok: true; readonly list: PinList }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

function answer(): LockfileAnswer {
  try {
    return { ok: true, list: readLockfiles(unpackLockfiles(String(workerData))) }
  } catch (error) {
    const code = error instanceof MayflyError ? error.code : 'bad_input'
    return { ok: false, code, message: messageOf(error) }
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
parentPort?.postMessage(answer())
