import { MayflyError } from '../../lib/index.ts'
import { isDuplicate } from '../../store/index.ts'
import type { Signer } from '../sign/index.ts'
import {
  authorityRows,
  certificateIn,
  nextAuthorityMs,
  publishedAuthorities,
  standingOf,
} from './authorities.ts'
import { keyIdOf, newAuthorityRow, newRootRow, openKeyRow, outerAuthorityRow, rowOf } from './keys.ts'
import type { By, TrustDeps } from './model.ts'
import type { KeyRow, TrustState } from './state.ts'

const hourMs = 3_600_000
/** How long a CA is published before it signs: clients keep a document for a while. */
export const announceMs = 24 * hourMs

/** Puts a key into the store, and into the audit log. False if another server has just made one of this number, or this very one. */
export async function addKey(
  { records }: Pick<TrustDeps, 'records'>,
  row: KeyRow,
  why: By,
): Promise<boolean> {
  const event = {
    type: 'trust.rotated',
    data: { ...why, key: row.id, use: row.use, signs_from: new Date(row.not_before_ms).toISOString() },
  }
  try {
    await records.write(async (tx, add) => {
      await tx.insertInto('attest_keys').values(row).execute()
      add([event])
    })
    return true
  } catch (error) {
    if (isDuplicate(error)) return false
    throw error
  }
}

/**
 * Has the CA that waits sign from now on: clients know it already, as they would know no new one. Undefined if it cannot be opened, or
 * was taken back a moment ago.
 */
export async function bringForward(
  { records, clock, vaultKey }: Pick<TrustDeps, 'records' | 'clock' | 'vaultKey'>,
  row: KeyRow,
  why: By,
): Promise<KeyRow | undefined> {
  try {
    openKeyRow(vaultKey, row)
  } catch (error) {
    if (!(error instanceof MayflyError) || error.code !== 'vault_key') throw error
    return undefined
  }
  const not_before_ms = Math.min(row.not_before_ms, clock.nowMs())
  const signs_from = new Date(not_before_ms).toISOString()
  const isChanged = await records.write(async (tx, add) => {
    const { numUpdatedRows } = await tx
      .updateTable('attest_keys')
      .set({ not_before_ms })
      .where('id', '=', row.id)
      .where('retired_ms', 'is', null)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 0n) return false
    add([{ type: 'trust.rotated', data: { ...why, key: row.id, use: row.use, signs_from } }])
    return true
  })
  return isChanged ? { ...row, not_before_ms } : undefined
}

export function nextNumber(state: TrustState, use: KeyRow['use']): number {
  return Math.max(0, ...state.keys.filter((key) => key.use === use).map(({ number }) => number)) + 1
}

export async function makeAuthorityRow(
  deps: Pick<TrustDeps, 'vaultKey' | 'url' | 'clock'>,
  state: TrustState,
  waitMs: number,
): Promise<KeyRow> {
  const created_ms = deps.clock.nowMs()
  const times = { number: nextNumber(state, 'ca'), created_ms, not_before_ms: created_ms + waitMs }
  return newAuthorityRow(deps.vaultKey, organizationOf(deps.url()), times)
}

function organizationOf(url: string): string {
  return new URL(url).hostname
}

/**
 * Makes what is missing: the first root key, the first CA, the next CA when the one that signs comes near its end or was revoked;
 * and takes in the keys that are elsewhere. True if there is something new.
 */
export async function makeMissing(deps: TrustDeps, state: TrustState): Promise<boolean> {
  const made = [
    await firstRoot(deps, state),
    await outerKeys(deps, state),
    await nextAuthority(deps, state),
    await retireReplaced(deps, state),
  ]
  return made.includes(true)
}

async function firstRoot(deps: TrustDeps, state: TrustState): Promise<boolean> {
  if (state.document !== undefined || state.keys.some(({ use }) => use === 'root')) return false
  const created_ms = deps.clock.nowMs()
  const row = await newRootRow(deps.vaultKey, { number: 1, created_ms, not_before_ms: created_ms })
  await addKey(deps, row, { reason: 'first' })
  return true
}

async function outerKeys(deps: TrustDeps, state: TrustState): Promise<boolean> {
  const { outer = {}, url } = deps
  const organization = organizationOf(url())
  const asCa = (signer: Signer | undefined, number: number, waitMs: number) =>
    addOuter(deps, state, signer, (one, created_ms) =>
      outerAuthorityRow(one, organization, { number, created_ms, not_before_ms: created_ms + waitMs }),
    )
  const asKey = (signer: Signer | undefined, number: number) =>
    addOuter(deps, state, signer, (one, created_ms) =>
      rowOf(one, 'signing', { number, created_ms, not_before_ms: created_ms }),
    )
  const [ca, key] = [nextNumber(state, 'ca'), nextNumber(state, 'signing')]
  const next = nextOf(outer)
  const added = [
    await asCa(outer.ca, ca, 0),
    await asKey(outer.signer, key),
    await asCa(next.ca, ca + 1, announceMs),
    await asKey(next.signer, key + 1),
  ]
  return added.includes(true)
}

/** What comes next, of the two kinds that are kept elsewhere. */
export function nextOf({ next }: NonNullable<TrustDeps['outer']>): {
  readonly ca?: Signer
  readonly signer?: Signer
} {
  return next === undefined || next === 'keyless' ? {} : next
}

async function addOuter(
  deps: TrustDeps,
  state: TrustState,
  signer: Signer | undefined,
  make: (signer: Signer, nowMs: number) => Promise<KeyRow>,
): Promise<boolean> {
  if (signer === undefined) return false
  const id = keyIdOf(await signer.publicKey())
  if (state.keys.some((key) => key.id === id)) return false
  await addKey(deps, await make(signer, deps.clock.nowMs()), { reason: 'configured', by: signer.describe })
  return true
}

/** Of CAs that are kept here; whoever keeps one elsewhere says which comes next. */
async function nextAuthority(deps: TrustDeps, state: TrustState): Promise<boolean> {
  const { outer = {}, clock } = deps
  // Where a key signs without certificates there is one only if it is to take over.
  if (outer.ca !== undefined || (outer.signer !== undefined && outer.next !== 'keyless')) return false
  const { current, standings } = standingOf(state, clock.nowMs(), undefined)
  const waits = [...standings.values()].some((one) => one === 'unpublished' || one === 'next')
  if (waits) return false
  const leftMs = current === undefined ? 0 : certificateIn(current).validToDate.getTime() - clock.nowMs()
  if (leftMs > nextAuthorityMs) return false
  const row = await makeAuthorityRow(deps, state, current === undefined ? 0 : announceMs)
  const isFirst = authorityRows(state).length === 0
  await addKey(deps, row, { reason: isFirst ? 'first' : 'scheduled' })
  return true
}

/** Those before the one that signs: their private parts are destroyed, so nobody signs with them any more. */
async function retireReplaced(deps: TrustDeps, state: TrustState): Promise<boolean> {
  const nowMs = deps.clock.nowMs()
  const outerId = deps.outer?.ca === undefined ? undefined : keyIdOf(await deps.outer.ca.publicKey())
  const { current } = standingOf(state, nowMs, outerId)
  if (current === undefined) return false
  const published = publishedAuthorities(state)
  const over = authorityRows(state).filter(
    ({ id, number, sealed, retired_ms }) =>
      retired_ms === null && sealed !== null && number < current.number && published.includes(id),
  )
  if (over.length === 0) return false
  await deps.records.write((tx) =>
    tx
      .updateTable('attest_keys')
      .set({ sealed: null, retired_ms: nowMs })
      .where(
        'id',
        'in',
        over.map(({ id }) => id),
      )
      .execute(),
  )
  return true
}
