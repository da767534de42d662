import type { QueryCreator } from 'kysely'
import type { Notifications } from '../approval/index.ts'
import type { AuditEvent } from '../audit/client/index.ts'
import type { Clock } from '../lib/index.ts'
import { insertOnce, type Run, type Tables } from '../store/index.ts'
import type { Row } from './records.ts'

/** Tells people what they must know, once each. */
export interface Alerts {
  /** What has gone wrong by this change. */
  ofChange(tx: QueryCreator<Tables>, before: Row, after: Row): Promise<void>
  /** That a secret is not rotated in time, or soon will not be. */
  late(tx: QueryCreator<Tables>, run: Run, about: Late): Promise<void>
}

export interface Late {
  readonly secret: string
  readonly version: number
  readonly owner: string | null
  readonly about: 'soon' | 'late' | 'needs_person'
  /** When it is late, milliseconds since the Unix epoch. */
  readonly lateMs: number
  readonly reason: string
}

/** A state that was tried so often without success that somebody should look. */
const stuckAttempts = 3

export function createAlerts({
  notifications,
  clock,
}: {
  notifications: Pick<Notifications, 'add'>
  clock: Clock
}): Alerts {
  return {
    async ofChange(tx, before, after) {
      const problem = problemOf(before, after)
      if (problem === undefined) return
      await notifications.add(tx, 'secret.rotation_failed', {
        ...factsOf(after),
        problem,
        reason: after.failure,
      })
    },
    async late(tx, run, { secret, version, owner, about, lateMs, reason }) {
      const told = await tx
        .selectFrom('rotation_alerts')
        .select('about')
        .where('secret', '=', secret)
        .where('version', '=', version)
        .where('about', '=', about)
        .executeTakeFirst()
      if (told !== undefined) return
      run(insertOnce('rotation_alerts', { secret, version, about, created_ms: clock.nowMs() }))
      const late = new Date(lateMs).toISOString()
      const whose = owner === null ? {} : { owner }
      await notifications.add(tx, 'secret.rotation_late', { secret, version, ...whose, about, late, reason })
    },
  }
}

/** The entry that belongs to a change, if it is one that others should be able to prove. */
export function entryOf(before: Row, after: Row): AuditEvent | undefined {
  const data = factsOf(after)
  if (after.state === 'promoted' && before.state !== 'promoted') return { type: 'secret.rotated', data }
  if (after.state === 'done') return { type: 'secret.retired', data: { ...data, proof: after.proof } }
  const reason = after.failure
  if (after.state === 'rolled_back') return { type: 'secret.rolledback', data: { ...data, reason } }
  // Given up while the new value is in use: then nothing says that the old one has ended.
  const given = after.promoted_ms === null ? {} : { state: before.state }
  if (after.state === 'failed') return { type: 'secret.unrotated', data: { ...data, ...given, reason } }
  if (!isStuck(before, after)) return undefined
  return { type: 'secret.unrotated', data: { ...data, state: after.state, reason } }
}

function factsOf(row: Row): Record<string, unknown> {
  return {
    secret: row.secret,
    rotation: row.id,
    rotator: row.rotator,
    from: row.from_version,
    ...(row.to_version === null ? {} : { to: row.to_version }),
    cause: row.cause,
    ...(row.undone_by === null
      ? { by: JSON.parse(row.asked_by) as unknown }
      : { by: JSON.parse(row.undone_by) as unknown, begunBy: JSON.parse(row.asked_by) as unknown }),
  }
}

function problemOf(before: Row, after: Row): string | undefined {
  if (after.state === 'failed' && after.proof !== null) return 'the value in use does not work'
  if (after.state === 'failed')
    return after.promoted_ms === null ? 'nothing was changed' : 'the old value may still be alive'
  if (after.state === 'rolled_back') return 'the old value stays in use'
  if (after.state === 'done' && after.proof === 'not_known') return 'the old value may still be alive'
  if (!isStuck(before, after)) return undefined
  return after.state === 'retiring' ? 'the old value is still alive' : 'it is tried again'
}

function isStuck(before: Row, after: Row): boolean {
  return before.state === after.state && before.attempts < stuckAttempts && after.attempts >= stuckAttempts
}
