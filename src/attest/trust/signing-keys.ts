import type { Store } from '../../store/index.ts'
import { asUsed, certificateIn, publishedAuthorities, standingOf } from './authorities.ts'
import { keyIdOf } from './keys.ts'
import { nextOf } from './making.ts'
import type { ListedKey, TrustDeps } from './model.ts'
import { pemKeyId } from '../sign/index.ts'
import type { KeyRow, TrustState } from './state.ts'

/** Every key that signs attestations, is to sign, or has signed: of CAs, and those without a certificate. Oldest first. */
export async function signingKeys(
  { store, clock, outer = {} }: Pick<TrustDeps, 'store' | 'clock' | 'outer'>,
  state: TrustState,
): Promise<ListedKey[]> {
  const idOf = async (one: (typeof outer)['ca']) =>
    one === undefined ? undefined : keyIdOf(await one.publicKey())
  const coming = nextOf(outer)
  const [ca, signer] = [await idOf(outer.ca), await idOf(outer.signer)]
  const [nextCa, nextSigner] = [await idOf(coming.ca), await idOf(coming.signer)]
  const { standings } = standingOf(state, clock.nowMs(), ca)
  const places = await placesOf(store)
  const published = [...publishedAuthorities(state), ...(state.document?.payload.keys ?? []).map(ofPem)]
  const revoked = new Set(state.revoked.map(({ key }) => key))
  const isHere = (row: KeyRow) => row.sealed !== null
  const at = (row: KeyRow) => (isHere(row) ? 'the vault' : (places.get(row.id) ?? 'nowhere any more'))

  function stateOf({ id, use }: KeyRow): ListedKey['state'] {
    if (revoked.has(id)) return 'revoked'
    if (use === 'ca') {
      const standing = asUsed(standings.get(id) ?? 'retired', outer)
      return id === nextCa && published.includes(id) ? 'next' : standing
    }
    if (!published.includes(id)) return 'unpublished'
    return id === signer ? 'signs' : id === nextSigner ? 'next' : 'retired'
  }

  return state.keys
    .filter(({ use }) => use !== 'root')
    .toSorted((one, other) => one.created_ms - other.created_ms)
    .map((row) => ({
      ...{ key: row.id, use: row.use === 'ca' ? 'ca' : 'signing', state: stateOf(row), at: at(row) },
      ...{ publishedMs: row.created_ms, signsFromMs: row.not_before_ms },
      ...(row.certificate === null ? {} : { endsMs: certificateIn(row).validToDate.getTime() }),
    }))
}

function ofPem({ publicKey }: { publicKey: string }): string {
  return pemKeyId(publicKey)
}

/** Where each key was when it was first used, by its id. */
async function placesOf(store: Store): Promise<ReadonlyMap<string, string>> {
  const pins = await store.read.selectFrom('attest_pins').selectAll().execute()
  return new Map(pins.map(({ place, spki }) => [keyIdOf(Buffer.from(spki, 'base64')), place]))
}
