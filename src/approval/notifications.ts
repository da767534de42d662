import type { QueryCreator } from 'kysely'
import { newId, messageOf, type Clock, type Secret } from '../lib/index.ts'
import type { Broker } from '../broker/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store, Tables } from '../store/index.ts'
import { messageFor } from './message.ts'
import type { SendWebhook } from './webhook.ts'

/**
 * Tells people by webhook. What is to be told is written in the transaction that makes it true and delivered
 * afterwards, again and again for a day: no exchange waits for it, and no restart loses it.
 */
export interface Notifications {
  /** Queues the event for every target that wants it. */
  add(tx: QueryCreator<Tables>, event: string, data: Record<string, unknown>): Promise<void>
  /** Delivers what is due; called every second, one run at a time. */
  deliver(): Promise<void>
}

const batch = 20
/** 5 s, 10 s, 20 s, ... an hour at most. */
const firstRetryMs = 5_000
const longestRetryMs = 3_600_000
const giveUpMs = 86_400_000

export function createNotifications(deps: {
  store: Store
  clock: Clock
  rules: RulesHolder
  outbox: Broker['outbox']
  openSecret: (name: string) => Promise<Secret>
  send: SendWebhook
  /** Our URL, for the link in the message. */
  url: () => string
}): Notifications {
  const { store, clock, outbox } = deps
  let delivering: Promise<void> | undefined
  /** Sent, and still in the store, since it could not be written: they are not sent again. */
  const sent = new Set<string>()

  async function deliverDue(): Promise<void> {
    const due = await store.read
      .selectFrom('notifications')
      .selectAll()
      .where('due_ms', '<=', clock.nowMs())
      .orderBy('due_ms')
      .limit(batch)
      .execute()
    const outcomes = await Promise.allSettled(due.map(deliverOne))
    for (const one of outcomes) if (one.status === 'rejected') throw one.reason
  }

  async function deliverOne(row: Tables['notifications']): Promise<void> {
    const target = deps.rules.current().document.notify[row.target]
    // It was taken out of the policy meanwhile: nobody is to be told there any more.
    if (target === undefined) return forget(row, 'the target is no longer under notify')
    try {
      if (!sent.has(row.id)) await sendTo(target, row)
      sent.add(row.id)
    } catch (error) {
      if (clock.nowMs() - row.created_ms >= giveUpMs) return forget(row, messageOf(error))
      const waitMs = Math.min(longestRetryMs, firstRetryMs * 2 ** row.attempts)
      await store.write((tx) =>
        tx
          .updateTable('notifications')
          .set({ attempts: row.attempts + 1, due_ms: clock.nowMs() + waitMs })
          .where('id', '=', row.id)
          .execute(),
      )
      return
    }
    await store.write((tx) => tx.deleteFrom('notifications').where('id', '=', row.id).execute())
    sent.delete(row.id)
  }

  async function sendTo(
    target: Parameters<typeof messageFor>[1],
    row: Tables['notifications'],
  ): Promise<void> {
    const { openSecret } = deps
    const message = await messageFor(row, target, { nowMs: clock.nowMs(), url: deps.url(), openSecret })
    await deps.send(message, target.addresses)
  }

  async function forget(row: Tables['notifications'], reason: string): Promise<void> {
    const data = { target: row.target, attempts: row.attempts, reason: reason.slice(0, 300) }
    await outbox.write(async (tx, add) => {
      await tx.deleteFrom('notifications').where('id', '=', row.id).execute()
      add([{ type: 'notification.failed', subject: row.id, data }])
    })
  }

  return {
    async add(tx, event, data) {
      if (!deps.rules.loaded) return
      const now = clock.nowMs()
      const wanting = Object.entries(deps.rules.current().document.notify).filter(([, { events }]) =>
        events.some((one) => one === event),
      )
      if (wanting.length === 0) return
      const text = JSON.stringify({ type: event, timestamp: new Date(now).toISOString(), data })
      const rows = wanting.map(([target]) => ({
        id: newId<string>('msg'),
        target,
        event: text,
        attempts: 0,
        due_ms: now,
        created_ms: now,
      }))
      await tx.insertInto('notifications').values(rows).execute()
    },
    deliver() {
      delivering ??= deliverDue().finally(() => {
        delivering = undefined
      })
      return delivering
    },
  }
}
