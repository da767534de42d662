import { messageOf } from '../lib/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import { undoing, wait, type Next } from './next.ts'
import type { Row } from './records.ts'
import { inTime, jobOf, probeOf } from './work.ts'

const deadProbes = 3
const probes = 6

/** Nothing is used that was not seen to work. Upstreams with several machines may take a moment to know it. */
export async function probeNew(row: Row, deps: MachineDeps): Promise<Next> {
  const job = await jobOf(row, deps)
  const probed = await probeOf(job, job.work.new, deps)
  const isByPerson = job.rotator.byPerson !== undefined
  if (probed === 'alive')
    return isByPerson
      ? { changes: { state: 'promoted', attempts: 0, failure: null, promoted_ms: deps.clock.nowMs() } }
      : { changes: { state: 'probed', attempts: 0 } }
  if (probed === 'dead') {
    if (row.attempts + 1 < deadProbes) return wait(row, deps.clock, 'the new value does not work')
    const failure = 'the new value does not work'
    return isByPerson ? await takeBack(row, failure, deps) : undoing(row, deps.clock, failure)
  }
  const why = probed === 'unknown' ? 'the upstream does not say' : probed.unknown
  const failure = `whether the new value works cannot be told: ${why}`
  // What a person has set is in use already, and may work.
  if (isByPerson || row.attempts + 1 < probes) return wait(row, deps.clock, failure)
  return undoing(row, deps.clock, failure)
}

/** What a person has set is in use already: the old value comes back, if it still works. */
async function takeBack(row: Row, failure: string, deps: MachineDeps): Promise<Next> {
  const job = await jobOf(row, deps)
  const isOldAlive = (await probeOf(job, job.work.old, deps)) === 'alive'
  const ended_ms = deps.clock.nowMs()
  if (!isOldAlive)
    return { changes: { state: 'failed', failure: `${failure}, and nor does the old one`, ended_ms } }
  return {
    changes: { state: 'rolled_back', failure, ended_ms },
    async also(tx) {
      if ((await versionInUse(tx, row.secret)) === row.to_version)
        await deps.vault.change(tx).use(row.secret, row.from_version, { back: true })
    },
  }
}

/** From here on the new value is what the secret is. */
export async function promote(row: Row, deps: MachineDeps): Promise<Next> {
  const { vault, clock } = deps
  const job = await jobOf(row, deps)
  try {
    if (job.rotator.promote !== undefined) await inTime(job.rotator.promote(job.work, deps.tools))
  } catch (error) {
    const failure = messageOf(error)
    return row.attempts + 1 < probes ? wait(row, clock, failure) : undoing(row, clock, failure)
  }
  const inUse = await vault.find(row.secret)
  // To use a version brings back what was deleted.
  if (inUse?.version !== row.from_version || inUse.deletedMs !== null)
    return undoing(row, clock, anotherValue)
  return {
    changes: { state: 'promoted', attempts: 0, failure: null, promoted_ms: clock.nowMs() },
    async also(tx) {
      // Read again where nobody can come between.
      if ((await versionInUse(tx, row.secret)) !== row.from_version) throw new Error(anotherValue)
      await vault.change(tx).use(row.secret, row.to_version ?? 0)
    },
  }
}

const anotherValue = 'somebody set another value meanwhile, or deleted the secret'

async function versionInUse(
  tx: Parameters<NonNullable<Next['also']>>[0],
  name: string,
): Promise<number | undefined> {
  const row = await tx
    .selectFrom('secret_names')
    .select('current_version')
    .where('name', '=', name)
    .where('deleted_ms', 'is', null)
    .executeTakeFirst()
  return row?.current_version
}
