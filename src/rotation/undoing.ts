import { messageOf } from '../lib/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import { later, wait, type Next } from './next.ts'
import type { Row } from './records.ts'
import type { Revoked } from './rotator.ts'
import { inTime, isSame, jobOf, probeOf, valueOf } from './work.ts'

const askMs = 10_000
const butNotEnded = '; the new value is not ended yet: '

/** Ends the new one, which is not to be used, or what may have been made of it. The old one stays in use. */
export async function undo(row: Row, deps: MachineDeps): Promise<Next> {
  const { vault, clock } = deps
  const job = await jobOf(row, deps)
  const { rotator, work } = job
  if (isSame(work.new.value, await valueOf(vault, row.secret)))
    return wait(row, clock, 'the new value is in use: it is not ended')
  // It was in use, until somebody took it back.
  if (row.to_version !== null && row.promoted_ms !== null) {
    const having = await deps.leasesOf(row.secret, row.to_version, row.from_version)
    if (having > 0) return later(clock, askMs)
  }
  let revoked: Revoked
  try {
    revoked = await inTime(rotator.revoke(work, work.new, deps.tools))
  } catch (error) {
    const [why = ''] = (row.failure ?? '').split(butNotEnded)
    return wait(row, clock, `${why}${butNotEnded}${messageOf(error)}`)
  }
  if (work.new.value !== undefined && (await probeOf(job, work.new, deps)) === 'alive')
    return wait(row, clock, 'the new value was ended and still works')
  const state = revoked === 'revoked' || row.handle !== null ? 'rolled_back' : 'failed'
  return {
    changes: { state, ended_ms: clock.nowMs() },
    async also(tx) {
      if (row.to_version !== null) await vault.change(tx).destroy(row.secret, row.to_version)
    },
  }
}
