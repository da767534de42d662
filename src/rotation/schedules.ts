import type { Clock } from '../lib/index.ts'
import type { RotationConfig } from '../config/index.ts'
import type { Store } from '../store/index.ts'
import type { Alerts, Late } from './alerts.ts'
import type { Cause, Records, Row } from './records.ts'
import { rotatorNamed } from './rotators.ts'
import { isOpen, nextOpenMs, scheduleOf, type Schedule } from './schedule.ts'

export interface Configured {
  readonly secret: string
  readonly rotation: RotationConfig
  readonly owner: string | null
}

/** So many rotations back failures count. */
export const mostTried = 20
const everyMs = 5_000
const firstRetryMs = 300_000
const longestRetryMs = 21_600_000

/** Looks which secrets are due, and which are late. */
export function createSchedules(deps: {
  store: Store
  records: Records
  alerts: Alerts
  clock: Clock
  configs: () => readonly Configured[]
  begin: (
    secret: string,
    rotation: RotationConfig,
    how: { cause: Cause; by: string },
  ) => Promise<Row | undefined>
}) {
  const { store, records, alerts, clock } = deps
  let lookedMs: number | undefined

  async function look(one: Configured): Promise<void> {
    const now = clock.nowMs()
    const made = await madeOf(store, one.secret)
    // It has no value yet, or it is deleted: there is nothing to rotate.
    if (made === undefined) return
    const schedule = scheduleOf(one.rotation, made.madeMs, `${one.secret} ${made.version}`)
    const newest = await records.latest(one.secret, mostTried)
    const open = newest.find(({ ended_ms }) => ended_ms === null)
    await alert(one, made.version, schedule, newest)
    if (open !== undefined || now < nextTryMs(one.rotation, schedule, newest, made.version)) return
    if (!isOpen(one.rotation.window, now)) return
    await deps.begin(one.secret, one.rotation, { cause: 'schedule', by: '"schedule"' })
  }

  async function alert(
    { secret, owner, rotation }: Configured,
    version: number,
    { plannedMs, warnMs, lateMs }: Schedule,
    newest: readonly Row[],
  ): Promise<void> {
    const now = clock.nowMs()
    const [rotator = ''] = Object.keys(rotation.by)
    const { byPerson } = rotatorNamed(rotator)
    const about: Late['about'] | undefined =
      now >= lateMs
        ? 'late'
        : now >= warnMs
          ? 'soon'
          : now >= plannedMs && byPerson !== undefined
            ? 'needs_person'
            : undefined
    // A new value is in use: what is left of it is told as a failure, if it is one.
    if (about === undefined) return
    const told = await store.read
      .selectFrom('rotation_alerts')
      .select('about')
      .where('secret', '=', secret)
      .where('version', '=', version)
      .where('about', '=', about)
      .executeTakeFirst()
    if (told !== undefined) return
    const reason =
      byPerson ??
      newest.find(({ from_version }) => from_version === version)?.failure ??
      'it was not its turn yet'
    await store.write((tx, run) => alerts.late(tx, run, { secret, version, owner, about, lateMs, reason }))
  }

  return {
    async sweep(): Promise<void> {
      const now = clock.nowMs()
      // Also when the clock was put back.
      if (lookedMs !== undefined && now >= lookedMs && now < lookedMs + everyMs) return
      lookedMs = now
      for (const one of deps.configs()) await look(one)
    },
  }
}

/** When the next rotation of `version` begins by itself, or what is under way goes on: with what has failed counted in. */
export function nextTryMs(
  { window }: RotationConfig,
  { plannedMs }: Schedule,
  newest: readonly Row[],
  version: number,
): number {
  const open = newest.find(({ ended_ms }) => ended_ms === null)
  if (open !== undefined && open.promoted_ms === null) return open.due_ms
  return nextOpenMs(window, Math.max(plannedMs, retryMs(newest, version)))
}

/** After failures it is tried again, later and later; a failure on an older value counts no more. */
function retryMs(newest: readonly Row[], version: number): number {
  const failures = newest.filter(
    ({ state, from_version }) => from_version === version && (state === 'failed' || state === 'rolled_back'),
  )
  const last = failures[0]?.ended_ms ?? undefined
  if (last === undefined) return 0
  return last + Math.min(longestRetryMs, firstRetryMs * 2 ** (failures.length - 1))
}

/** When the value that is in use was made. */
export async function madeOf(
  { read }: Pick<Store, 'read'>,
  secret: string,
): Promise<{ version: number; madeMs: number } | undefined> {
  const row = await read
    .selectFrom('secret_names')
    .innerJoin('secrets', (join) =>
      join
        .onRef('secrets.name', '=', 'secret_names.name')
        .onRef('secrets.version', '=', 'secret_names.current_version'),
    )
    .select(['secrets.version', 'secrets.created_ms'])
    .where('secret_names.name', '=', secret)
    .where('secret_names.deleted_ms', 'is', null)
    .executeTakeFirst()
  return row === undefined ? undefined : { version: row.version, madeMs: row.created_ms }
}
