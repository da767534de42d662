/** How far the entries of a run are. */
export interface RunState {
  /** The number of its next entry. */
  next: number
  /** Numbers whose entry may never have reached the log, as long as no entry says so. */
  givenUp: readonly number[]
}

/**
 * Gives the entries of a run their numbers, from 0. Every number reaches the log in an entry, or is given up, and then
 * another entry says so: whoever reads the log knows a failure from an entry that was taken away.
 */
export interface RunNumbers {
  take(run: string): number
  giveUp(run: string, number: number): void
  state(run: string): RunState
  /** Runs that have numbers given up; from here on the caller sees to it that the log says so. */
  takeGivenUp(): [run: string, numbers: readonly number[]][]
  /** The run has ended: what is kept of it may be forgotten, since it can be loaded again. */
  ended(run: string): void
}

/** Ended runs that are remembered, since a late entry of theirs may still be under way. */
const keptRuns = 10_000

/** `load` gives what was stored of a run that this process has not met; `undefined` for a new one. */
export function createRunNumbers(load: (run: string) => RunState | undefined): RunNumbers {
  const runs = new Map<string, { next: number }>()
  const givenUp = new Map<string, number[]>()
  const done = new Set<string>()

  function meet(run: string): { next: number } {
    const stored = load(run)
    const state = { next: stored?.next ?? 0 }
    runs.set(run, state)
    for (const number of stored?.givenUp ?? []) giveUp(run, number)
    return state
  }

  function giveUp(run: string, number: number): void {
    const known = givenUp.get(run) ?? []
    known.push(number)
    givenUp.set(run, known)
  }

  return {
    take(run) {
      done.delete(run)
      const state = runs.get(run) ?? meet(run)
      return state.next++
    },
    giveUp,
    state: (run) => ({ next: runs.get(run)?.next ?? 0, givenUp: [...(givenUp.get(run) ?? [])] }),
    takeGivenUp() {
      const all = [...givenUp]
      givenUp.clear()
      return all
    },
    ended(run) {
      done.add(run)
      for (const oldest of done) {
        if (done.size <= keptRuns) return
        done.delete(oldest)
        runs.delete(oldest)
      }
    },
  }
}
