import { sql, type RawBuilder } from 'kysely'
import { MayflyError } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import { headOf, keyIdOf, openSealed, seal } from './envelope.ts'
import type { StoredRing } from './key-ring.ts'
import { sealedColumns, sealedMeta, type SealedColumn } from './sealed-columns.ts'

export interface Resealed {
  /** Values that were sealed anew. */
  readonly changed: number
  /** What does not open: it is left as it is, and its key with it. */
  readonly broken: readonly string[]
  /** Everything has been looked at since the last pass began. */
  readonly passed: boolean
}

/** Rows of one transaction: few enough that others hardly wait. */
const batchRows = 100

type Row = Readonly<Record<string, unknown>> & { readonly sealed: Uint8Array }

/**
 * Seals anew what an older key than the newest has sealed, one batch after another; where it is stands in memory only, since a
 * pass that is begun again finds what is left. A row is changed only if it is still what was read: whoever wrote it meanwhile
 * wins, and of two servers that do this one finds nothing to do.
 */
export function createReseal({ store, ring }: { store: Store; ring: StoredRing }): () => Promise<Resealed> {
  let at = 0
  let after: readonly unknown[] | undefined

  return async () => {
    const column = sealedColumns[at]
    if (column === undefined) {
      at = 0
      return { changed: await resealMeta(store, ring), broken: [], passed: true }
    }
    const rows = await olderRows(store, column, ring.newest().id, after)
    const last = rows.at(-1)
    after = last === undefined ? undefined : column.key.map((name) => last[name])
    if (rows.length < batchRows) [at, after] = [at + 1, undefined]
    return { ...(await resealRows(store, ring, column, rows)), passed: false }
  }
}

/** How many values are still sealed by an older key. */
export async function countOlder(store: Store, newest: number): Promise<number> {
  let count = 0
  for (const { table, column } of sealedColumns) {
    const { rows } = await sql<{
      n: number
    }>`select count(*) as n from ${sql.table(table)} where ${isOlder(column, newest)}`.execute(store.read)
    count += rows[0]?.n ?? 0
  }
  return count + olderMeta(store, newest).length
}

async function olderRows(
  store: Store,
  { table, column, key }: SealedColumn,
  newest: number,
  after: readonly unknown[] | undefined,
): Promise<Row[]> {
  const keys = sql.join(key.map((name) => sql.ref(name)))
  const further = after === undefined ? sql`` : sql`and (${keys}) > (${sql.join(after)})`
  const { rows } = await sql<Row>`
    select ${keys}, ${sql.ref(column)} as sealed from ${sql.table(table)}
    where ${isOlder(column, newest)} ${further} order by ${keys} limit ${batchRows}`.execute(store.read)
  return rows
}

/** By its first bytes; what is destroyed is empty. */
function isOlder(column: string, newest: number): RawBuilder<unknown> {
  const head = headOf(newest)
  return sql`length(${sql.ref(column)}) > 0 and substr(${sql.ref(column)}, 1, ${head.length}) < ${head}`
}

async function resealRows(store: Store, ring: StoredRing, column: SealedColumn, rows: readonly Row[]) {
  const broken: string[] = []
  const fresh = rows.flatMap((row) => {
    const sealed = sealedAnew(ring, column.contextOf(row), row.sealed)
    if (sealed === undefined) broken.push(column.contextOf(row))
    return sealed === undefined ? [] : [{ row, sealed }]
  })
  if (fresh.length > 0)
    await store.writeAll(() =>
      fresh.map(({ row, sealed }) => ({
        sql: `update "${column.table}" set "${column.column}" = ? where ${column.key.map((name) => `"${name}" = ?`).join(' and ')} and "${column.column}" = ?`,
        parameters: [sealed, ...column.key.map((name) => row[name]), row.sealed],
      })),
    )
  return { changed: fresh.length, broken }
}

async function resealMeta(store: Store, ring: StoredRing): Promise<number> {
  const rows = olderMeta(store, ring.newest().id)
  const fresh = rows.flatMap(({ key, context, value }) => {
    const sealed = sealedAnew(ring, context, Buffer.from(value, 'base64'))
    return sealed === undefined ? [] : [{ key, value, sealed: sealed.toString('base64') }]
  })
  if (fresh.length > 0)
    await store.writeAll(() =>
      fresh.map(({ key, value, sealed }) => ({
        sql: 'update meta set value = ? where key = ? and value = ?',
        parameters: [sealed, key, value],
      })),
    )
  return fresh.length
}

function olderMeta(store: Store, newest: number) {
  return Object.entries(sealedMeta).flatMap(([key, context]) => {
    const value = store.find('meta', { key })?.value
    if (value === undefined) return []
    const id = keyIdOf(Buffer.from(value, 'base64'))
    return id === undefined || id >= newest ? [] : [{ key, context, value }]
  })
}

/** Nothing for what does not open: one damaged value must not hold up all others. Throws `vault_sealed`. */
function sealedAnew(ring: StoredRing, context: string, sealed: Uint8Array): Buffer | undefined {
  try {
    const plain = openSealed(ring, context, sealed).reveal()
    const fresh = seal(ring, context, plain)
    plain.fill(0)
    return fresh
  } catch (error) {
    if (error instanceof MayflyError && error.code === 'vault_key') return undefined
    throw error
  }
}
