import { createHash, createPublicKey, verify } from 'node:crypto'
import { messageOf } from '../lib/index.ts'

export type ReadProof =
  | { readonly ok: true; readonly payload: Readonly<Record<string, unknown>>; readonly jkt: string }
  | { readonly ok: false; readonly detail: string }

/**
 * Reads a DPoP proof (RFC 9449, section 4.2) in one go: its form, its own key, its signature, its times. One algorithm
 * and one curve are known, so nothing in the header chooses how it is verified. Synchronous on purpose: through
 * WebCrypto the same costs twice as much, and every exchange and connection pays it. Throws nothing.
 */
export function readProof(proof: string, nowSeconds: number, windowSeconds: number): ReadProof {
  const parts = proof.split('.')
  const [headerPart = '', payloadPart = '', signaturePart = ''] = parts
  if (parts.length !== 3 || !parts.every(isBase64url)) return unverified('it is no compact JWS')
  const header = parseObject(headerPart)
  if (header === undefined) return unverified('its header is no JSON object')
  const key = publicKeyOf(header['jwk'])
  if (!key.ok) return key
  if (header['typ'] !== 'dpop+jwt') return unverified('its typ is not dpop+jwt')
  if (header['alg'] !== 'ES256') return unverified('its alg is not ES256')
  // RFC 7515, section 4.1.11: an extension that is not understood is a refusal; RFC 7797's `b64` changes what is signed.
  if ('crit' in header || 'b64' in header) return unverified('its header has extensions')
  const signature = Buffer.from(signaturePart, 'base64url')
  const signed = Buffer.from(`${headerPart}.${payloadPart}`)
  // 64 bytes, r and s as they are: DER would give one signature several spellings.
  if (signature.length !== 64) return unverified('signature verification failed')
  try {
    const publicKey = createPublicKey({ key: key.jwk, format: 'jwk' })
    if (!verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
      return unverified('signature verification failed')
  } catch (error) {
    // The two coordinates are of no point on the curve.
    return unverified(messageOf(error))
  }
  const payload = parseObject(payloadPart)
  if (payload === undefined) return unverified('its payload is no JSON object')
  const problem = claimProblem(payload, nowSeconds, windowSeconds)
  return problem === undefined ? { ok: true, payload, jkt: thumbprint(key.jwk) } : unverified(problem)
}

interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

function publicKeyOf(
  jwk: unknown,
): { ok: true; jwk: PublicJwk & Record<string, string> } | (ReadProof & { ok: false }) {
  if (jwk === undefined || jwk === null)
    return { ok: false, detail: 'the proof must carry a public key only' }
  if (!isObject(jwk)) return unverified('its jwk is no object')
  if ('d' in jwk || 'k' in jwk) return { ok: false, detail: 'the proof must carry a public key only' }
  const { kty, crv, x, y } = jwk
  if (kty !== 'EC' || crv !== 'P-256' || !isCoordinate(x) || !isCoordinate(y))
    return unverified('its key is not an EC key on P-256')
  return { ok: true, jwk: { kty, crv, x, y } }
}

function claimProblem(
  payload: Readonly<Record<string, unknown>>,
  nowSeconds: number,
  windowSeconds: number,
): string | undefined {
  const missing = ['jti', 'htm', 'htu', 'iat'].find((claim) => payload[claim] === undefined)
  if (missing !== undefined) return `missing required "${missing}" claim`
  if (typeof payload['jti'] !== 'string') return '"jti" is no text'
  for (const claim of ['iat', 'exp', 'nbf'])
    if (payload[claim] !== undefined && !Number.isFinite(payload[claim])) return `"${claim}" is no number`
  const { exp, nbf } = payload
  if (typeof exp === 'number' && exp <= nowSeconds - windowSeconds) return '"exp" is in the past'
  if (typeof nbf === 'number' && nbf > nowSeconds + windowSeconds) return '"nbf" is in the future'
  return undefined
}

/** RFC 7638, section 3: SHA-256 over the required members in lexicographic order. */
function thumbprint({ crv, kty, x, y }: PublicJwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

function unverified(why: string): { readonly ok: false; readonly detail: string } {
  return { ok: false, detail: `the DPoP proof does not verify: ${why}` }
}

function isBase64url(text: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(text)
}

/**
 * 32 bytes, written the one way there is: the thumbprint is over the text, and a key must not have two.
 */
function isCoordinate(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    text.length === 43 &&
    Buffer.from(text, 'base64url').toString('base64url') === text
  )
}

function parseObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
