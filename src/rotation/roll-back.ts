import { MayflyError } from '../lib/index.ts'
import { entryOf } from './alerts.ts'
import type { MachineDeps } from './machine-deps.ts'
import type { Row } from './records.ts'
import { isOldInUse } from './returns.ts'
import { jobOf } from './work.ts'

/** Gives the new value up, by hand, while there is a way back. `row` is claimed by whoever calls. Throws `conflict`. */
export async function rollBack(row: Row, by: string, deps: MachineDeps): Promise<Row> {
  const { store, vault, outbox, records, clock } = deps
  const failure = 'rolled back by hand'
  if (await isOldDying(row, deps))
    throw new MayflyError(
      'conflict',
      `the old value of ${row.secret} is dead or dying: rotate again instead, or if it cannot be ended: mayfly secret rotate ${row.secret} --forget`,
    )
  if (row.from_version <= (store.find('secret_names', { name: row.secret })?.compromised_version ?? 0))
    throw new MayflyError(
      'conflict',
      `the old value of ${row.secret} is compromised: there is no way back to it`,
    )
  if (row.state === 'undoing') return row
  return await outbox.write(async (tx, add) => {
    if (row.state === 'planned') {
      const undone = { state: 'failed', failure, undone_by: by, ended_ms: clock.nowMs() } as const
      const ended = await records.change(tx, row, undone)
      const entry = entryOf(row, ended)
      if (entry !== undefined) add([entry])
      return ended
    }
    if (row.state === 'promoted') await vault.change(tx).use(row.secret, row.from_version, { back: true })
    const undone = { state: 'undoing', attempts: 0, failure, undone_by: by, due_ms: clock.nowMs() } as const
    return await records.change(tx, row, undone)
  })
}

async function isOldDying(row: Row, deps: MachineDeps): Promise<boolean> {
  const job = await jobOf(row, deps)
  if (job.inPlace || job.rotator.byPerson !== undefined) return ['promoted', 'retiring'].includes(row.state)
  return row.state === 'retiring' && !(await isOldInUse(row, job, deps))
}
