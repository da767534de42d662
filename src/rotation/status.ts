import type { Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { LastUse, LeaseUse } from './lease-use.ts'
import type { Records, Row } from './records.ts'
import { scheduleOf } from './schedule.ts'
import { madeOf, type Configured } from './schedules.ts'

/** How a secret stands. Times are milliseconds since the Unix epoch. */
export interface Shown {
  readonly secret: string
  readonly owner: string | null
  readonly version: number | undefined
  readonly madeMs: number | undefined
  readonly rotator: string
  readonly nextMs: number | undefined
  readonly lateMs: number | undefined
  readonly isLate: boolean
  /** The newest rotation: how far it is, or how it ended. */
  readonly rotation: Row | undefined
  readonly lastRotatedMs: number | undefined
  readonly lastUse: LastUse | undefined
}

const stuckAttempts = 3

export function createStatus(deps: {
  store: Store
  records: Records
  leaseUse: LeaseUse
  clock: Clock
  configs: () => readonly Configured[]
}) {
  const { store, records, leaseUse, clock } = deps

  async function show({ secret, owner, rotation }: Configured): Promise<Shown> {
    const made = await madeOf(store, secret)
    const schedule = made && scheduleOf(rotation, made.madeMs, `${secret} ${made.version}`)
    const [newest] = await records.latest(secret, 1)
    const [rotator = ''] = Object.keys(rotation.by)
    return {
      secret,
      owner,
      version: made?.version,
      madeMs: made?.madeMs,
      rotator,
      nextMs: schedule?.plannedMs,
      lateMs: schedule?.lateMs,
      isLate: schedule !== undefined && clock.nowMs() >= schedule.lateMs,
      rotation: newest,
      lastRotatedMs: await lastRotated(secret),
      lastUse: await leaseUse.last(secret),
    }
  }

  async function lastRotated(secret: string): Promise<number | undefined> {
    const row = await store.read
      .selectFrom('rotations')
      .select('promoted_ms')
      .where('secret', '=', secret)
      .where('promoted_ms', 'is not', null)
      .where('state', 'in', ['promoted', 'retiring', 'done'])
      .orderBy('created_ms', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row?.promoted_ms ?? undefined
  }

  return {
    async all(secret?: string): Promise<Shown[]> {
      const wanted = deps.configs().filter((one) => secret === undefined || one.secret === secret)
      const shown: Shown[] = []
      for (const one of wanted) shown.push(await show(one))
      return shown.toSorted(
        (a, b) =>
          Number(b.isLate) - Number(a.isLate) ||
          (a.lateMs ?? Infinity) - (b.lateMs ?? Infinity) ||
          (a.secret < b.secret ? -1 : 1),
      )
    },
    async counts(): Promise<{ late: number; stuck: number; open: number }> {
      let late = 0
      for (const { secret, rotation } of deps.configs()) {
        const made = await madeOf(store, secret)
        if (made === undefined) continue
        if (clock.nowMs() >= scheduleOf(rotation, made.madeMs, `${secret} ${made.version}`).lateMs) late++
      }
      const rows = await store.read
        .selectFrom('rotations')
        .select('attempts')
        .where('ended_ms', 'is', null)
        .execute()
      return {
        late,
        stuck: rows.filter(({ attempts }) => attempts >= stuckAttempts).length,
        open: rows.length,
      }
    },
  }
}
