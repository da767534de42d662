import { X509Certificate } from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'
import { leafId, readAuthority, type Authority, type Signer } from '../sign/index.ts'
import { openKeyRow } from './keys.ts'
import type { Standing, TrustDeps } from './model.ts'
import type { KeyRow, StoredDocument, TrustState } from './state.ts'

const dayMs = 86_400_000
/** The next CA is made that long before the one that signs ends: an offline root must find the time to sign. */
export const nextAuthorityMs = 90 * dayMs

/* Read once: each signing looks at them. */
const certificates = new WeakMap<KeyRow, X509Certificate>()
const publishedIn = new WeakMap<StoredDocument, readonly string[]>()

export function certificateIn(row: KeyRow): X509Certificate {
  if (row.certificate === null) throw new MayflyError('store_failed', `the CA ${row.id} has no certificate`)
  const certificate = certificates.get(row) ?? new X509Certificate(row.certificate)
  certificates.set(row, certificate)
  return certificate
}

export function authorityRows(state: TrustState): KeyRow[] {
  return state.keys.filter(({ use }) => use === 'ca')
}

/** The CA that signs now, if there is one, and how the others stand. */
export function standingOf(
  state: TrustState,
  nowMs: number,
  outerId: string | undefined,
): { readonly current: KeyRow | undefined; readonly standings: ReadonlyMap<string, Standing> } {
  const published = new Set(publishedAuthorities(state))
  const revoked = new Set(state.revoked.map(({ key }) => key))
  const whyNot = (row: KeyRow): Standing | undefined => {
    if (revoked.has(row.id)) return 'revoked'
    if (row.retired_ms !== null) return 'retired'
    if (certificateIn(row).validToDate.getTime() <= nowMs) return 'ended'
    if (outerId === undefined ? row.sealed === null : row.id !== outerId) return 'elsewhere'
    return published.has(row.id) ? undefined : 'unpublished'
  }
  const rows = authorityRows(state)
  const able = rows.filter((row) => whyNot(row) === undefined)
  // A clock that is behind another server's finds the one that waits: the one before it is retired already.
  const current = able.findLast(({ not_before_ms }) => not_before_ms <= nowMs) ?? able[0]
  const standings = rows.map((row) => {
    const standing =
      whyNot(row) ?? (row === current ? 'signs' : row.number > (current?.number ?? 0) ? 'next' : 'retired')
    return [row.id, standing] as const
  })
  return { current, standings: new Map(standings) }
}

/** Where keys sign without certificates no CA does: it has been retired, or is to take over. */
export function asUsed(standing: Standing, { signer, next }: NonNullable<TrustDeps['outer']>): Standing {
  if (signer === undefined || standing !== 'signs') return standing
  return next === 'keyless' ? 'next' : 'retired'
}

/** Ids of the CAs of the document in force. */
export function publishedAuthorities({ document }: TrustState): readonly string[] {
  if (document === undefined) return []
  const known = publishedIn.get(document)
  const ids = known ?? document.payload.trustedRoot.certificateAuthorities.map(leafId)
  publishedIn.set(document, ids)
  return ids
}

/** Opens each CA once. Throws `vault_sealed`, and `vault_key` with what to do. */
export function createAuthorities({ vaultKey, outer = {} }: Pick<TrustDeps, 'vaultKey' | 'outer'>) {
  const opened = new Map<string, Authority>()

  function signerOf(row: KeyRow): Signer {
    if (row.sealed === null && outer.ca !== undefined) return outer.ca
    try {
      return openKeyRow(vaultKey, row)
    } catch (error) {
      if (!(error instanceof MayflyError) || error.code !== 'vault_key') throw error
      throw new MayflyError(
        'vault_key',
        `${error.message}; or go on with a new CA: mayfly attest root rotate ca --now`,
        { cause: error },
      )
    }
  }

  return {
    async open(row: KeyRow): Promise<Authority> {
      const known = opened.get(row.id)
      if (known !== undefined) return known
      const authority = await readAuthority(certificateIn(row).raw, signerOf(row))
      if (authority === undefined)
        throw new MayflyError(
          'vault_key',
          `the certificate of the attestation CA ${row.id} in the store is not its own: mayfly attest root rotate ca --now`,
        )
      opened.set(row.id, authority)
      return authority
    },
    forget(id: string): void {
      opened.delete(id)
    },
  }
}
