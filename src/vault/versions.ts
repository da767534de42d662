import { createHash, timingSafeEqual } from 'node:crypto'
import type { QueryCreator } from 'kysely'
import { MayflyError, type Clock, type Secret } from '../lib/index.ts'
import type { Tables } from '../store/index.ts'

/** What is said of a secret beside its value. */
export interface Details {
  readonly owner?: string | null
  readonly description?: string | null
  readonly tags?: Readonly<Record<string, string>>
}

/** Changes of secrets, each a part of the caller's transaction. */
export interface SecretChanges {
  /** Seals a new version that nobody uses yet; returns its number. Throws `conflict` for a value that is known to be compromised. */
  stage(name: string, value: Secret, by?: string): Promise<number>
  /** The same value as another version has. Throws `not_found`; `secret_missing` if its bytes are gone. */
  stageOld(name: string, version: number, by?: string): Promise<number>
  /**
   * From here on this version is used, unless a newer one is: of two who set a secret at once, the later one stands. With
   * `back` also an older one. Brings back what was deleted.
   */
  use(name: string, version: number, how?: { back?: boolean }): Promise<void>
  /** The upstream takes this version no more, nor older ones: what holds them is of no use. */
  died(name: string, version: number): Promise<void>
  describe(name: string, details: Details): Promise<void>
  /** Of no use from here on, until it is restored; returns how many versions it has. */
  delete(name: string): Promise<number>
  /** Takes the deletion back. */
  undelete(name: string): Promise<void>
  /** The bytes of one version, or of all; returns which. The numbers stay, so that none is given twice. */
  destroy(name: string, version?: number): Promise<number[]>
  /** Every version under another name. Throws `conflict` if that is taken. */
  move(from: string, to: string): Promise<void>
}

export interface Sealer {
  seal(name: string, version: number, value: Secret): Uint8Array
  open(name: string, version: number, sealed: Uint8Array): Secret
}

const noBytes = new Uint8Array(0)

export function changes(tx: QueryCreator<Tables>, sealer: Sealer, clock: Clock): SecretChanges {
  async function stage(name: string, value: Secret, by?: string): Promise<number> {
    const now = clock.nowMs()
    // First of all: whoever writes the row has the secret to himself until the end of the transaction.
    await tx
      .insertInto('secret_names')
      .values({ name, current_version: 0, created_ms: now })
      .onConflict((row) => row.column('name').doUpdateSet((e) => ({ name: e.ref('excluded.name') })))
      .execute()
    const newest = await tx
      .selectFrom('secrets')
      .select((e) => e.fn.max('version').as('version'))
      .where('name', '=', name)
      .executeTakeFirst()
    await refuseCompromised(name, value)
    const version = (newest?.version ?? 0) + 1
    const sealed = sealer.seal(name, version, value)
    await tx
      .insertInto('secrets')
      .values({ name, version, sealed, created_ms: now, created_by: by ?? null, destroyed_ms: null })
      .execute()
    return version
  }

  /** A value that others know does not come back under another number: not by hand, not by a restore, not by a rotator. */
  async function refuseCompromised(name: string, value: Secret): Promise<void> {
    const known = await tx
      .selectFrom('secrets')
      .innerJoin('secret_names', 'secret_names.name', 'secrets.name')
      .select(['secrets.version', 'secrets.sealed'])
      .where('secrets.name', '=', name)
      .where('secrets.destroyed_ms', 'is', null)
      .whereRef('secrets.version', '<=', 'secret_names.compromised_version')
      .execute()
    const same = known.find(({ version, sealed }) => isSame(sealer.open(name, version, sealed), value))
    if (same !== undefined)
      throw new MayflyError(
        'conflict',
        `this is the value of version ${same.version} of secret "${name}", which others know: have its issuer make another, and set that`,
      )
  }

  return {
    stage,
    async stageOld(name, version, by) {
      const row = await tx
        .selectFrom('secrets')
        .selectAll()
        .where('name', '=', name)
        .where('version', '=', version)
        .executeTakeFirst()
      if (row === undefined) throw new MayflyError('not_found', `secret "${name}" has no version ${version}`)
      if (row.destroyed_ms !== null)
        throw new MayflyError(
          'secret_missing',
          `version ${version} of secret "${name}" is destroyed: its bytes are gone`,
        )
      return await stage(name, sealer.open(name, version, row.sealed), by)
    },
    async use(name, version, { back = false } = {}) {
      const update = tx
        .updateTable('secret_names')
        .set({ current_version: version, deleted_ms: null })
        .where('name', '=', name)
      await (back ? update : update.where('current_version', '<', version)).execute()
    },
    async died(name, version) {
      await tx
        .updateTable('secret_names')
        .set({ dead_version: version })
        .where('name', '=', name)
        .where('dead_version', '<', version)
        .execute()
    },
    async describe(name, { owner, description, tags }) {
      const set = {
        ...(owner === undefined ? {} : { owner }),
        ...(description === undefined ? {} : { description }),
        ...(tags === undefined ? {} : { tags: JSON.stringify(tags) }),
      }
      if (Object.keys(set).length === 0) return
      await tx.updateTable('secret_names').set(set).where('name', '=', name).execute()
    },
    async delete(name) {
      await tx
        .updateTable('secret_names')
        .set({ deleted_ms: clock.nowMs() })
        .where('name', '=', name)
        .where('deleted_ms', 'is', null)
        .execute()
      const rows = await tx
        .selectFrom('secrets')
        .select((e) => e.fn.countAll<number>().as('count'))
        .where('name', '=', name)
        .executeTakeFirst()
      return rows?.count ?? 0
    },
    async undelete(name) {
      await tx.updateTable('secret_names').set({ deleted_ms: null }).where('name', '=', name).execute()
    },
    async destroy(name, version) {
      const update = tx
        .updateTable('secrets')
        // The store overwrites what stood there (`secure_delete`).
        .set({ sealed: noBytes, destroyed_ms: clock.nowMs() })
        .where('name', '=', name)
        .where('destroyed_ms', 'is', null)
      const gone = await (version === undefined ? update : update.where('version', '=', version))
        .returning('version')
        .execute()
      return gone.map((row) => row.version).toSorted((a, b) => a - b)
    },
    move: (from, to) => move(tx, sealer, from, to),
  }
}

function isSame(one: Secret, other: Secret): boolean {
  const [a, b] = [one, other].map((secret) => createHash('sha256').update(secret.reveal().trim()).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}

/** A value is sealed for its name, so that nobody who can write to the store can pass one off as another: it is sealed anew. */
async function move(tx: QueryCreator<Tables>, sealer: Sealer, from: string, to: string): Promise<void> {
  const taken = await tx
    .selectFrom('secret_names')
    .select('deleted_ms')
    .where('name', '=', to)
    .executeTakeFirst()
  if (taken !== undefined)
    throw new MayflyError(
      'conflict',
      `there is a secret ${to} already${taken.deleted_ms === null ? '' : ', deleted, with its versions'}: take another name`,
    )
  const versions = await tx.selectFrom('secrets').selectAll().where('name', '=', from).execute()
  await tx.updateTable('secret_names').set({ name: to }).where('name', '=', from).execute()
  await takeAlong(tx, from, to)
  for (const row of versions) {
    const { version, destroyed_ms } = row
    const sealed =
      destroyed_ms === null ? sealer.seal(to, version, sealer.open(from, version, row.sealed)) : noBytes
    await tx
      .updateTable('secrets')
      .set({ name: to, sealed })
      .where('name', '=', from)
      .where('version', '=', version)
      .execute()
  }
}

/** What is known of it by its name: what ends an old value, who leased it, that it is compromised. */
async function takeAlong(tx: QueryCreator<Tables>, from: string, to: string): Promise<void> {
  await tx.updateTable('rotations').set({ secret: to }).where('secret', '=', from).execute()
  await tx.updateTable('rotation_alerts').set({ secret: to }).where('secret', '=', from).execute()
  await tx.updateTable('lease_secrets').set({ secret: to }).where('secret', '=', from).execute()
  await tx.updateTable('compromises').set({ secret: to }).where('secret', '=', from).execute()
}
