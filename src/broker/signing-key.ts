import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { MayflyError, type Clock } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import { openSealed, seal, type VaultKey } from '../vault/index.ts'
import type { SigningKey } from './access-token.ts'

/** The newest ES256 key that signs access tokens; made, sealed by the vault key, at the first start. */
export async function loadSigningKey(deps: {
  store: Store
  vaultKey: VaultKey
  clock: Clock
}): Promise<SigningKey> {
  const row = await deps.store.read
    .selectFrom('signing_keys')
    .selectAll()
    .orderBy('created_ms', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row !== undefined) {
    const privateJwk = JSON.parse(
      openSealed(deps.vaultKey, contextOf(row.kid), row.sealed).reveal().toString(),
    ) as JWK
    return fromJwks(row.kid, privateJwk, JSON.parse(row.public_jwk) as JWK)
  }
  const pair = await generateKeyPair('ES256', { extractable: true })
  const privateJwk = await exportJWK(pair.privateKey)
  const publicJwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(publicJwk)
  const full = { ...publicJwk, kid, alg: 'ES256', use: 'sig' }
  const sealed = seal(deps.vaultKey, contextOf(kid), Buffer.from(JSON.stringify(privateJwk)))
  const created_ms = deps.clock.nowMs()
  await deps.store.write((tx) =>
    tx
      .insertInto('signing_keys')
      .values({ kid, public_jwk: JSON.stringify(full), sealed, created_ms })
      .execute(),
  )
  return fromJwks(kid, privateJwk, full)
}

async function fromJwks(kid: string, privateJwk: JWK, publicJwk: JWK): Promise<SigningKey> {
  const privateKey = await importJWK(privateJwk, 'ES256')
  const publicKey = await importJWK(publicJwk, 'ES256')
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) {
    throw new MayflyError(
      'vault_key',
      `signing key ${kid} in the store is not an ES256 key: restore the store from a backup`,
    )
  }
  return { kid, privateKey: privateKey, publicKey: publicKey, publicJwk }
}

function contextOf(kid: string): string {
  return `signing key ${kid}`
}
