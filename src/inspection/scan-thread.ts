import { Worker } from 'node:worker_threads'
import { MayflyError } from '../lib/index.ts'
import type { WindowTable } from '../scan/known/index.ts'
import type { LookedFor, Scanned } from './content-scanner.ts'
import type { Answer, Question } from './scan-thread-entry.ts'
import { beatOf, createShared, fileAt } from './work.ts'

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const entry = new URL(isBundled ? './scan-thread.js' : './scan-thread-entry.ts', import.meta.url)

/** It turns to another file after some milliseconds; only what cannot be broken off takes longer. */
const maxSilenceMs = 60_000
const maxMemoryMb = 512
const idleMs = 60_000

/** One thread, which looks into several things at once: into one while another has nothing more yet. */
export interface ScanThread {
  begin(what: LookedFor & { readonly name: string; readonly bytes?: Uint8Array }): Going
  /** How many things it looks into. */
  load(): number
  /** It keeps no table for the next one. */
  forget(): void
  close(): Promise<void>
}

export interface Going {
  piece(bytes: Uint8Array): void
  end(): void
  /** Bytes that the thread has not taken yet. */
  ahead(): number
  /** Resolves when there are no more of these than so many, or when it is over. */
  taken(most: number): Promise<void>
  /** Rejects if the thread ended at this; it may have ended at something else. */
  readonly scanned: Promise<Scanned | 'lost beside another'>
}

interface State {
  readonly name: string
  /** It was handed all of it, and has to answer. */
  isWhole: boolean
  ahead: number
  wake: (() => void) | undefined
  resolve(scanned: Scanned | 'lost beside another'): void
  reject(error: Error): void
}

/** Throws if the system has no thread to give. */
export function startScanThread(deps: {
  readonly nowMs: () => number
  readonly lost: () => void
  /** Another module than the thread's own. */
  readonly entry?: URL
}): ScanThread {
  const shared = createShared()
  const resourceLimits = { maxOldGenerationSizeMb: maxMemoryMb }
  const worker = new Worker(deps.entry ?? entry, { execArgv: [], workerData: shared, resourceLimits })
  // Whoever waits for an answer has a socket open. Before it runs, Node does not take this.
  worker.once('online', () => worker.unref())
  const states = new Map<number, State>()
  /** Of those that it has to answer. */
  const working = new Set<State>()
  let table: WindowTable | undefined
  let count = 0
  let timer: NodeJS.Timeout | undefined
  let isWatched = false
  let isLost = false

  /** From now on it is at something, and has to say so; or at nothing, and ends some time. */
  function watch(): void {
    clearTimeout(timer)
    const leave = () => {
      // Nothing more is given to it.
      deps.lost()
      void worker.terminate()
    }
    const beat = beatOf(shared)
    const leaveSilent = () => (beatOf(shared) === beat ? leave() : watch())
    isWatched = working.size > 0
    if (isWatched) timer = setTimeout(leaveSilent, maxSilenceMs).unref()
    else if (states.size === 0) timer = setTimeout(leave, idleMs).unref()
  }

  /** What others hand to it is no sign of life: else a file that silences it would have it as long as anybody sends. */
  function handOver(): void {
    if (!isWatched) watch()
  }

  function wakeUp(state: State): void {
    state.wake?.()
    state.wake = undefined
  }

  worker.on('message', (answer: Answer) => {
    const state = states.get(answer.id)
    if (state === undefined) return
    if (answer.kind === 'taken') state.ahead -= answer.bytes
    else {
      states.delete(answer.id)
      state.ahead = 0
      if (answer.kind === 'scanned') state.resolve(answer.scanned)
      else state.reject(new MayflyError('thread_failed', `${state.name}: ${answer.why}`))
    }
    if (state.ahead === 0 && !(state.isWhole && states.has(answer.id))) working.delete(state)
    wakeUp(state)
    watch()
  })

  function lost(): void {
    if (isLost) return
    isLost = true
    clearTimeout(timer)
    deps.lost()
    const at = states.get(fileAt(shared))
    for (const state of states.values()) {
      state.ahead = 0
      wakeUp(state)
      if (state === at) state.reject(tooMuch(state.name))
      else state.resolve('lost beside another')
    }
    states.clear()
    working.clear()
  }
  worker.on('error', lost)
  worker.on('exit', lost)

  function post(question: Question, bytes?: Uint8Array): void {
    if (!isLost) worker.postMessage(question, bytes === undefined ? [] : [bytes.buffer as ArrayBuffer])
  }

  return {
    load: () => states.size,
    forget() {
      if (table !== undefined) post({ kind: 'forget' })
      table = undefined
    },
    begin({ name, table: wanted, handed, as, pathsLater, bytes }) {
      const id = count++
      const { promise, resolve, reject } = Promise.withResolvers<Scanned | 'lost beside another'>()
      const state: State = { name, isWhole: bytes !== undefined, ahead: 0, wake: undefined, resolve, reject }
      states.set(id, state)
      if (state.isWhole) working.add(state)
      const isNew = wanted !== undefined && wanted !== table
      table = wanted ?? table
      const more = {
        handed,
        ...(isNew ? { table: wanted } : {}),
        ...(bytes === undefined ? {} : { bytes }),
        ...(as === undefined ? {} : { as }),
        ...(pathsLater === undefined ? {} : { pathsLater }),
      }
      post({ kind: 'begin', id, name, nowMs: deps.nowMs(), ...more }, bytes)
      handOver()
      return {
        scanned: promise,
        piece(piece) {
          if (!states.has(id)) return
          const { length } = piece
          post({ kind: 'piece', id, bytes: piece }, piece)
          state.ahead += length
          if (state.ahead > 0) working.add(state)
          handOver()
        },
        end() {
          if (!states.has(id)) return
          post({ kind: 'end', id })
          state.isWhole = true
          working.add(state)
          handOver()
        },
        ahead: () => state.ahead,
        async taken(most) {
          while (state.ahead > most) await new Promise<void>((woken) => (state.wake = woken))
        },
      }
    },
    close: async () => void (await worker.terminate()),
  }
}

function tooMuch(name: string): MayflyError {
  return new MayflyError(
    'thread_failed',
    `${name}: it takes more time or memory than a file may (${maxSilenceMs / 1_000} s, ${maxMemoryMb} MB)`,
  )
}
