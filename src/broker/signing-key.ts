import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
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

function fromJwks(kid: string, privateJwk: JWK, publicJwk: JWK): SigningKey {
  const keys = readPair(privateJwk, publicJwk)
  if (keys !== undefined) return { kid, ...keys, publicJwk }
  throw new MayflyError(
    'vault_key',
    `signing key ${kid} in the store is not an ES256 key: restore the store from a backup`,
  )
}

function readPair(privateJwk: JWK, publicJwk: JWK): Pick<SigningKey, 'privateKey' | 'publicKey'> | undefined {
  const form = (jwk: JWK) => ({ key: jwk as Record<string, string>, format: 'jwk' }) as const
  const isP256 = (key: KeyObject) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  try {
    const privateKey = createPrivateKey(form(privateJwk))
    const publicKey = createPublicKey(form(publicJwk))
    return isP256(privateKey) && isP256(publicKey) ? { privateKey, publicKey } : undefined
  } catch {
    // What is wrong with it stays untold: the message might repeat a part of the key.
    return undefined
  }
}

function contextOf(kid: string): string {
  return `signing key ${kid}`
}
