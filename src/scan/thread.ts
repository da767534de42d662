import { Worker } from 'node:worker_threads'
import { MayflyError, messageOf } from '../lib/index.ts'
import type { ScanSettings, Told } from './model.ts'
import type { FromThread, ThreadData, ToThread } from './protocol.ts'
import type { Batch } from './sources/index.ts'

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const entry = new URL(isBundled ? './scanner-thread.js' : './thread-entry.ts', import.meta.url)

/** Of objects, beside the bytes that are looked at. */
const maxMemoryMb = 128
/** What is made and forgotten at each file: with more it is only forgotten later. */
const maxYoungMb = 8
/** On a machine that has much else to do. */
const maxStartMs = 60_000

/** How far a thread got. If it ended: at which part (-1: before the first), and why. */
export type Outcome =
  | { readonly ok: true; readonly bytes: number }
  | { readonly ok: false; readonly part: number; readonly why: string }

/** A thread that looks at one batch after the other. */
export interface ScanThread {
  /** Never twice at once. */
  look(batch: Batch, told: Told): Promise<Outcome>
  /** It takes no more batches. */
  readonly hasEnded: boolean
  end(): Promise<void>
}

export interface ThreadOptions {
  readonly settings: ScanSettings
  readonly nowMs: number
  /** A thread that is held up for longer is ended. */
  readonly maxHeldMs: number
}

export function startThread({ settings, nowMs, maxHeldMs }: ThreadOptions): ScanThread {
  const shared = new SharedArrayBuffer(8)
  const state = new Int32Array(shared)
  Atomics.store(state, 0, -1)
  const workerData: ThreadData = { settings, nowMs, shared }
  const worker = new Worker(entry, {
    workerData,
    // Options of Node that name a file would be looked for where the caller stands.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb, maxYoungGenerationSizeMb: maxYoungMb },
  })
  // Idle it holds no process up.
  worker.unref()
  let current: { told: Told; settle: (outcome: Outcome) => void } | undefined
  let ended: string | undefined

  function settle(outcome: Outcome): void {
    const { settle } = current ?? {}
    current = undefined
    worker.unref()
    settle?.(outcome)
  }
  function fail(why: string): void {
    ended ??= why
    settle({ ok: false, part: Atomics.load(state, 0), why: ended })
  }

  function post(message: ToThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    worker.postMessage(message)
  }
  /** It waits for it with what it looks at. */
  async function answer(told: Told | undefined, { id, name, bytes }: Asking): Promise<void> {
    try {
      const places = await told?.known?.(name, bytes)
      if (places === undefined) throw new Error('nobody was there to be asked')
      post({ kind: 'known', id, places })
    } catch (error) {
      post({ kind: 'failed', id, why: messageOf(error) })
    }
  }

  worker.on('message', (message: FromThread) => {
    if (message.kind === 'done') settle({ ok: true, bytes: message.bytes })
    else if (message.kind === 'ask') void answer(current?.told, message)
    else if (current !== undefined) tell(current.told, message)
  })
  worker.on('error', (error) => fail(messageOf(error)))
  worker.on('exit', () => fail('the thread ended'))

  function watch(): NodeJS.Timeout {
    let [count, since] = [-1, performance.now()]
    return setInterval(() => {
      const now = Atomics.load(state, 1)
      const limitMs = Atomics.load(state, 0) === -1 ? Math.max(maxStartMs, maxHeldMs) : maxHeldMs
      if (now !== count) [count, since] = [now, performance.now()]
      else if (performance.now() - since > limitMs) {
        fail(`it took more than ${limitMs / 1000} s`)
        void worker.terminate()
      }
    }, maxHeldMs / 8)
  }

  return {
    async look(batch, told) {
      const timer = watch()
      try {
        return await new Promise<Outcome>((settle) => {
          current = { told, settle }
          if (ended !== undefined) return fail(ended)
          Atomics.store(state, 0, -1)
          worker.ref()
          const { parts, buffer } = batch
          post({ kind: 'batch', batch: buffer === undefined ? { parts } : { parts, buffer } })
        })
      } finally {
        clearInterval(timer)
      }
    },
    get hasEnded() {
      return ended !== undefined
    },
    async end() {
      await worker.terminate()
    },
  }
}

type Asking = Extract<FromThread, { kind: 'ask' }>

function tell(told: Told, message: Exclude<FromThread, { kind: 'done' | 'ask' }>): void {
  if (message.kind === 'findings') told.findings(message.findings)
  else if (message.kind === 'more') told.more(message.name, message.count)
  else if (message.kind === 'key') told.key?.(message.key)
  else told.unseen(message.unseen)
}

export function threadFailed(why: string): MayflyError {
  return new MayflyError('thread_failed', `no thread can scan: ${why}`)
}
