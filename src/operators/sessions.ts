import { randomBytes } from 'node:crypto'
import { newId, sha256Hex, type Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { Login } from './operator.ts'

/** People who signed in with a browser. The cookie is kept as a hash, so a copy of the store opens none. */
export interface OperatorSessions {
  /** Always a new one: a cookie from before the sign-in is worth nothing after it. */
  create(login: Login): Promise<{ readonly id: string; readonly token: string }>
  /** Undefined if it is unknown, ended, idle for too long, or too old. */
  authenticate(token: string): Promise<{ readonly id: string; readonly login: Login } | undefined>
  end(token: string): Promise<void>
}

export const sessionSeconds = 10 * 3600
const idleMs = 30 * 60_000
/** How exactly the idle time is known. */
const touchMs = 60_000

export function createOperatorSessions(deps: { store: Store; clock: Clock }): OperatorSessions {
  const { store, clock } = deps
  return {
    async create(login) {
      const token = randomBytes(32).toString('base64url')
      const id = newId<string>('ops')
      const now = clock.nowMs()
      await store.write(async (tx) => {
        // What has ended by itself goes with whoever comes next.
        await tx.deleteFrom('operator_sessions').where('expires_ms', '<', now).execute()
        await tx
          .insertInto('operator_sessions')
          .values({
            id,
            hash: sha256Hex(token),
            login: JSON.stringify(login),
            created_ms: now,
            seen_ms: now,
            expires_ms: now + sessionSeconds * 1000,
            ended_ms: null,
          })
          .execute()
      })
      return { id, token }
    },
    async authenticate(token) {
      const now = clock.nowMs()
      const row = await store.read
        .selectFrom('operator_sessions')
        .selectAll()
        .where('hash', '=', sha256Hex(token))
        .executeTakeFirst()
      if (row === undefined || row.ended_ms !== null) return undefined
      if (now >= row.expires_ms || now - row.seen_ms > idleMs) return undefined
      if (now - row.seen_ms > touchMs)
        await store
          .write((tx) =>
            tx.updateTable('operator_sessions').set({ seen_ms: now }).where('id', '=', row.id).execute(),
          )
          // Who signed in may revoke on a full disk, too; at worst they sign in again earlier.
          .catch(() => undefined)
      return { id: row.id, login: JSON.parse(row.login) as Login }
    },
    async end(token) {
      await store.write((tx) =>
        tx
          .updateTable('operator_sessions')
          .set({ ended_ms: clock.nowMs() })
          .where('hash', '=', sha256Hex(token))
          .where('ended_ms', 'is', null)
          .execute(),
      )
    },
  }
}

/** Only a page of ours can know it: it is read from an answer, which no other site may. */
export function csrfTokenOf(sessionToken: string): string {
  return sha256Hex(`mayfly csrf ${sessionToken}`)
}
