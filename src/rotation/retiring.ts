import { longMs } from '../config/index.ts'
import { messageOf } from '../lib/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import { later, wait, type Next } from './next.ts'
import type { Row } from './records.ts'
import type { Revoked } from './rotator.ts'
import { inTime, isSame, jobOf, probeOf, valueOf, type Job } from './work.ts'

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
  const { rotation, inPlace, rotator } = await jobOf(row, deps)
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
  const problem = await standIn(row, job, deps)
  if (problem !== undefined) return wait(row, clock, problem)
  const revoked = await revokeOld(job, deps)
  if (typeof revoked === 'object') return wait(row, clock, revoked.failure)
  const probed = await probeOf(job, job.work.old, deps)
  if (probed === 'dead') return done('probed', deps)
  if (revoked === 'not_known' && job.rotator.byPerson !== undefined) {
    const failure = `the old value of ${row.secret} still works: ${job.rotator.byPerson}`
    return { changes: { attempts: row.attempts + 1, due_ms: clock.nowMs() + personMs, failure }, waits: true }
  }
  if (probed === 'alive') return wait(row, clock, 'the old value was revoked and still works')
  if (revoked === 'not_known') return done('not_known', deps)
  return done(revoked === 'not_found' ? 'not_found' : 'confirmed', deps)
}

/** Before the old one is ended, the one in its place must still work. Undefined if so. */
async function standIn(row: Row, job: Job, deps: MachineDeps): Promise<string | undefined> {
  const inUse = await valueOf(deps.vault, row.secret)
  if (isSame(inUse, job.work.old.value)) return 'the old value is in use again: it is not ended'
  if (row.cause === 'compromise') return undefined
  if (isSame(inUse, job.work.new.value) && (await probeOf(job, job.work.new, deps)) === 'dead')
    return 'the new value has stopped working: the old one is kept'
  return undefined
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
