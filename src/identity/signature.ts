import { constants, KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto'
import { createLocalJWKSet, errors, type JSONWebKeySet, type LocalJWKSet } from 'jose'
import { messageOf } from '../lib/index.ts'
import type { SignatureAlgorithm, SignedToken } from './compact-token.ts'
import { refuse, type Refused } from './identity.ts'

/** A yes is said, not left out: what is missing must never be one. */
export type SignatureResult = { readonly ok: true } | Refused

/**
 * Verifies the signature of a token with the issuer's own keys, `jwks` as JSON text. jose finds the key and imports it,
 * and refuses one that is not for this algorithm; OpenSSL verifies in one go: through WebCrypto the same costs five times
 * as much, and every exchange pays it. Throws nothing.
 */
export async function checkSignature(token: SignedToken, jwks: string): Promise<SignatureResult> {
  try {
    const key = await keyOf(token, jwks)
    if (key.rsaBits !== undefined && key.rsaBits < minRsaBits)
      return refuse('key_unknown', `the issuer's key has less than ${minRsaBits} bits`)
    return isSignedBy(key, token) ? { ok: true } : refuse('signature_invalid', 'no signature by this key')
  } catch (error) {
    return refusalOf(error)
  }
}

/** RFC 7518, section 3.3. */
const minRsaBits = 2048

type Scheme = Omit<VerifyKeyObjectInput, 'key'> & { readonly hash: string | null }

const pkcs1 = (hash: string): Scheme => ({ hash, padding: constants.RSA_PKCS1_PADDING })
const pss = (hash: string, saltLength: number): Scheme => ({
  hash,
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength,
})
// r and s as they are: DER would give one signature several spellings.
const ecdsa = (hash: string): Scheme => ({ hash, dsaEncoding: 'ieee-p1363' })
const eddsa: Scheme = { hash: null }

/** RFC 7518, section 3.1; RFC 8037, section 3.1; RFC 9864, section 2.2. */
const schemes: Readonly<Record<SignatureAlgorithm, Scheme>> = {
  RS256: pkcs1('sha256'),
  RS384: pkcs1('sha384'),
  RS512: pkcs1('sha512'),
  PS256: pss('sha256', 32),
  PS384: pss('sha384', 48),
  PS512: pss('sha512', 64),
  ES256: ecdsa('sha256'),
  ES384: ecdsa('sha384'),
  ES512: ecdsa('sha512'),
  EdDSA: eddsa,
  Ed25519: eddsa,
}

function isSignedBy({ key, rsaBits }: IssuerKey, { alg, input, signature }: SignedToken): boolean {
  const bytes = Buffer.from(signature, 'base64url')
  // RFC 8017, section 8.1.2: as long as the modulus. OpenSSL takes a shorter one for a number that begins with zeros.
  if (rsaBits !== undefined && bytes.length !== Math.ceil(rsaBits / 8)) return false
  const { hash, ...options } = schemes[alg]
  return verify(hash, Buffer.from(input), { key, ...options }, bytes)
}

interface IssuerKey {
  readonly key: KeyObject
  readonly rsaBits: number | undefined
}

/** jose's keys, once they are OpenSSL's: an issuer has a few. */
const imported = new WeakMap<object, IssuerKey>()

async function keyOf({ alg, kid }: SignedToken, jwks: string): Promise<IssuerKey> {
  const found = await keysIn(jwks)({ alg, ...(kid === undefined ? {} : { kid }) })
  const known = imported.get(found)
  if (known !== undefined) return known
  // Not from the KeyObject, which would make a number of the exponent first, however long an issuer made it.
  const { modulusLength } = found.algorithm as { modulusLength?: number }
  const key = { key: KeyObject.from(found), rsaBits: modulusLength }
  imported.set(found, key)
  return key
}

const known = new Map<string, LocalJWKSet>()
/** More than a server has issuers; those that rotated their keys are forgotten with the rest. */
const maxKnown = 64

/** A key source for jose, which imports each key once. */
export function keysIn(jwks: string): LocalJWKSet {
  const found = known.get(jwks)
  if (found !== undefined) return found
  if (known.size >= maxKnown) known.clear()
  const keys = createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet)
  known.set(jwks, keys)
  return keys
}

function refusalOf(error: unknown): Refused {
  if (error instanceof errors.JWKSNoMatchingKey)
    return refuse('key_unknown', 'no key of the issuer has this kid')
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return refuse('key_unknown', 'several keys of the issuer could be meant: the token names none')
  return refuse('key_unknown', `the issuer's key cannot be used: ${messageOf(error)}`)
}
