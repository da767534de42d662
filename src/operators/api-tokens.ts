import { randomBytes } from 'node:crypto'
import type { QueryCreator } from 'kysely'
import { MayflyError, newId, sha256Hex, type Clock } from '../lib/index.ts'
import type { Store, Tables } from '../store/index.ts'
import type { Login, Operator, Scope } from './operator.ts'

export interface ApiToken {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresMs: number | null
  readonly revokedMs: number | null
}

export interface ApiTokens {
  /** Makes a token; its text is returned once and kept nowhere. */
  create(request: {
    name: string
    scopes: readonly Scope[]
    expiresMs: number | null
    /** Then it may do what this person may at the time, not what `scopes` says. */
    login?: Login
  }): Promise<ApiToken & { token: string }>
  /** Who presents this token; undefined if it is unknown, expired or revoked. */
  authenticate(token: string): Promise<Operator | undefined>
  list(): Promise<ApiToken[]>
  /** In the caller's transaction. Throws `not_found`. */
  revoke(tx: QueryCreator<Tables>, id: string): Promise<void>
}

export function createApiTokens({ store, clock }: { store: Store; clock: Clock }): ApiTokens {
  return {
    async create(request) {
      const token = `mayfly_${randomBytes(32).toString('base64url')}`
      const id = newId<string>('tok')
      await store.write((tx) =>
        tx
          .insertInto('api_tokens')
          .values({
            id,
            // 256 random bits need no slow hash.
            hash: sha256Hex(token),
            name: request.name,
            scopes: JSON.stringify(request.scopes),
            created_ms: clock.nowMs(),
            expires_ms: request.expiresMs,
            revoked_ms: null,
            login: request.login === undefined ? null : JSON.stringify(request.login),
          })
          .execute(),
      )
      const { name, scopes: given, expiresMs } = request
      return { id, name, scopes: given, expiresMs, revokedMs: null, token }
    },
    async authenticate(token) {
      const row = await store.read
        .selectFrom('api_tokens')
        .selectAll()
        .where('hash', '=', sha256Hex(token))
        .executeTakeFirst()
      if (row === undefined || row.revoked_ms !== null) return undefined
      if (row.expires_ms !== null && row.expires_ms <= clock.nowMs()) return undefined
      const operator = { id: row.id, name: row.name, scopes: JSON.parse(row.scopes) as Scope[] }
      return row.login === null
        ? operator
        : { ...operator, scopes: [], login: JSON.parse(row.login) as Login }
    },
    async list() {
      const rows = await store.read.selectFrom('api_tokens').selectAll().orderBy('created_ms').execute()
      return rows.map((row) => ({
        id: row.id,
        name: row.name,
        scopes: JSON.parse(row.scopes) as Scope[],
        expiresMs: row.expires_ms,
        revokedMs: row.revoked_ms,
      }))
    },
    async revoke(tx, id) {
      const changed = await tx
        .updateTable('api_tokens')
        .set({ revoked_ms: clock.nowMs() })
        .where('id', '=', id)
        .where('revoked_ms', 'is', null)
        .executeTakeFirst()
      if (changed.numUpdatedRows === 0n)
        throw new MayflyError('not_found', `there is no API token ${id} in force`)
    },
  }
}
