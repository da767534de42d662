import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { MayflyError, messageOf, type Clock } from '../lib/index.ts'
import { signatureAlgorithms } from './compact-token.ts'
import { refuse, type Refused } from './identity.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { maxClockSkewSeconds } from './validity.ts'

/** Verifies signature, issuer, audience and times of a token with the issuer's own keys. */
export async function checkSignature(
  token: string,
  expected: { issuerUrl: string; audience: string; keys: IssuerKeys; clock: Clock },
): Promise<{ readonly ok: true; readonly payload: JWTPayload } | Refused> {
  const options = {
    algorithms: [...signatureAlgorithms],
    audience: expected.audience,
    issuer: expected.issuerUrl,
    clockTolerance: maxClockSkewSeconds,
    currentDate: new Date(expected.clock.nowMs()),
    requiredClaims: ['exp', 'iat', 'sub'],
  }
  const attempt = async (keys: JWTVerifyGetKey) => ({
    ok: true as const,
    payload: (await jwtVerify(token, keys, options)).payload,
  })
  try {
    try {
      return await attempt(await expected.keys.get())
    } catch (error) {
      // The issuer may have rotated its keys since we asked.
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      return await attempt(await expected.keys.get(true))
    }
  } catch (error) {
    return refusalOf(error)
  }
}

function refusalOf(error: unknown): Refused {
  const detail = messageOf(error)
  if (error instanceof MayflyError) return refuse('issuer_unreachable', detail)
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
