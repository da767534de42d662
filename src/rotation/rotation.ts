import { MayflyError, noSuch, type Clock } from '../lib/index.ts'
import type { Notifications } from '../approval/index.ts'
import type { QueryCreator } from 'kysely'
import type { AddEvents, Broker } from '../broker/index.ts'
import type { RotationConfig } from '../config/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store, Tables } from '../store/index.ts'
import type { Listed, Vault } from '../vault/index.ts'
import { createAlerts, entryOf } from './alerts.ts'
import { createCompromises, type ShownCompromise } from './compromise.ts'
import { giveUp, type GivingUp } from './give-up.ts'
import { createLeaseUse } from './lease-use.ts'
import { advance } from './machine.ts'
import type { MachineDeps } from './machine-deps.ts'
import { createRecords, Lost, type Row } from './records.ts'
import type { RotatorTools } from './rotator.ts'
import { rotatorNamed } from './rotators.ts'
import { nextOpenMs } from './schedule.ts'
import { createSchedules } from './schedules.ts'
import { createStatus, type Shown } from './status.ts'
import { jobOf, probeOf } from './work.ts'

export type { Shown }

export interface SecretRotation {
  /** Begins what is due, goes on with what is under way; called every second. Resolves when all of it waits for something. */
  sweep(): Promise<void>
  /** Begins one when its window is open, or now; gives back the one that is open already, if there is one. `by` is JSON. */
  rotate(secret: string, how: { by: string; now: boolean }): Promise<Row>
  /** What a rotation would do, without doing it: the value in use is probed. */
  dryRun(secret: string): Promise<{ rotator: string; tells: string; probe: string; window: string | null }>
  /** Gives the new value up that is being made, or that is in use while the old one lives. */
  rollBack(secret: string, by: string): Promise<Row>
  /** See `giveUp`: before a secret is deleted, destroyed or moved, in the same transaction. */
  giveUp(tx: QueryCreator<Tables>, add: AddEvents, what: GivingUp): Promise<void>
  /** The value in use is known to others: see `createCompromises`. Said again, it goes on with what was begun. */
  compromise(
    secret: string,
    how: { by: string; reason?: string | undefined; again: boolean },
  ): Promise<ShownCompromise>
  compromiseOf(secret: string): Promise<ShownCompromise>
  /** Late ones first; also those that nothing rotates, if so asked. */
  status(how?: { unrotated: boolean }): Promise<Shown[]>
  /** Throws `not_found` for one that is neither rotated nor in the vault. */
  statusOf(secret: string): Promise<Shown>
  /** For metrics and `/readyz`. */
  counts(): Promise<{ late: number; stuck: number; open: number }>
  /** Waits for what is being asked of upstreams. */
  close(): Promise<void>
}

const mostAtOnce = 8

export function createSecretRotation(deps: {
  store: Store
  vault: Vault
  broker: Pick<Broker, 'outbox' | 'revokeSecret'>
  notifications: Pick<Notifications, 'add'>
  rules: RulesHolder
  tools: RotatorTools
  clock: Clock
}): SecretRotation {
  const { store, vault, broker, rules, tools, clock } = deps
  const { outbox } = broker
  const records = createRecords({ store, clock })
  const alerts = createAlerts({ notifications: deps.notifications, clock })
  const leaseUse = createLeaseUse(store)
  const machine: MachineDeps = {
    store,
    outbox,
    vault,
    records,
    alerts,
    tools,
    clock,
    leasesOf: (...which) => leaseUse.open(...which),
  }
  const configs = () =>
    Object.entries(rules.loaded ? rules.current().document.secrets : {}).flatMap(
      ([secret, { rotation, owner }]) =>
        rotation === undefined ? [] : [{ secret, rotation, owner: owner ?? null }],
    )
  const schedules = createSchedules({ store, records, alerts, clock, configs, begin })
  const status = createStatus({ store, records, leaseUse, clock, configs, vault })
  const compromises = createCompromises({
    ...{ store, broker, vault, records, clock, configs, begin },
    probe: async (secret, version) =>
      configs().some((one) => one.secret === secret)
        ? (await probeVersion(secret, version)).probe
        : 'unknown',
  })
  const running = new Set<Promise<void>>()
  let closed = false

  async function begin(
    secret: string,
    rotation: RotationConfig,
    { cause, by, dueMs = clock.nowMs() }: { cause: Row['cause']; by: string; dueMs?: number },
  ) {
    const known = await inUse(secret)
    const oldHandle = await records.handleOf(secret, known.version)
    return await records.begin({ secret, version: known.version, rotation, cause, by, dueMs, oldHandle })
  }

  async function inUse(secret: string): Promise<Listed> {
    const known = await vault.find(secret)
    if (known === undefined)
      throw new MayflyError(
        'secret_missing',
        `secret "${secret}" has no value yet: mayfly secret set ${secret}`,
      )
    if (known.deletedMs === null) return known
    throw new MayflyError('secret_missing', `secret "${secret}" is deleted: mayfly secret restore ${secret}`)
  }

  function configOf(secret: string): RotationConfig {
    const all = configs()
    const found = all.find((one) => one.secret === secret)
    if (found !== undefined) return found.rotation
    const known = all.map((one) => one.secret)
    if (known.length === 0)
      throw new MayflyError(
        'not_found',
        `secrets.${secret}.rotation is not in mayfly.yaml: say there how it is rotated`,
      )
    throw noSuch('rotation of secret', secret, new Set(known))
  }

  async function goOn(): Promise<void> {
    while (!closed && running.size < mostAtOnce) {
      const row = await records.claim()
      if (row === undefined) break
      const act = advance(row, machine).finally(() => running.delete(act))
      running.add(act)
    }
    await Promise.all(running)
  }

  async function held(secret: string): Promise<Row> {
    const open = await records.open(secret)
    if (open === undefined) throw new MayflyError('conflict', `no rotation of ${secret} is under way`)
    await records.hurry(secret)
    const row = await records.claim(open.id)
    if (row === undefined)
      throw new MayflyError(
        'conflict',
        `the rotation of ${secret} is being worked on just now: try again in a moment`,
      )
    return row
  }

  return {
    async sweep() {
      if (closed) return
      await compromises.sweep()
      await schedules.sweep()
      await goOn()
    },
    async rotate(secret, { by, now }) {
      const rotation = configOf(secret)
      const dueMs = now ? clock.nowMs() : nextOpenMs(rotation.window, clock.nowMs())
      const made = await begin(secret, rotation, { cause: 'asked', by, dueMs })
      if (made !== undefined) return made
      if (now) await records.hurry(secret)
      const open = await records.open(secret)
      if (open === undefined)
        throw new MayflyError('conflict', `a rotation of ${secret} has just ended: try again`)
      return open
    },
    async dryRun(secret) {
      const { window } = configOf(secret)
      const known = await inUse(secret)
      const { probe, rotator } = await probeVersion(secret, known.version)
      return { rotator, tells: rotatorNamed(rotator).tells, probe, window: window ?? null }
    },
    giveUp: (tx, add, what) => giveUp(tx, add, what, { alerts, clock }),
    async rollBack(secret, by) {
      const row = await held(secret)
      try {
        return await rollBackHeld(row, by)
      } catch (error) {
        if (error instanceof Lost)
          throw new MayflyError('conflict', `the rotation of ${secret} went on meanwhile: look at its status`)
        throw error
      } finally {
        await records.release(row)
      }
    },
    async compromise(secret, how) {
      await compromises.begin(secret, how)
      return await compromises.of(secret)
    },
    compromiseOf: (secret) => compromises.of(secret),
    status: (how = { unrotated: false }) => status.all(how),
    async statusOf(secret) {
      const one = await status.of(secret)
      if (one !== undefined) return one
      const known = (await vault.list()).map(({ name }) => name)
      throw noSuch('secret', secret, new Set([...known, ...configs().map((config) => config.secret)]))
    },
    counts: () => status.counts(),
    async close() {
      closed = true
      await Promise.all(running)
    },
  }

  /** As a rotation would look at it; nothing is begun. */
  async function probeVersion(secret: string, version: number): Promise<{ rotator: string; probe: string }> {
    const rotation = configOf(secret)
    const [rotator = ''] = Object.keys(rotation.by)
    const row = {
      id: 'rot_look',
      secret,
      rotator,
      config: JSON.stringify(rotation),
      from_version: version,
      to_version: null,
      plan: null,
      handle: null,
      old_handle: await records.handleOf(secret, version),
    }
    const job = await jobOf(row, machine)
    const probed = await probeOf(job, job.work.old, machine)
    return { rotator, probe: typeof probed === 'string' ? probed : `unknown: ${probed.unknown}` }
  }

  async function rollBackHeld(row: Row, by: string): Promise<Row> {
    const { inPlace, rotator } = await jobOf(row, machine)
    const failure = 'rolled back by hand'
    if (row.state === 'retiring' || (row.state === 'promoted' && (inPlace || rotator.byPerson !== undefined)))
      throw new MayflyError(
        'conflict',
        `the old value of ${row.secret} is dead or dying: rotate again instead`,
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
}
