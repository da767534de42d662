import { createRunNumbers, type RunNumbers } from '../audit/client/index.ts'
import { upsertRow, type Store } from '../store/index.ts'

/** The numbers of the entries of each run, known again after a restart. */
export function createStoredRunNumbers(store: Store): RunNumbers {
  return createRunNumbers((run) => {
    const row = store.find('runs', { id: run })
    if (row === undefined) return undefined
    return { next: row.next_number, givenUp: JSON.parse(row.given_up) as number[] }
  })
}

/** Keeps how far a run is, beside what writes an entry of it. */
export function runState(run: string, numbers: RunNumbers) {
  const { next, givenUp } = numbers.state(run)
  return upsertRow('runs', 'id', { id: run, next_number: next, given_up: JSON.stringify(givenUp) })
}
