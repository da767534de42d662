import type { MayflyError } from '../lib/index.ts'
import { storeError } from './failures.ts'

/** A write that is committed, and whose caller waits for the disk. */
export interface Committed {
  resolve(): void
  reject(error: MayflyError): void
}

/** Has the disk confirm what was committed. */
export interface Flush {
  /** Resolves them once the disk has everything that was committed before this call. */
  add(committed: readonly Committed[]): void
  /** The disk did not confirm something: nothing more is taken, since nobody knows what it has. */
  failure(): MayflyError | undefined
  /** Resolves once the disk has everything that is committed now; rejects if it does not confirm it. */
  settled(): Promise<void>
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>
}

/** One `sync` at a time; what is committed meanwhile shares the next. */
export function createFlush(sync: () => Promise<void>): Flush {
  let waiting: Committed[] = []
  let running: Promise<void> | undefined
  let failure: MayflyError | undefined

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const covered = waiting
      waiting = []
      failure ??= await sync().then(
        () => undefined,
        (cause: unknown) =>
          storeError(cause, 'the disk did not confirm what was written: start Mayfly again'),
      )
      for (const one of covered) {
        if (failure === undefined) one.resolve()
        else one.reject(failure)
      }
    }
    running = undefined
  }

  function add(committed: readonly Committed[]): void {
    if (committed.length === 0) return
    waiting.push(...committed)
    running ??= run()
  }

  return {
    add,
    async settled() {
      if (failure !== undefined) throw failure
      if (running !== undefined) await new Promise<void>((resolve, reject) => add([{ resolve, reject }]))
    },
    failure: () => failure,
    drain: async () => await running,
  }
}
