import { MayflyError, noSuch, type Clock } from '../lib/index.ts'
import type { Notifications } from '../approval/index.ts'
import type { QueryCreator } from 'kysely'
import type { AddEvents, Broker } from '../broker/index.ts'
import type { RotationConfig } from '../config/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store, Tables } from '../store/index.ts'
import type { Listed, Vault } from '../vault/index.ts'
import { createAlerts } from './alerts.ts'
import { createCompromises, type Begun, type ShownCompromise } from './compromise.ts'
import { giveUp, type GivingUp } from './give-up.ts'
import { createLeaseUse } from './lease-use.ts'
import { advance } from './machine.ts'
import type { MachineDeps } from './machine-deps.ts'
import { createRecords, Lost, type Row } from './records.ts'
import type { RotatorTools } from './rotator.ts'
import { createReturns, type Returns } from './returns.ts'
import { rollBack } from './roll-back.ts'
import { nextOpenMs } from './schedule.ts'
import { createSchedules } from './schedules.ts'
import { createStatus, type Shown } from './status.ts'
import { probeVersion, tryOut, type DryRun } from './trying.ts'
import { valueOf } from './work.ts'

export type { Shown }

export interface SecretRotation {
  /** Begins what is due, goes on with what is under way; called every second. Resolves when all of it waits for something. */
  sweep(): Promise<void>
  /**
   * Begins one when its window is open, or now; gives back the one that is open already, if there is one. `by` is JSON. Throws
   * `vault_sealed`.
   */
  rotate(secret: string, how: { by: string; now: boolean }): Promise<Row & { readonly isNew: boolean }>
  /** What a rotation would do, without doing it: whatever can be tried without a change is tried. */
  dryRun(secret: string): Promise<DryRun>
  /** Gives the new value up that is being made, or that is in use while the old one lives. */
  rollBack(secret: string, by: string): Promise<Row>
  /** What is under way ends where it is: what cannot be ended stands in the way of the next one no more. */
  forget(secret: string, by: string): Promise<Row>
  /** See `createReturns`: before a person sets a value. */
  beforeSet: Returns['refuse']
  /** A person has set a value, or has brought one back: what is under way looks at it now. */
  afterSet(secrets: readonly string[]): Promise<void>
  /** See `giveUp`: before a secret is deleted, destroyed or moved, in the same transaction. */
  giveUp(tx: QueryCreator<Tables>, add: AddEvents, what: GivingUp): Promise<void>
  /** The value in use, or a `version` that was found, is known to others: see `createCompromises`. Said again, it goes on with what was begun. */
  compromise(
    secret: string,
    how: { by: string; reason?: string | undefined; again: boolean; version?: number },
  ): Promise<ShownCompromise & Begun>
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
  const returns = createReturns({ store, vault, records, configs })
  const status = createStatus({ store, records, leaseUse, clock, configs, vault })
  const compromises = createCompromises({
    ...{ store, broker, vault, records, clock, configs, begin },
    probe: async (secret, version) =>
      configs().some((one) => one.secret === secret)
        ? await probeVersion(
            {
              secret,
              version,
              rotation: configOf(secret),
              oldHandle: await records.handleOf(secret, version),
            },
            machine,
          )
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
      // A sealed vault says so here: a rotation would wait for it, and nobody would be told.
      await valueOf(vault, secret)
      const dueMs = now ? clock.nowMs() : nextOpenMs(rotation.window, clock.nowMs())
      const made = await begin(secret, rotation, { cause: 'asked', by, dueMs })
      if (made !== undefined) return { ...made, isNew: true }
      if (now) await records.hurry(secret)
      const open = await records.open(secret)
      if (open === undefined)
        throw new MayflyError('conflict', `a rotation of ${secret} has just ended: try again`)
      return { ...open, isNew: false }
    },
    async dryRun(secret) {
      const rotation = configOf(secret)
      const { version } = await inUse(secret)
      return await tryOut(
        { secret, version, rotation, oldHandle: await records.handleOf(secret, version) },
        machine,
      )
    },
    async forget(secret, by) {
      const ended = await outbox.write((tx, add) =>
        giveUp(tx, add, { secret, by, forced: true }, { alerts, clock }),
      )
      if (ended === undefined) throw new MayflyError('conflict', `no rotation of ${secret} is under way`)
      return ended
    },
    beforeSet: (...given) => returns.refuse(...given),
    afterSet: (secrets) => returns.look(secrets),
    async giveUp(tx, add, what) {
      await giveUp(tx, add, what, { alerts, clock })
    },
    async rollBack(secret, by) {
      const row = await held(secret)
      try {
        return await rollBack(row, by, machine)
      } catch (error) {
        if (error instanceof Lost)
          throw new MayflyError('conflict', `the rotation of ${secret} went on meanwhile: look at its status`)
        throw error
      } finally {
        await records.release(row)
      }
    },
    async compromise(secret, how) {
      const begun = await compromises.begin(secret, how)
      return { ...(await compromises.of(secret)), ...begun }
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
}
