import { longMs } from '../config/index.ts'
import { messageOf } from '../lib/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import { later, undoing, wait, type Next } from './next.ts'
import type { Row } from './records.ts'
import { isOldInUse } from './returns.ts'
import type { Revoked } from './rotator.ts'
import { inTime, isSame, jobOf, probeOf, valueOf, type Job } from './work.ts'

const oldInUse = 'the old value is in use again: it is not ended'
const stillWorks = 'the old value was revoked and still works'
const askMs = 10_000
const personMs = 3_600_000
/** What was opened before the new value was in use is a lease by then, or is none. */
const leastOverlapMs = 60_000

/** The old one lives until nobody has it: not the overlap alone decides, and not the leases alone. */
export async function waitForLeases(row: Row, deps: MachineDeps): Promise<Next> {
  const { clock } = deps
  const retiring: Next = { changes: { state: 'retiring', attempts: 0 } }
  // Whoever else knows it must not have it longer than it takes.
  if (row.cause === 'compromise') return retiring
  const job = await jobOf(row, deps)
  const { rotation, inPlace, rotator } = job
  const returned = await returnedOld(row, job, deps)
  if (returned !== undefined) return returned
  if (inPlace || rotator.byPerson !== undefined) return retiring
  const overlapMs = Math.max(leastOverlapMs, longMs(rotation.overlap))
  const leftMs = (row.promoted_ms ?? 0) + overlapMs - clock.nowMs()
  if (leftMs > 0) return later(clock, Math.min(leftMs, overlapMs))
  return (await deps.leasesOf(row.secret, row.from_version)) > 0 ? later(clock, askMs) : retiring
}

/** Ends the old one, and looks whether it is dead. */
export async function retire(row: Row, deps: MachineDeps): Promise<Next> {
  const { clock } = deps
  const job = await jobOf(row, deps)
  const returned = row.cause === 'compromise' ? undefined : await returnedOld(row, job, deps)
  if (returned !== undefined) return returned
  const problem = await standIn(row, job, deps)
  if (problem !== undefined) return wait(row, clock, problem)
  const revoked = await revokeOld(job, deps)
  if (typeof revoked === 'object') return wait(row, clock, revoked.failure)
  const probed = await probeOf(job, job.work.old, deps)
  if (await isNewDead(row, job, deps)) return bothDead(row, probed === 'dead' ? 'probed' : 'confirmed', deps)
  if (probed === 'dead') return done('probed', deps)
  if (revoked === 'not_known' && job.rotator.byPerson !== undefined) {
    const failure = `the old value of ${row.secret} still works: ${job.rotator.byPerson}`
    return { changes: { attempts: row.attempts + 1, due_ms: clock.nowMs() + personMs, failure }, waits: true }
  }
  if (probed === 'alive') return wait(row, clock, stillWorks)
  if (revoked === 'not_known') return done('not_known', deps)
  return done(revoked === 'not_found' ? 'not_found' : 'confirmed', deps)
}

/**
 * Somebody has set the old value again. While it lives theirs stands, and the new one is ended; once it is dead there is only the
 * new one. Undefined: it is not so.
 */
async function returnedOld(row: Row, job: Job, deps: MachineDeps): Promise<Next | undefined> {
  if (job.inPlace || !(await isOldInUse(row, job, deps))) return undefined
  // It may have been ended already, and not every machine there knows it.
  const probed = row.failure === stillWorks ? 'unknown' : await probeOf(job, job.work.old, deps)
  const failure = 'the old value was set again'
  if (probed === 'alive' && job.rotator.byPerson === undefined) return undoing(row, deps.clock, failure)
  if (probed === 'alive') return { changes: { state: 'rolled_back', failure, ended_ms: deps.clock.nowMs() } }
  if (probed !== 'dead') return wait(row, deps.clock, `${oldInUse}, ${howOut(row)}`)
  const { changes } = done('probed', deps)
  return { changes: { ...changes, failure: `${failure}, and is dead: ${howOut(row)}` } }
}

function howOut({ secret, to_version }: Row): string {
  return `mayfly secret restore ${secret} --version ${to_version} uses the new one`
}

/** Before the old one is ended, the one in its place must still work. Undefined if so. */
async function standIn(row: Row, job: Job, deps: MachineDeps): Promise<string | undefined> {
  const inUse = await valueOf(deps.vault, row.secret)
  if (isSame(inUse, job.work.old.value)) return oldInUse
  if (row.cause === 'compromise') return undefined
  if (isSame(inUse, job.work.new.value) && (await probeOf(job, job.work.new, deps)) === 'dead')
    return 'the new value has stopped working: the old one is kept'
  return undefined
}

/** To end the old one may have ended the new one, too: then people must know it now, not by steps that fail. */
async function isNewDead(row: Row, job: Job, deps: MachineDeps): Promise<boolean> {
  if (!isSame(await valueOf(deps.vault, row.secret), job.work.new.value)) return false
  return (await probeOf(job, job.work.new, deps)) === 'dead'
}

function bothDead({ secret, to_version }: Row, proof: string, { clock }: MachineDeps): Next {
  const failure = `when the old value was ended, the new one died with it: version ${to_version}, which is in use, does not work. Make one at the upstream, then mayfly secret set ${secret}`
  return { changes: { state: 'failed', proof, failure, ended_ms: clock.nowMs() } }
}

async function revokeOld(
  { rotator, work, inPlace }: Job,
  { tools }: MachineDeps,
): Promise<Revoked | { failure: string }> {
  if (inPlace) return 'revoked'
  if (rotator.byPerson !== undefined) return 'not_known'
  try {
    return await inTime(rotator.revoke(work, work.old, tools))
  } catch (error) {
    return { failure: `the old value is not ended yet: ${messageOf(error)}` }
  }
}

function done(proof: string, { clock }: MachineDeps): Next {
  const failure =
    proof === 'not_known'
      ? 'nothing says which credential the old value is: end it at the upstream by hand'
      : null
  return { changes: { state: 'done', proof, failure, ended_ms: clock.nowMs() } }
}
