import type { QueryCreator } from 'kysely'
import { createRunNumbers, type RunNumbers } from '../audit/client/index.ts'
import type { Store, Tables } from '../store/index.ts'

/** The numbers of the entries of each run, known again after a restart. */
export function createStoredRunNumbers(store: Store): RunNumbers {
  return createRunNumbers(async (run) => {
    const row = await store.read.selectFrom('runs').selectAll().where('id', '=', run).executeTakeFirst()
    if (row === undefined) return undefined
    return { next: row.next_number, givenUp: JSON.parse(row.given_up) as number[] }
  })
}

/** Keeps how far a run is, beside what writes an entry of it. */
export function runState(tables: QueryCreator<Tables>, run: string, numbers: RunNumbers) {
  const { next, givenUp } = numbers.state(run)
  const row = { next_number: next, given_up: JSON.stringify(givenUp) }
  return tables
    .insertInto('runs')
    .values({ id: run, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
}
