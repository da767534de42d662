import type { QueryCreator } from 'kysely'
import { type Clock, MayflyError, newId } from '../lib/index.ts'
import type { AuditClient, AuditEvent, RunNumbers } from '../audit/client/index.ts'
import { insertRow, type Run, type Store, type Tables } from '../store/index.ts'
import { runState } from './run-numbers.ts'

/**
 * Entries about what has already happened (an end, a revocation). They are written in the transaction that
 * makes it happen and appended to the audit log afterwards, however often it takes: a log that is down can
 * stop nothing from being revoked, and no entry is lost.
 */
export interface Outbox {
  /**
   * Runs a transaction that adds entries of what it makes happen, and starts their delivery once it is on the disk.
   * Throws what the store throws; then the numbers that its entries had are given up.
   */
  write<T>(work: (tx: QueryCreator<Tables>, add: AddEvents) => Promise<T>): Promise<T>
  /** Starts delivery; returns at once. */
  deliver(): void
  /** Entries not yet in the audit log. */
  pending(): Promise<number>
  /** Is the entry with this id of its own in the audit log? Waits for it, for so long. */
  isDelivered(id: string, waitMs?: number): Promise<boolean>
  close(): Promise<void>
}

export type AddEvents = (events: readonly AuditEvent[]) => void

const retryMs = 1000
const lookMs = 10
const batch = 200

export function createOutbox(deps: {
  store: Store
  audit: AuditClient
  numbers: RunNumbers
  clock: Clock
}): Outbox {
  const { store, audit, numbers, clock } = deps
  let delivering: Promise<void> | undefined
  let again = false
  let closed = false
  let retry: NodeJS.Timeout | undefined

  async function deliverAll(): Promise<void> {
    do {
      again = false
      let after = 0
      for (;;) {
        const rows = await store.read
          .selectFrom('outbox')
          .selectAll()
          .where('seq', '>', after)
          .orderBy('seq')
          .limit(batch)
          .execute()
        if (rows.length === 0 || closed) break
        // What the log says of an end must not be undone by a power cut.
        await store.confirmed()
        after = rows.at(-1)?.seq ?? after
        if (!(await deliverBatch(rows))) return tryLater()
      }
    } while (again)
  }

  /** In the order in which things happened. False if the log does not answer: what follows waits too. */
  async function deliverBatch(rows: readonly { id: string; event: string }[]): Promise<boolean> {
    // The row's id is the idempotency key: delivered twice (a crash in between), it is one entry.
    const sent = await Promise.allSettled(
      rows.map((row) => audit.append({ ...(JSON.parse(row.event) as AuditEvent), id: row.id })),
    )
    const done = rows.filter((_, i) => sent[i]?.status === 'fulfilled').map((row) => row.id)
    if (done.length > 0)
      await store.writeAll((tables) => [tables.deleteFrom('outbox').where('id', 'in', done)])
    // An entry that the log refuses for good stays here, is counted, and holds back no other.
    return !sent.some((one) => one.status === 'rejected' && isPassing(one.reason))
  }

  function tryLater(): void {
    if (closed) return
    retry = setTimeout(deliver, retryMs)
    retry.unref()
  }

  function deliver(): void {
    if (closed) return
    again = true
    if (delivering !== undefined) return
    clearTimeout(retry)
    delivering = deliverAll()
      .catch(tryLater)
      .finally(() => {
        delivering = undefined
      })
  }

  return {
    deliver,
    async write(work) {
      const taken: { run: string; seq: number }[] = []
      const number = (run: string) => {
        const seq = numbers.take(run)
        taken.push({ run, seq })
        return seq
      }
      const add = (run: Run, events: readonly AuditEvent[]) => {
        const time = new Date(clock.nowMs()).toISOString()
        for (const event of events) {
          const numbered = event.run === undefined ? {} : { seq: number(event.run) }
          if (event.run !== undefined) run(runState(event.run, numbers))
          putEntry(run, { ...event, ...numbered }, time)
        }
      }
      try {
        const result = await store.write((tx, run) => work(tx, (events) => add(run, events)))
        deliver()
        return result
      } catch (error) {
        for (const { run, seq } of taken) numbers.giveUp(run, seq)
        throw error
      }
    },
    async pending() {
      const row = await store.read
        .selectFrom('outbox')
        .select((e) => e.fn.countAll<number>().as('count'))
        .executeTakeFirst()
      return row?.count ?? 0
    },
    async isDelivered(id, waitMs = 1_000) {
      const until = performance.now() + waitMs
      for (;;) {
        if (store.find('outbox', { id }) === undefined) return true
        if (closed || performance.now() >= until) return false
        deliver()
        // Of a busy server a delivery may go on for long after this entry.
        await Promise.race([delivering, new Promise((next) => setTimeout(next, lookMs))])
      }
    },
    async close() {
      closed = true
      clearTimeout(retry)
      await delivering
    },
  }
}

/** In a transaction of any store: an entry of what it makes happen, of no run. It is delivered with the next ones. */
export function putEntry(run: Run, event: AuditEvent, time: string): void {
  const { id = newId<string>('ob'), ...rest } = event
  run(insertRow('outbox', { id, event: JSON.stringify({ ...rest, time }) }))
}

const forGood: ReadonlySet<string> = new Set(['bad_input', 'limit_exceeded', 'audit_rejected'])

function isPassing(reason: unknown): boolean {
  return !(reason instanceof MayflyError && forGood.has(reason.code))
}
