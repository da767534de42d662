import type { Selectable } from 'kysely'
import type { Store, Tables } from '../store/index.ts'

/** A secret, without its value. Times are milliseconds since the Unix epoch. */
export interface Listed {
  readonly name: string
  /** The one that is used. */
  readonly version: number
  readonly createdMs: number
  /** When the version was sealed that is used. */
  readonly setMs: number
  /** Its bytes are gone: nobody can use it. */
  readonly destroyed: boolean
  readonly owner: string | null
  readonly description: string | null
  readonly tags: Readonly<Record<string, string>>
  readonly deletedMs: number | null
  readonly usedMs: number | null
  readonly usedBy: string | null
}

export interface SecretVersion {
  readonly version: number
  readonly createdMs: number
  readonly by: string | null
  /** `current`, unless the secret is deleted, is used; `staged` has not been used yet. */
  readonly state: 'current' | 'older' | 'staged' | 'destroyed'
}

export interface ListRequest {
  /** A folder with its `/`, or the beginning of a name. */
  readonly prefix?: string
  readonly deleted?: boolean
  readonly after?: string
  readonly limit?: number
}

export function createListing(store: Store) {
  const names = () =>
    store.read
      .selectFrom('secret_names')
      .innerJoin('secrets', (join) =>
        join
          .onRef('secrets.name', '=', 'secret_names.name')
          .onRef('secrets.version', '=', 'secret_names.current_version'),
      )
      .selectAll('secret_names')
      .select(['secrets.created_ms as set_ms', 'secrets.destroyed_ms'])

  return {
    async list({ prefix = '', deleted = false, after = '', limit = 1_000 }: ListRequest = {}): Promise<
      Listed[]
    > {
      const rows = await names()
        .where('secret_names.name', '>', after)
        .where('secret_names.name', '>=', prefix)
        // Names are ASCII: nothing that begins so comes behind it.
        .where('secret_names.name', '<', `${prefix}\u{7f}`)
        .where('deleted_ms', deleted ? 'is not' : 'is', null)
        .orderBy('secret_names.name')
        .limit(limit)
        .execute()
      return rows.map(listed)
    },
    async find(name: string): Promise<Listed | undefined> {
      const row = await names().where('secret_names.name', '=', name).executeTakeFirst()
      return row === undefined ? undefined : listed(row)
    },
    async history(name: string): Promise<SecretVersion[]> {
      const current = store.find('secret_names', { name })?.current_version ?? 0
      const rows = await store.read
        .selectFrom('secrets')
        .select(['version', 'created_ms', 'created_by', 'destroyed_ms'])
        .where('name', '=', name)
        .orderBy('version', 'desc')
        .execute()
      return rows.map(({ version, created_ms, created_by, destroyed_ms }) => ({
        version,
        createdMs: created_ms,
        by: created_by,
        state: destroyed_ms === null ? stateOf(version, current) : 'destroyed',
      }))
    },
  }
}

function stateOf(version: number, current: number): SecretVersion['state'] {
  if (version === current) return 'current'
  return version < current ? 'older' : 'staged'
}

type Row = Selectable<Tables['secret_names']> & { set_ms: number; destroyed_ms: number | null }

function listed(row: Row): Listed {
  return {
    name: row.name,
    version: row.current_version,
    createdMs: row.created_ms,
    setMs: row.set_ms,
    destroyed: row.destroyed_ms !== null,
    owner: row.owner,
    description: row.description,
    tags: JSON.parse(row.tags) as Record<string, string>,
    deletedMs: row.deleted_ms,
    usedMs: row.used_ms,
    usedBy: row.used_by,
  }
}
