import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { messageOf } from '../lib/index.ts'
import { signatureAlgorithms } from './compact-token.ts'
import { refuse, type Refused } from './identity.ts'
import { maxClockSkewSeconds } from './validity.ts'

export interface TokenExpectation {
  readonly issuerUrl: string
  readonly audience: string
  /** The issuer's keys: its JWKS as JSON text. */
  readonly jwks: string
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number
}

/** A yes is said, not left out: what is missing must never be one. */
export type SignatureResult = { readonly ok: true } | Refused

/** Verifies signature, issuer, audience and times of a token with the issuer's own keys. */
export async function checkSignature(
  token: string,
  { issuerUrl, audience, jwks, nowMs }: TokenExpectation,
): Promise<SignatureResult> {
  try {
    await jwtVerify(token, keysIn(jwks), {
      algorithms: [...signatureAlgorithms],
      audience,
      issuer: issuerUrl,
      clockTolerance: maxClockSkewSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp', 'iat', 'sub'],
    })
    return { ok: true }
  } catch (error) {
    return refusalOf(error)
  }
}

const known = new Map<string, JWTVerifyGetKey>()
/** More than a server has issuers; those that rotated their keys are forgotten with the rest. */
const maxKnown = 64

/** A key source for jose, which imports each key once. */
export function keysIn(jwks: string): JWTVerifyGetKey {
  const found = known.get(jwks)
  if (found !== undefined) return found
  if (known.size >= maxKnown) known.clear()
  const keys = createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet)
  known.set(jwks, keys)
  return keys
}

function refusalOf(error: unknown): Refused {
  const detail = messageOf(error)
  if (error instanceof errors.JWTExpired) return refuse('token_expired', detail)
  if (error instanceof errors.JWKSNoMatchingKey)
    return refuse('key_unknown', 'no key of the issuer has this kid')
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return refuse('key_unknown', 'several keys of the issuer could be meant: the token names none')
  if (error instanceof errors.JWSSignatureVerificationFailed) return refuse('signature_invalid', detail)
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return refuse('audience_mismatch', detail)
    if (error.reason === 'missing') return refuse('claim_missing', detail)
    if (error.claim === 'nbf' || error.claim === 'iat') return refuse('token_not_yet_valid', detail)
    return refuse('claim_missing', detail)
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return refuse('algorithm_refused', detail)
  return refuse('token_malformed', detail)
}
