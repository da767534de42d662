import { MayflyError, messageOf } from '../lib/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import { later, wait, type Next } from './next.ts'
import type { Row } from './records.ts'
import { inTime, isSame, jobOf } from './work.ts'

const personMs = 10_000
const tries = 3

/** What is going to be made, and the value, where we choose it: durable before the upstream hears of it. */
export async function plan(row: Row, deps: MachineDeps): Promise<Next> {
  const { vault, clock, tools, records } = deps
  let job: Awaited<ReturnType<typeof jobOf>>
  try {
    job = await jobOf(row, deps)
    if (job.rotator.byPerson !== undefined) return await byPerson(row, job.rotator.byPerson, deps)
    const planned = await inTime(job.rotator.plan(job.work, tools))
    if (isSame(planned.value, job.work.old.value))
      throw new MayflyError('credential_failed', 'the new value would be the old one')
    return {
      changes: { state: 'creating', plan: JSON.stringify(planned.plan), attempts: 0 },
      async also(tx, made) {
        if (planned.value === undefined) return made
        const to_version = await vault.change(tx).stage(row.secret, planned.value, `rotation ${row.id}`)
        return await records.change(tx, made, { to_version })
      },
    }
  } catch (error) {
    if (error instanceof MayflyError && error.code === 'vault_sealed') throw error
    // Nothing was made yet.
    if (row.attempts + 1 < tries) return wait(row, clock, messageOf(error))
    return { changes: { state: 'failed', failure: messageOf(error).slice(0, 500), ended_ms: clock.nowMs() } }
  }
}

/** Waits until somebody has set the new value; it is used from then on, and probed. */
async function byPerson(row: Row, task: string, { vault, clock }: MachineDeps): Promise<Next> {
  const current = (await vault.find(row.secret))?.version ?? 0
  if (current <= row.from_version) {
    const { changes } = later(clock, personMs)
    return { changes: { ...changes, failure: task }, waits: true }
  }
  return { changes: { state: 'created', to_version: current, attempts: 0, failure: null } }
}
