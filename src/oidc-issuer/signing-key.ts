import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { Selectable } from 'kysely'
import { MayflyError } from '../lib/index.ts'
import type { Tables } from '../store/index.ts'
import { openSealed, seal, type VaultKey } from '../vault/index.ts'

export type KeyUse = 'access' | 'identity'
/** ES256 where the other side takes it; AWS and Azure want RS256. */
export type SigningAlgorithm = 'ES256' | 'RS256'

export interface SigningKey {
  /** Its thumbprint (RFC 7638). */
  readonly kid: string
  readonly use: KeyUse
  readonly alg: SigningAlgorithm
  readonly number: number
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly publicJwk: JWK
  readonly createdMs: number
  readonly notBeforeMs: number
  readonly retiredMs: number | undefined
  readonly withdrawnMs: number | undefined
}

type Row = Selectable<Tables['signing_keys']>

const makePair = promisify(generateKeyPair)
const modulusBits = 2048

/** A row for a new key, its private part sealed. */
export async function makeKeyRow(
  vaultKey: VaultKey,
  made: Pick<Row, 'use' | 'alg' | 'number' | 'created_ms' | 'not_before_ms'>,
): Promise<Row> {
  const { alg } = made
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? await makePair('ec', { namedCurve: 'P-256' })
      : await makePair('rsa', { modulusLength: modulusBits })
  const publicPart = publicKey.export({ format: 'jwk' }) as JWK
  const kid = await calculateJwkThumbprint(publicPart)
  const sealed = seal(
    vaultKey,
    contextOf(kid),
    Buffer.from(JSON.stringify(privateKey.export({ format: 'jwk' }))),
  )
  const public_jwk = JSON.stringify({ ...publicPart, kid, alg, use: 'sig' })
  return { ...made, kid, public_jwk, sealed, retired_ms: null, withdrawn_ms: null }
}

/** Opens it. Throws `vault_key` if it is not the key that its row says. */
export function openKeyRow(vaultKey: VaultKey, row: Row): SigningKey {
  const opened = openSealed(vaultKey, contextOf(row.kid), row.sealed).reveal().toString()
  const publicJwk = JSON.parse(row.public_jwk) as JWK
  const pair = readPair(row.alg, opened, publicJwk)
  if (pair === undefined)
    throw new MayflyError(
      'vault_key',
      `signing key ${row.kid} in the store is not an ${row.alg} key: restore the store from a backup`,
    )
  return {
    ...pair,
    publicJwk,
    kid: row.kid,
    use: row.use,
    alg: row.alg,
    number: row.number,
    createdMs: row.created_ms,
    notBeforeMs: row.not_before_ms,
    retiredMs: row.retired_ms ?? undefined,
    withdrawnMs: row.withdrawn_ms ?? undefined,
  }
}

function readPair(
  alg: SigningAlgorithm,
  privateJwk: string,
  publicJwk: JWK,
): Pick<SigningKey, 'privateKey' | 'publicKey'> | undefined {
  const form = (jwk: unknown) => ({ key: jwk as Record<string, string>, format: 'jwk' }) as const
  const fits = (key: KeyObject) =>
    alg === 'ES256'
      ? key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
      : key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails?.modulusLength === modulusBits
  try {
    const privateKey = createPrivateKey(form(JSON.parse(privateJwk)))
    const publicKey = createPublicKey(form(publicJwk))
    return fits(privateKey) && createPublicKey(privateKey).equals(publicKey)
      ? { privateKey, publicKey }
      : undefined
  } catch {
    // What is wrong with it stays untold: the message might repeat a part of the key.
    return undefined
  }
}

function contextOf(kid: string): string {
  return `signing key ${kid}`
}
