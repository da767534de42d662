import { setImmediate as breathe } from 'node:timers/promises'
import { MayflyError } from '../lib/index.ts'

/** What a thread shares with the one that started it: which file it is at (-1: none), and how often it said so. */
export type Shared = Int32Array<SharedArrayBuffer>

export function createShared(): Shared {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  shared[0] = none
  return shared
}

const none = -1

/** The file that the thread is at now; read by another thread. */
export function fileAt(shared: Shared): number {
  return Atomics.load(shared, 0)
}

/** Another number than before: it has gone on meanwhile. */
export function beatOf(shared: Shared): number {
  return Atomics.load(shared, 1)
}

/** One file's share of a thread that is at several. */
export interface Work {
  /** It is this file's turn: before anything of it is looked at, and whenever it comes back from others. */
  resume(): void
  /** It waits for bytes. */
  pause(): void
  /**
   * Behind so many bytes: lets others have their turn, if it had its own. Throws `limit_exceeded` if it takes more time than a file of
   * this size may.
   */
  done(bytes: number): Promise<void> | undefined
}

/** Whoever hands a file to this thread waits no longer for its turn than this. */
const turnMs = 50
/** Beside what its bytes take at a tenth of the speed of most. */
const maxMs = 60_000
const leastBytesPerMs = 10_000

/** Says at any moment which file the thread is at, and counts the time that each takes. */
export function createWorks(shared: Shared, nowMs: () => number) {
  let at: { readonly id: number; spentMs: number } | undefined
  let sinceMs = 0

  function turnTo(next: typeof at): void {
    const now = nowMs()
    if (at !== undefined) at.spentMs += now - sinceMs
    at = next
    sinceMs = now
    Atomics.store(shared, 0, next?.id ?? none)
    Atomics.add(shared, 1, 1)
  }

  return (id: number): Work => {
    const mine = { id, spentMs: 0 }
    let [bytesDone, turnSinceMs] = [0, nowMs()]

    async function giveWay(): Promise<void> {
      turnTo(undefined)
      await breathe()
      turnTo(mine)
      turnSinceMs = nowMs()
    }

    return {
      resume() {
        if (at === mine) return
        turnTo(mine)
        turnSinceMs = sinceMs
      },
      pause() {
        if (at === mine) turnTo(undefined)
      },
      done(bytes) {
        bytesDone += bytes
        const spentMs = mine.spentMs + (at === mine ? nowMs() - sinceMs : 0)
        if (spentMs > maxMs + bytesDone / leastBytesPerMs)
          throw new MayflyError('limit_exceeded', `it takes more time than a file of its size may`)
        return nowMs() - turnSinceMs > turnMs ? giveWay() : undefined
      },
    }
  }
}
