import { Worker } from 'node:worker_threads'
import { MayflyError, messageOf } from '../lib/index.ts'
import type { LockfileAnswer } from './thread-entry.ts'
import { unpackLockfiles } from './bundle.ts'
import type { Lockfile } from './pin.ts'
import { pinsOf, type Pins } from './pins.ts'
import { readLockfiles } from './read.ts'

/** Reads lockfiles from their bundle; throws what `readLockfiles` throws, and `thread_failed`. */
export type LockfileReader = (bundle: string) => Promise<Pins>

// The bundle has the thread beside itself; from source it is the module.
const isBundled = !import.meta.url.endsWith('.ts')
const entry = new URL(isBundled ? './lockfile-thread.js' : './thread-entry.ts', import.meta.url)

/** Smaller ones are read sooner than a thread starts. */
const readHereChars = 100_000
/** Of a text that no built-in reads: YAML takes that many times as long as JSON, and what is made to be slow more. */
const slowness = 10
/** What the largest lockfile that is taken comes to in memory, and as much again. */
const maxMemoryMb = 512
const maxMs = 20_000

/**
 * Large lockfiles are read in a thread that lives as long as that, one after the other: the thread that carries everybody's
 * traffic goes on meanwhile, and a text that takes all memory or time takes the thread's alone.
 */
export function createLockfileReader(): LockfileReader {
  let last: Promise<unknown> = Promise.resolve()
  return async (text) => {
    if (text.length <= readHereChars) {
      const files = unpackLockfiles(text)
      if (workOf(files) <= readHereChars) return pinsOf(readLockfiles(files))
    }
    const mine = last.then(() => readAside(text))
    last = mine.catch(() => undefined)
    const answer = await mine
    if (!answer.ok) throw new MayflyError(answer.code, answer.message)
    return pinsOf(answer.list)
  }
}

function workOf(files: readonly Lockfile[]): number {
  return files.reduce(
    (work, { path, text }) => work + text.length * (path.endsWith('.json') ? 1 : slowness),
    0,
  )
}

function readAside(text: string): Promise<LockfileAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(new MayflyError('thread_failed', `the lockfiles could not be read: ${why}; try again`))
    try {
      const thread = new Worker(entry, {
        workerData: text,
        // Options of Node that name a file would be looked for where the caller stands.
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb },
      })
      const timer = setTimeout(() => {
        fail(`it took more than ${maxMs / 1000} s`)
        void thread.terminate()
      }, maxMs)
      thread.once('message', resolve)
      thread.on('error', (error) => fail(messageOf(error)))
      thread.once('exit', () => {
        clearTimeout(timer)
        fail('the thread ended')
      })
    } catch (error) {
      // The system may have no thread left to give.
      fail(messageOf(error))
    }
  })
}
