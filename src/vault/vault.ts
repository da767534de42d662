import type { QueryCreator } from 'kysely'
import { MayflyError, Secret, type Clock } from '../lib/index.ts'
import type { Store, Tables } from '../store/index.ts'
import { openSealed, seal, type VaultKey } from './envelope.ts'
import { checkContext } from './open-ring.ts'

export interface Vault {
  /** Seals a new version; returns its number. Older versions stay. */
  set(name: string, value: Secret): Promise<number>
  /** Opens the newest version. Throws `secret_missing` or `vault_key`. */
  open(name: string): Promise<Secret>
  /** Deletes all versions, in the caller's transaction; returns how many there were. */
  delete(tx: QueryCreator<Tables>, name: string): Promise<number>
  /** Names and versions, never values. */
  list(): Promise<{ name: string; version: number; createdMs: number }[]>
  /** Throws `vault_key` unless the key is the one this store was made with. */
  check(): Promise<void>
}

/** The vault over a store. Only the broker, and the server at its own start, may hold one. */
export function createVault(deps: { store: Store; key: VaultKey; clock: Clock }): Vault {
  const { store, key, clock } = deps
  return {
    async set(name, value) {
      return store.write(async (tx) => {
        const newest = await tx
          .selectFrom('secrets')
          .select('version')
          .where('name', '=', name)
          .orderBy('version', 'desc')
          .limit(1)
          .executeTakeFirst()
        const version = (newest?.version ?? 0) + 1
        const sealed = seal(key, contextOf(name, version), Buffer.from(value.reveal(), 'utf8'))
        await tx.insertInto('secrets').values({ name, version, sealed, created_ms: clock.nowMs() }).execute()
        return version
      })
    },
    async open(name) {
      const row = await store.read
        .selectFrom('secrets')
        .selectAll()
        .where('name', '=', name)
        .orderBy('version', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined) {
        throw new MayflyError(
          'secret_missing',
          `secret "${name}" is not in the vault: mayfly secret set ${name}`,
        )
      }
      return new Secret(openSealed(key, contextOf(name, row.version), row.sealed).reveal().toString('utf8'))
    },
    async delete(tx, name) {
      // The store overwrites what it deletes (`secure_delete`).
      const deleted = await tx.deleteFrom('secrets').where('name', '=', name).executeTakeFirst()
      return Number(deleted.numDeletedRows)
    },
    async list() {
      const rows = await store.read
        .selectFrom('secrets')
        .select(['name', 'version', 'created_ms'])
        .orderBy('name')
        .orderBy('version')
        .execute()
      return rows.map((row) => ({ name: row.name, version: row.version, createdMs: row.created_ms }))
    },
    async check() {
      const row = await store.read
        .selectFrom('meta')
        .select('value')
        .where('key', '=', checkContext)
        .executeTakeFirst()
      if (row !== undefined) {
        openSealed(key, checkContext, Buffer.from(row.value, 'base64'))
        return
      }
      const value = seal(key, checkContext, Buffer.from('mayfly')).toString('base64')
      await store.write((tx) => tx.insertInto('meta').values({ key: checkContext, value }).execute())
    },
  }
}

function contextOf(name: string, version: number): string {
  return `secret "${name}" version ${version}`
}
