import type { Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { Listed, Vault } from '../vault/index.ts'
import type { LastUse, LeaseUse } from './lease-use.ts'
import type { Records, Row } from './records.ts'
import { scheduleOf } from './schedule.ts'
import { madeOf, mostTried, nextTryMs, type Configured } from './schedules.ts'

/** How a secret stands. Times are milliseconds since the Unix epoch. */
export interface Shown {
  readonly secret: string
  readonly owner: string | null
  readonly version: number | undefined
  readonly madeMs: number | undefined
  /** undefined: nothing rotates it. */
  readonly rotator: string | undefined
  readonly nextMs: number | undefined
  readonly lateMs: number | undefined
  readonly isLate: boolean
  /** Others know the value in use: nothing is leased from it. */
  readonly isCompromised: boolean
  /** The newest rotation: how far it is, or how it ended. */
  readonly rotation: Row | undefined
  readonly lastRotatedMs: number | undefined
  readonly lastUse: LastUse | undefined
}

type Known = Omit<Configured, 'rotation'> & { readonly rotation: Configured['rotation'] | undefined }

const stuckAttempts = 3
const pageSize = 200

export function createStatus(deps: {
  store: Store
  records: Records
  leaseUse: LeaseUse
  clock: Clock
  configs: () => readonly Configured[]
  vault: Pick<Vault, 'list' | 'find'>
}) {
  const { store, records, leaseUse, clock, vault } = deps

  async function show({ secret, owner, rotation }: Known): Promise<Shown> {
    const made = await madeOf(store, secret)
    const schedule = made && rotation && scheduleOf(rotation, made.madeMs, `${secret} ${made.version}`)
    const all = await records.latest(secret, mostTried)
    const [newest] = all
    const [rotator] = Object.keys(rotation?.by ?? {})
    return {
      secret,
      owner,
      version: made?.version,
      madeMs: made?.madeMs,
      rotator,
      nextMs: schedule && nextTryMs(rotation, schedule, all, made.version),
      lateMs: schedule?.lateMs,
      isCompromised: made !== undefined && made.version <= compromisedVersion(secret),
      isLate: schedule !== undefined && clock.nowMs() >= schedule.lateMs,
      rotation: newest,
      lastRotatedMs: await lastRotated(secret),
      lastUse: await leaseUse.last(secret),
    }
  }

  function compromisedVersion(secret: string): number {
    return store.find('secret_names', { name: secret })?.compromised_version ?? 0
  }

  async function lastRotated(secret: string): Promise<number | undefined> {
    const row = await store.read
      .selectFrom('rotations')
      .select('promoted_ms')
      .where('secret', '=', secret)
      .where('promoted_ms', 'is not', null)
      .where('state', 'in', ['promoted', 'retiring', 'done', 'failed'])
      .orderBy('created_ms', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row?.promoted_ms ?? undefined
  }

  async function* kept(): AsyncGenerator<Known> {
    const rotated = new Set(deps.configs().map(({ secret }) => secret))
    for (let after: string | undefined = ''; after !== undefined;) {
      const page: Listed[] = await vault.list({ after, limit: pageSize })
      for (const one of page) if (!rotated.has(one.name)) yield unrotated(one)
      after = page.length < pageSize ? undefined : page.at(-1)?.name
      // There may be many, and others wait for this process.
      await new Promise((next) => setImmediate(next))
    }
  }

  return {
    /** One that is in the vault or is rotated; undefined if it is neither. */
    async of(secret: string): Promise<Shown | undefined> {
      const rotated = deps.configs().find((one) => one.secret === secret)
      if (rotated !== undefined) return await show(rotated)
      const kept = await vault.find(secret)
      return kept === undefined || kept.deletedMs !== null ? undefined : await show(unrotated(kept))
    },
    /** Late ones first. With `unrotated` also those in the vault that nothing rotates, the oldest value first. */
    async all(how: { unrotated: boolean }): Promise<Shown[]> {
      const shown: Shown[] = []
      for (const one of deps.configs()) shown.push(await show(one))
      if (how.unrotated) for await (const one of kept()) shown.push(await show(one))
      return shown.toSorted(
        (a, b) =>
          Number(b.isLate) - Number(a.isLate) ||
          compare(a.lateMs, b.lateMs) ||
          Number(a.rotator === undefined) - Number(b.rotator === undefined) ||
          (a.rotator === undefined ? compare(a.madeMs, b.madeMs) : 0) ||
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

function unrotated({ name, owner }: Listed): Known {
  return { secret: name, owner, rotation: undefined }
}

/** What has no time comes last. */
function compare(a = Infinity, b = Infinity): number {
  return a === b ? 0 : a - b
}
