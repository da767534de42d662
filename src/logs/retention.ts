import type { Clock, StepId } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { LogLimits } from './log-limits.ts'
import type { LogStorage } from './log-storage.ts'

/** Seals logs of steps that have ended and removes old ones. Of several servers one does it, by a claim that lapses. */
export interface Retention {
  sealedBytes(): number
  sweep(): Promise<void>
  removeAll(steps: readonly StepId[]): Promise<number>
}

/** How long after its end a step's runner may send what was said last. */
export const graceMs = 10_000
/** After which another server takes up what this one began. */
const claimMs = 120_000
const atOnce = 8
/** So that room is not made for every single piece. */
const roomFor = 0.95
const countedEveryMs = 60_000

export async function createRetention(deps: {
  store: Store
  storage: LogStorage
  clock: Clock
  limits: () => LogLimits
  openBytes: () => number
  /** From then on nothing is added to it. */
  close: (step: StepId) => Promise<void>
}): Promise<Retention> {
  const { store, storage, clock, limits } = deps
  let sealedBytes = await countSealed()
  let countedMs = clock.nowMs()
  let sweeping: Promise<void> | undefined
  await dropLeft()

  async function countSealed(): Promise<number> {
    const row = await store.read
      .selectFrom('step_logs')
      .select((e) => e.fn.sum<number | null>('stored_bytes').as('bytes'))
      .where('sealed_ms', 'is not', null)
      .where('removed_ms', 'is', null)
      .executeTakeFirst()
    return row?.bytes ?? 0
  }

  /** What a server that was killed had sealed but not removed, or what belongs to a step that this store does not know. */
  async function dropLeft(): Promise<void> {
    for (const step of await storage.open()) {
      const row = store.find('step_logs', { step_id: step })
      if (row === undefined || row.sealed_ms !== null) await storage.drop(step)
    }
  }

  /** Those of them that are ours to work on now. */
  async function claim(steps: readonly string[]): Promise<StepId[]> {
    if (steps.length === 0) return []
    const nowMs = clock.nowMs()
    const rows = await store.write((tx) =>
      tx
        .updateTable('step_logs')
        .set({ claimed_ms: nowMs })
        .where('step_id', 'in', steps)
        .where((e) => e.or([e('claimed_ms', 'is', null), e('claimed_ms', '<', nowMs - claimMs)]))
        .returning('step_id')
        .execute(),
    )
    return rows.map((row) => row.step_id as StepId)
  }

  async function sealEnded(): Promise<void> {
    const ended = await store.read
      .selectFrom('step_logs')
      .innerJoin('steps', 'steps.id', 'step_logs.step_id')
      .select('step_id')
      .where('sealed_ms', 'is', null)
      .where('steps.ended_ms', '<=', clock.nowMs() - graceMs)
      .limit(atOnce)
      .execute()
    for (const step of await claim(ended.map((row) => row.step_id))) await seal(step)
  }

  async function seal(step: StepId): Promise<void> {
    await deps.close(step)
    const made = await storage.seal(step)
    const nowMs = clock.nowMs()
    const change =
      made === undefined
        ? { sealed_ms: nowMs, removed_ms: nowMs, remove_reason: 'lost' }
        : { sealed_ms: nowMs, bytes: made.bytes, stored_bytes: made.storedBytes, sha256: made.sha256 }
    await store.writeAll((tables) => [
      tables
        .updateTable('step_logs')
        .set({ ...change, claimed_ms: null })
        .where('step_id', '=', step),
    ])
    sealedBytes += made?.storedBytes ?? 0
    await storage.drop(step)
  }

  async function removeOld(): Promise<void> {
    const rows = await store.read
      .selectFrom('step_logs')
      .select('step_id')
      .where('removed_ms', 'is', null)
      .where('sealed_ms', '<=', clock.nowMs() - limits().keepSeconds * 1000)
      .limit(atOnce)
      .execute()
    for (const step of await claim(rows.map((row) => row.step_id))) await removeOne(step, 'age')
  }

  /** The oldest of the repository that has most: whoever floods the server displaces what is their own. */
  async function makeRoom(): Promise<void> {
    const most = limits().maxTotalBytes * roomFor
    while (sealedBytes > 0 && sealedBytes + deps.openBytes() > most) {
      const kept = store.read
        .selectFrom('step_logs')
        .innerJoin('steps', 'steps.id', 'step_logs.step_id')
        .innerJoin('sessions', 'sessions.id', 'steps.session_id')
        .where('step_logs.sealed_ms', 'is not', null)
        .where('step_logs.removed_ms', 'is', null)
      const largest = await kept
        .select(['sessions.issuer', 'sessions.repository_id'])
        .groupBy(['sessions.issuer', 'sessions.repository_id'])
        .orderBy((e) => e.fn.sum('step_logs.stored_bytes'), 'desc')
        .limit(1)
        .executeTakeFirst()
      if (largest === undefined) return
      const rows = await kept
        .select('step_logs.step_id')
        .where('sessions.issuer', '=', largest.issuer)
        .where('sessions.repository_id', 'is', largest.repository_id)
        .orderBy('step_logs.sealed_ms')
        .limit(1)
        .execute()
      const claimed = await claim(rows.map((row) => row.step_id))
      // Another server is at it.
      if (claimed.length === 0) return
      for (const step of claimed) await removeOne(step, 'space')
    }
  }

  async function removeOne(step: StepId, reason: string): Promise<void> {
    const row = store.find('step_logs', { step_id: step })
    if (row === undefined || row.sha256 === null || row.removed_ms !== null) return
    await storage.remove(step, row.sha256)
    await store.writeAll((tables) => [
      tables
        .updateTable('step_logs')
        .set({ removed_ms: clock.nowMs(), remove_reason: reason, claimed_ms: null })
        .where('step_id', '=', step),
    ])
    sealedBytes -= row.stored_bytes
  }

  async function sweep(): Promise<void> {
    if (clock.nowMs() - countedMs > countedEveryMs) {
      countedMs = clock.nowMs()
      sealedBytes = await countSealed()
    }
    await sealEnded()
    await removeOld()
    await makeRoom()
  }

  return {
    sealedBytes: () => sealedBytes,
    // A large log takes longer to seal than a second.
    sweep: () => (sweeping ??= sweep().finally(() => (sweeping = undefined))),
    async removeAll(steps) {
      const rows = steps.map((step) => store.find('step_logs', { step_id: step }))
      const ended = rows.filter((row) => row !== undefined && row.removed_ms === null)
      const over = ended.filter((row) => store.find('steps', { id: row?.step_id ?? '' })?.ended_ms !== null)
      const claimed = await claim(over.map((row) => row?.step_id ?? ''))
      for (const step of claimed) {
        if (store.find('step_logs', { step_id: step })?.sealed_ms === null) await seal(step)
        await removeOne(step, 'erased')
      }
      return claimed.length
    },
  }
}
