import type { Transaction } from 'kysely'
import { newId, type Clock } from '../lib/index.ts'
import type { AuditClient, AuditEvent } from '../audit/client/index.ts'
import type { Store, Tables } from '../store/index.ts'

/**
 * Entries about what has already happened (an end, a revocation). They are written in the transaction that
 * makes it happen and appended to the audit log afterwards, however often it takes: a log that is down can
 * stop nothing from being revoked, and no entry is lost.
 */
export interface Outbox {
  /** Adds the entries to the transaction. */
  add(tx: Transaction<Tables>, events: readonly AuditEvent[]): Promise<void>
  /** Starts delivery; returns at once. */
  deliver(): void
  /** Entries not yet in the audit log. */
  pending(): Promise<number>
  close(): Promise<void>
}

const retryMs = 1000
const batch = 200

export function createOutbox(deps: { store: Store; audit: AuditClient; clock: Clock }): Outbox {
  const { store, audit, clock } = deps
  let delivering: Promise<void> | undefined
  let again = false
  let retry: NodeJS.Timeout | undefined

  async function deliverAll(): Promise<void> {
    do {
      again = false
      for (;;) {
        const rows = await store.read
          .selectFrom('outbox')
          .selectAll()
          .orderBy('created_ms')
          .orderBy('id')
          .limit(batch)
          .execute()
        if (rows.length === 0) break
        // The row's id is the idempotency key: delivered twice (a crash in between), it is one entry.
        await Promise.all(
          rows.map((row) => audit.append({ ...(JSON.parse(row.event) as AuditEvent), id: row.id })),
        )
        await store.write((tx) =>
          tx
            .deleteFrom('outbox')
            .where(
              'id',
              'in',
              rows.map((row) => row.id),
            )
            .execute(),
        )
      }
    } while (again)
  }

  function deliver(): void {
    again = true
    if (delivering !== undefined) return
    delivering = deliverAll()
      .catch(() => {
        retry = setTimeout(deliver, retryMs)
        retry.unref()
      })
      .finally(() => {
        delivering = undefined
      })
  }

  return {
    deliver,
    async add(tx, events) {
      if (events.length === 0) return
      const created_ms = clock.nowMs()
      // Ids sort in the order of the events of one transaction.
      const rows = events.map((event, i) => ({
        id: newId<string>(`ob_${String(i).padStart(4, '0')}`),
        event: JSON.stringify(event),
        created_ms,
      }))
      await tx.insertInto('outbox').values(rows).execute()
    },
    async pending() {
      const row = await store.read
        .selectFrom('outbox')
        .select((e) => e.fn.countAll<number>().as('count'))
        .executeTakeFirst()
      return row?.count ?? 0
    },
    async close() {
      clearTimeout(retry)
      await delivering
    },
  }
}
