import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { limits, type StepId } from '../lib/index.ts'
import { insertRow, type Store } from '../store/index.ts'

/** What steps have pinned, kept until the step ends: a server that was killed, or another one, goes on with it. */
export interface StoredLockfiles {
  /** Keeps the text of a step that runs; of one that has ended nothing is kept. */
  keep(step: StepId, text: string): Promise<void>
  load(step: StepId): Promise<string | undefined>
}

export function createStoredLockfiles(store: Store): StoredLockfiles {
  return {
    async keep(step, text) {
      const packed = await promisify(gzip)(text)
      await store.write(async (tables, run) => {
        const open = await tables
          .selectFrom('steps')
          .select('id')
          .where('id', '=', step)
          .where('ended_ms', 'is', null)
          .executeTakeFirst()
        if (open !== undefined) run(insertRow('lockfiles', { step_id: step, packed }))
      })
    },
    async load(step) {
      const row = store.find('lockfiles', { step_id: step })
      if (row === undefined) return undefined
      return String(await promisify(gunzip)(row.packed, { maxOutputLength: limits.lockfileBytes }))
    },
  }
}
