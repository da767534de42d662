import { MayflyError } from '../../lib/index.ts'
import { publishedAuthorities, standingOf } from './authorities.ts'
import { draftOf, putInForce, rootsHere } from './documents.ts'
import type { Held } from './held.ts'
import { newRootRow } from './keys.ts'
import { addKey, announceMs, bringForward, makeAuthorityRow, nextNumber } from './making.ts'
import type { By, TrustDeps, TrustKeeper } from './model.ts'
import type { TrustState } from './state.ts'
import type { Sweeping } from './sweeping.ts'

/** A trusted root has at most 100 of each (Sigstore's readers, and ours). */
const maxAuthorities = 90

/** The next CA: one that waits already is taken, so that asking twice makes one. */
export async function rotateAuthority(
  deps: TrustDeps,
  held: Held,
  sweeping: Sweeping,
  { now, by }: Parameters<TrustKeeper['rotateAuthority']>[0],
): ReturnType<TrustKeeper['rotateAuthority']> {
  await sweeping.sweepAnew()
  refuseKeyElsewhere(deps)
  const before = held.state()
  const asOf = standingOf(before, deps.clock.nowMs(), undefined)
  const waits = before.keys.findLast(({ id }) =>
    ['next', 'unpublished'].includes(asOf.standings.get(id) ?? ''),
  )
  const why = { reason: now ? 'compromised' : 'asked', ...by }
  const waiting = waits === undefined || !now ? waits : await bringForward(deps, waits, why)
  const row = waiting ?? (await addAuthority(deps, before, now, why))
  await sweeping.sweepAnew()
  const published = publishedAuthorities(held.state()).includes(row.id)
  return { key: row.id, signsFromMs: row.not_before_ms, pending: waiting !== undefined, published }
}

function refuseKeyElsewhere({ outer = {} }: TrustDeps): void {
  if (outer.ca === undefined && outer.signer === undefined) return
  throw new MayflyError(
    'bad_input',
    'the key that signs is not kept here: name the next one in the file of mayfly up --attest (next), start again, and later make it the one that signs (docs/attest-root.md)',
  )
}

async function addAuthority(deps: TrustDeps, before: TrustState, now: boolean, why: By) {
  const row = await makeAuthorityRow(deps, before, now ? 0 : announceMs)
  if (before.keys.filter(({ use }) => use === 'ca').length >= maxAuthorities)
    throw new MayflyError('limit_exceeded', `a trust document takes no more than ${maxAuthorities} CAs`)
  if (!(await addKey(deps, row, why)))
    throw new MayflyError('conflict', 'another server makes a CA at the same time: ask again')
  return row
}

/** The next root key and, signed by it and the one before, the document that names it. Returns the state before. */
export async function rotateRoot(
  deps: TrustDeps,
  held: Held,
  sweeping: Sweeping,
  by: By,
): Promise<TrustState> {
  await sweeping.sweepAnew()
  const before = held.state()
  if (rootsHere(before).length === 0)
    throw new MayflyError(
      'bad_input',
      'the root key is offline: make the next one (mayfly attest root init), ask for a document that names it (mayfly attest root next --root FILE.pub), sign it with both, and publish it',
    )
  const created_ms = deps.clock.nowMs()
  const times = { number: nextNumber(before, 'root'), created_ms, not_before_ms: created_ms }
  const row = await newRootRow(deps.vaultKey, times)
  if (!(await addKey(deps, row, { reason: 'asked', ...by })))
    throw new MayflyError('conflict', 'another server makes a root key at the same time: ask again')
  const asked = { root: [row.public_key], alsoBy: [row] }
  const { envelope } = await draftOf(deps, before, await held.keysOfLog(), asked)
  await putInForce(deps, before, envelope, by)
  return before
}
