import type { QueryCreator } from 'kysely'
import { randomBytes } from 'node:crypto'
import { MayflyError, type Clock } from '../lib/index.ts'
import { insertRow, type Store, type Tables } from '../store/index.ts'
import { keyBytes } from './cipher.ts'
import type { StoredRing } from './key-ring.ts'
import type { WritesEntry } from './open-ring.ts'
import { createReseal } from './reseal.ts'
import { stateIn, wrapRingKey, writeState } from './ring-records.ts'

export interface KeyRotation {
  /** Makes a new key, which seals from now on. If one is under way, it goes on, and nothing is made. Throws `vault_sealed`. */
  begin(record?: WritesEntry): Promise<{ key: number; begun: boolean }>
  /**
   * Does one batch of what is under way, if anything is. `finish` retires the older keys in the caller's transaction, and tells
   * whether it was this server that did. Call it again soon while `more` is true.
   */
  step(): Promise<Step>
}

export interface Step {
  readonly more: boolean
  /** Set once nothing is left that an older key has sealed. */
  readonly finish?: (tx: QueryCreator<Tables>) => Promise<number | undefined>
  /** What does not open. */
  readonly broken: readonly string[]
}

/**
 * Another server may have sealed something by the key before a moment ago, and writes it now. What is even later still opens: a
 * retired key seals nothing, and is kept.
 */
const settleMs = 3_000

export function createKeyRotation(deps: { store: Store; ring: StoredRing; clock: Clock }): KeyRotation {
  const { store, ring, clock } = deps
  const reseal = createReseal(deps)
  let pass: { key: number; beganMs: number; changed: number; broken: string[] } | undefined

  const older = (id: number) =>
    store.read
      .selectFrom('vault_keys')
      .select('id')
      .where('id', '<', id)
      .where('retired_ms', 'is', null)
      .limit(1)
      .executeTakeFirst()

  return {
    async begin(record) {
      ring.root()
      return await store.write(async (tx, run) => {
        const now = await stateIn(tx)
        if (now?.state !== 'open' || ring.lacksRoot())
          throw new MayflyError('conflict', 'the vault is being sealed or wrapped anew: try again')
        const waiting = await tx
          .selectFrom('vault_keys')
          .select('id')
          .where('id', '<', now.newest)
          .where('retired_ms', 'is', null)
          .executeTakeFirst()
        if (waiting !== undefined) return { key: now.newest, begun: false }
        // Not before: a root that was forgotten meanwhile is overwritten with zeros.
        const root = ring.root()
        const [key, made] = [now.newest + 1, randomBytes(keyBytes)]
        const provider = JSON.stringify({ root: root.id })
        const wrapped = wrapRingKey(root.key, key, made)
        made.fill(0)
        run(
          insertRow('vault_keys', {
            id: key,
            wrapped,
            provider,
            created_ms: clock.nowMs(),
            retired_ms: null,
          }),
        )
        writeState(run, { ...now, newest: key })
        record?.(run)
        return { key, begun: true }
      })
    },

    async step() {
      const key = ring.newest().id
      if ((await older(key)) === undefined) {
        pass = undefined
        return { more: false, broken: [] }
      }
      if (pass?.key !== key) pass = { key, beganMs: clock.nowMs(), changed: 0, broken: [] }
      const done = await reseal()
      pass.changed += done.changed
      pass.broken.push(...done.broken)
      if (!done.passed) return { more: true, broken: [] }
      const { beganMs, changed, broken } = pass
      pass = undefined
      const made = store.find('vault_keys', { id: key })?.created_ms ?? 0
      if (changed > 0 || broken.length > 0 || beganMs < made + settleMs) return { more: changed > 0, broken }
      return { more: false, broken: [], finish: (tx) => retire(tx, key, clock.nowMs()) }
    },
  }
}

async function retire(tx: QueryCreator<Tables>, key: number, nowMs: number): Promise<number | undefined> {
  const retired = await tx
    .updateTable('vault_keys')
    .set({ retired_ms: nowMs })
    .where('id', '<', key)
    .where('retired_ms', 'is', null)
    .executeTakeFirst()
  return Number(retired.numUpdatedRows) > 0 ? key : undefined
}
