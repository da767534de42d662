import { nowSeconds, withOneLoopbackName, type Clock } from '../lib/index.ts'
import { refuse, type Refused } from './identity.ts'

/** How far an issuer's clock may be from ours, either way. */
export const maxClockSkewSeconds = 30
/** A token that lives longer is no token of one job. */
const maxLifetimeSeconds = 86_400

/**
 * Whom a verified token is for and when it is good (RFC 7519, section 4.1): `aud` is ours and nobody else's, what is
 * good at another place too could have been taken there (RFC 8725, section 3.9); `exp`, `iat` and `sub` are there; the
 * times are numbers that a clock can show, and now is between them; the token does not live longer than a day. `iss` was
 * looked up before. Returns the refusal, or nothing.
 */
export function checkValidity(
  claims: Readonly<Record<string, unknown>>,
  audience: string,
  clock: Clock,
): Refused | undefined {
  const missing = ['exp', 'iat', 'sub'].find((name) => !Object.hasOwn(claims, name))
  if (missing !== undefined) return refuse('claim_missing', `it has no ${missing}`)
  return checkAudience(claims['aud'], audience) ?? checkTimes(claims, nowSeconds(clock))
}

function checkAudience(aud: unknown, audience: string): Refused | undefined {
  const only: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  if (typeof only === 'string' && withOneLoopbackName(only) === withOneLoopbackName(audience))
    return undefined
  const isForOthersToo = Array.isArray(aud) && aud.includes(audience)
  return refuse(
    'audience_mismatch',
    isForOthersToo
      ? 'the token is for several audiences, not for us alone'
      : `aud is ${JSON.stringify(aud)?.slice(0, 200) ?? 'missing'}, this server is ${audience}`,
  )
}

function checkTimes(claims: Readonly<Record<string, unknown>>, now: number): Refused | undefined {
  const { iat, nbf = iat, exp } = claims
  for (const [name, value] of Object.entries({ iat, nbf, exp }))
    if (!isNumericDate(value)) return refuse('token_malformed', `${name} is no NumericDate`)
  const [issued, from, until] = [iat, nbf, exp].map(Number) as [number, number, number]
  if (until <= now - maxClockSkewSeconds)
    return refuse(
      'token_expired',
      `it ended ${Math.round(now - until)} s ago (exp); ask your CI for a fresh one`,
    )
  const ahead = Math.max(issued, from) - now
  if (ahead > maxClockSkewSeconds)
    return refuse(
      'token_not_yet_valid',
      `it begins in ${Math.round(ahead)} s (${issued > from ? 'iat' : 'nbf'}): look at the issuer’s clock and ours`,
    )
  const lifetime = until - issued
  if (!(lifetime > 0 && lifetime <= maxLifetimeSeconds))
    return refuse('token_expired', `a lifetime of ${lifetime} s is refused`)
  return undefined
}

/** RFC 7519, section 2; it may have a fraction. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
}
